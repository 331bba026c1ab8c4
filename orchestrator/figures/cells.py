"""Architectures as pictures: cells after Fig. 2, paths after Fig. 6 of arXiv:1903.09900, out of the rows of trials."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.architectures.description import lines as architecture_lines
from orchestrator.architectures.find import operations_of
from orchestrator.document.spec import FigureSpec
from orchestrator.figures.figure import Epochs, Figure, Line, what_is_missing
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.tables.evidence import Record
from orchestrator.tables.grouping import selected
from trainables.architecture.genotype import Architecture, InvalidGenotype, describe, read_architecture
from trainables.errors import SharptuneError
from trainables.trial import JSON, TrialRow, canonical_json

ARTIFACT = "genotype"


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One architecture."""

    title: str
    heading: str
    """What its drawing calls it."""
    architecture: Architecture
    operations: str
    trials: tuple[str, ...]
    """All that found it, or trained it."""

    def to_json(self) -> dict[str, JSON]:
        """Return the genotype and the trials that have it."""
        return {"title": self.title, "trials": list(self.trials), "genotype": self._genotype()}

    def lines(self) -> Iterator[Line]:
        """Yield its one line."""
        yield {"genotype": canonical_json(self._genotype()), "trial": " ".join(self.trials)}

    def words(self) -> str:
        """Return it node by node, or step by step."""
        return "; ".join(" ".join(line.split()) for line in architecture_lines(self.architecture))

    def _genotype(self) -> dict[str, JSON]:
        return describe(self.architecture, self.operations)


def build(
    plan: Plan, rows: Mapping[str, TrialRow], spec: FigureSpec, read_epochs: Callable[[TrialRow], Epochs]
) -> tuple[Figure, ...]:
    """Return a figure for each architecture of the trials, however many have it; one without panels where none has."""
    record = Record(rows, plan.entries)
    trials = selected(plan, spec.stage, spec.filter)
    notes: list[str] = []
    found: dict[str, list[PlannedTrial]] = {}
    for trial in trials:
        row = rows.get(trial.trial_id)
        if row is None or row.state != "done" or record.distrust(trial.trial_id):
            continue
        try:
            _read(row)
        except (InvalidGenotype, SharptuneError, TypeError, AttributeError, KeyError) as error:
            notes.append(f"trial {trial.trial_id} ({trial.label}) has no genotype that can be drawn: {error}")
        else:
            found.setdefault(canonical_json(row.artifacts[ARTIFACT]), []).append(trial)
    title = spec.title or spec.name
    figures = [
        Figure(
            name=spec.name if len(found) == 1 else f"{spec.name}-{of[0].trial_id}",
            title=title if len(found) == 1 else f"{title}: {of[0].label}" + _more(len(of) - 1),
            kind="cells",
            panels=(_picture(rows[of[0].trial_id], of),),
        )
        for of in found.values()
    ]
    first, *others = figures or [Figure(name=spec.name, title=title, kind="cells", panels=())]
    missing = what_is_missing(trials, rows, record)
    return (
        Figure(
            name=first.name, title=first.title, kind="cells", panels=first.panels, notes=tuple(notes), missing=missing
        ),
        *others,
    )


def _read(row: TrialRow) -> tuple[Architecture, str]:
    artifact = row.artifacts[ARTIFACT]
    return read_architecture(artifact), operations_of(artifact)


def _picture(row: TrialRow, trials: list[PlannedTrial]) -> Picture:
    architecture, operations = _read(row)
    return Picture(
        title="",
        heading=trials[0].label,
        architecture=architecture,
        operations=operations,
        trials=tuple(trial.trial_id for trial in trials),
    )


def _more(others: int) -> str:
    return f" and {others} more" if others else ""
