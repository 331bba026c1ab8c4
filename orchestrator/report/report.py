"""A report as data: everything that its page says, from an experiment, its plan, and the rows there are."""

import base64
import hashlib
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.architectures.drawing.architecture import draw
from orchestrator.document.experiment import Experiment
from orchestrator.document.spec import FigureKind, FigureSpec
from orchestrator.figures.figure import Epochs, Figure
from orchestrator.figures.files import draw_figure, svg
from orchestrator.figures.fonts import missing_letters
from orchestrator.figures.kinds import build as build_figures
from orchestrator.figures.kinds import default_figures
from orchestrator.ledger import STATES, TrialState
from orchestrator.planning.grids.planned_trial import identity
from orchestrator.planning.plan import Plan
from orchestrator.report.failures import Failure, failures_of
from orchestrator.report.methods import Appendix, appendix_of, compute_of, paragraph_of
from orchestrator.report.pictures import inline_svg
from orchestrator.report.results import Result, Sources, result_of
from orchestrator.report.runs import Runs, run_place, runs_of
from orchestrator.tables.evidence import Record
from orchestrator.tables.layout import key_text
from trainables.architecture.genotype import NasBench201Cell, declared, read_architecture
from trainables.errors import SharptuneError
from trainables.trial import TrialRow, canonical_json

KINDS: tuple[FigureKind, ...] = ("curves", "dots", "pareto", "timeline")
"""Figures that a report has also where the experiment's file asks for none."""
MOST_TRIALS = 300
"""Trials of which figures are drawn that nobody asked for: of more, nothing could be told apart in them."""
MOST_OF_A_KIND = 12
LARGEST_SVG = 250_000
"""Characters; a larger figure stands in the page as pixels."""
LONGEST_LABEL = 1500
FIGURE_SCALE = 1.35
"""What is drawn for the width of a page of paper is larger on a screen."""
PRINTED = 516.0
"""Points: how wide a picture is on A4."""
MOST_DRAWN = 12
"""Architectures that are drawn; of all others it is said how to draw them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a report is of, and how it was asked for."""

    experiment: Experiment
    plan: Plan
    name: str
    """What commands are given for the experiment: a packaged name, or a file."""
    overrides: Sequence[str]
    storage: str
    """As commands are given it."""
    folder: str
    """Where it is in full."""

    @property
    def call(self) -> list[str]:
        """The words after a command that mean this experiment."""
        return [self.name, *(word for override in self.overrides for word in ("--set", override))]


@dataclass(frozen=True, kw_only=True, slots=True)
class StageAsked:
    """One stage as it was asked for."""

    name: str
    trainable: str
    trials: int
    axes: tuple[tuple[str, str], ...]
    """(name, values)."""
    needs: str
    resources: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A figure or an architecture, or why it cannot be drawn."""

    name: str
    title: str
    svg: str = ""
    """Markup; all text in it is escaped."""
    png: str = ""
    """Instead of it where it would be large: a PNG file in base64."""
    label: str = ""
    """What there is to be seen, in words."""
    notes: tuple[str, ...] = ()
    trials: tuple[str, ...] = ()
    """Of an architecture, those that found it."""
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All that a page says."""

    asked: Asked
    title: str
    stages: tuple[StageAsked, ...]
    counts: Mapping[str, int]
    """State -> trials."""
    results: tuple[Result, ...]
    figures: tuple[Picture, ...]
    architectures: tuple[Picture, ...]
    more_architectures: int
    """How many others were found."""
    runs: Runs
    failures: tuple[Failure, ...]
    paragraph: str
    appendix: Appendix
    digest: str
    """Of the rows it is made from."""
    latest: str
    """When the last of them was finished; "" without any."""
    compute: tuple[tuple[str, str], ...]
    """(`0.06`, `CPU hours`): what all runs took together."""
    seeds: tuple[tuple[str, str], ...]
    """(stage, its seeds)."""


def report_of(
    asked: Asked,
    rows: Mapping[str, TrialRow],
    states: Mapping[str, TrialState],
    sources: Sources,
) -> Report:
    """Return a report on what there is; what is missing or cannot be made is said in its place.

    Args:
        rows: by trial id, as `Ledger.rows` has them.
        states: of all trials of the plan, as `Ledger.states` has them.
        sources: where what is not in rows comes from.
    """
    plan = asked.plan
    results = tuple(result_of(plan, rows, spec, sources) for spec in plan.tables)
    tabulated: dict[str, dict[str, None]] = {}
    for result in results:
        for stage, metrics in result.metrics.items():
            tabulated.setdefault(stage, {}).update(dict.fromkeys(metrics))
    runs = runs_of(plan, rows, states, {stage: tuple(metrics) for stage, metrics in tabulated.items()}, asked.folder)
    architectures, more = _architectures(plan, rows)
    failures = failures_of(plan, Record(rows, plan.entries), states, asked.call, ["--storage", asked.storage])
    compared = any(result.sureness for result in results)
    return Report(
        asked=asked,
        title=asked.experiment.title or asked.experiment.name,
        stages=tuple(_stage(asked, stage) for stage in plan.stages),
        counts={name: sum(state.state == name for state in states.values()) for name in STATES},
        results=results,
        figures=tuple(_figures(plan, rows, sources.read_epochs)),
        architectures=architectures,
        more_architectures=more,
        runs=runs,
        failures=tuple(failures),
        paragraph=paragraph_of(plan, rows, runs.environments, compared),
        appendix=appendix_of(plan, rows),
        digest=digest_of(rows),
        latest=max((str(row.timing.get("finished", "")) for row in rows.values()), default=""),
        compute=tuple(compute_of(rows.values())),
        seeds=tuple((stage, _axis(plan, stage, "seed")) for stage in plan.stages),
    )


def digest_of(rows: Mapping[str, TrialRow]) -> str:
    """Return the sha256 of rows, whatever their order; it changes with anything that any of them says."""
    digest = hashlib.sha256()
    for trial_id in sorted(rows):
        digest.update(canonical_json(rows[trial_id].to_json()).encode() + b"\n")
    return digest.hexdigest()


def again(asked: Asked) -> tuple[tuple[str, str], ...]:
    """Return how to get to these numbers again: (what it does, the command)."""
    storage = ["--storage", asked.storage]
    packaged = asked.name == asked.experiment.name
    file = asked.name if packaged else f"{asked.experiment.name}.yaml"
    call = [file, *asked.call[1:]]
    commands = (
        ("Show every trial and where it stands", ["plan", *call, *storage]),
        ("Run what has not run; what is done is kept, what was interrupted goes on", ["run", *call, *storage]),
        ("Print the tables", ["table", *call, *storage]),
        ("Walk each number back to its runs", ["table", *call, *storage, "--explain"]),
        ("Hold rows and files against their digests", ["verify", *call, *storage]),
        ("Compute everything anew, elsewhere", ["run", *call, "--storage", f"{asked.experiment.name}-again"]),
        ("Write this page", ["report", *call, *storage]),
    )
    return tuple((what, shlex.join(["sharptune", *words])) for what, words in commands)


def _stage(asked: Asked, stage: str) -> StageAsked:
    plan, written = asked.plan, asked.experiment.stages[stage]
    trials = list(plan.of_stage(stage))
    needs = written.needs
    return StageAsked(
        name=stage,
        trainable=written.trainable,
        trials=len(trials),
        axes=tuple((axis, _axis(plan, stage, axis)) for axis in plan.axes[stage]),
        needs="" if needs is None else needs.stage + (f" (the best by {needs.best})" if needs.best else ""),
        resources=trials[0].resources.text if trials else "",
    )


def _axis(plan: Plan, stage: str, axis: str) -> str:
    """Return the values of an axis; the middle of many is left out."""
    name = f"{stage}.{axis}"
    found = [t.coordinates.get(name, t.values[stage].get(axis)) for t in plan.of_stage(stage)]
    values = [key_text(value) for value in {identity(value): value for value in found}.values()]
    return ", ".join(values) if len(values) <= 20 else f"{', '.join(values[:3])}, … {values[-1]} ({len(values)})"


def _figures(plan: Plan, rows: Mapping[str, TrialRow], read_epochs: Callable[[TrialRow], Epochs]) -> Iterable[Picture]:
    """Yield the figures that the experiment asks for, then others that show what there is."""
    for spec in (*plan.figures, *_more_figures(plan, rows)):
        title = spec.title or spec.name
        try:
            figures = build_figures(plan, rows, spec, read_epochs)
        except SharptuneError as error:
            yield Picture(name=spec.name, title=title, problem=str(error))
            continue
        yield from (_figure(figure) for figure in figures[:MOST_OF_A_KIND])


def _more_figures(plan: Plan, rows: Mapping[str, TrialRow]) -> Iterable[FigureSpec]:
    """Yield the figures that nobody asked for; none of what is not there, or would be of too many trials."""
    asked = {spec.kind for spec in plan.figures}
    names = {spec.name for spec in plan.figures}
    if not rows or len(plan.trials) > MOST_TRIALS:
        return
    for kind in KINDS:
        for spec in default_figures(plan, kind) if kind not in asked else ():
            yield spec if spec.name not in names else spec.model_copy(update={"name": f"{spec.name}-{kind}"})
            names.add(spec.name)


def _figure(figure: Figure) -> Picture:
    label = figure.description()
    notes = tuple(filter(None, (*figure.notes, figure.missing)))
    drawn = svg(figure)
    if len(drawn) > LARGEST_SVG:
        boxes = missing_letters(figure)
        notes += (f"No installed font has {boxes}",) * bool(boxes)
        png = base64.b64encode(draw_figure(figure, "png")).decode()
        return Picture(name=figure.name, title=figure.title, png=png, label=label[:LONGEST_LABEL], notes=notes)
    drawn = inline_svg(drawn, prefix=f"{figure.name}-", label=label[:LONGEST_LABEL], scale=FIGURE_SCALE)
    return Picture(name=figure.name, title=figure.title, svg=drawn, notes=notes)


def _architectures(plan: Plan, rows: Mapping[str, TrialRow]) -> tuple[tuple[Picture, ...], int]:
    """Return what was found, each architecture once, with the trials of the first stage that has it."""
    found: dict[str, tuple[str, list[str]]] = {}
    for trial in plan.trials:
        row = rows.get(trial.trial_id)
        artifact = row.artifacts.get("genotype") if row is not None and row.state == "done" else None
        if isinstance(artifact, dict):
            stage, finders = found.setdefault(canonical_json(artifact), (trial.stage, []))
            if stage == trial.stage:
                finders.append(trial.trial_id)
    drawn = []
    for number, (_, finders) in enumerate(list(found.values())[:MOST_DRAWN], start=1):
        picture = _architecture(rows[finders[0]], number, finders)
        if picture is not None:
            drawn.append(picture)
    return tuple(drawn), max(0, len(found) - MOST_DRAWN)


def _notes(cell: NasBench201Cell) -> tuple[str, ...]:
    from orchestrator.architectures.benchmark import cell_notes  # the table is numpy's

    return tuple(cell_notes(cell))


def _architecture(row: TrialRow, number: int, finders: Sequence[str]) -> Picture | None:
    artifact = row.artifacts["genotype"]
    try:
        architecture = read_architecture(artifact)
    except SharptuneError:
        return None  # another kind of trial calls something else a genotype
    operations = str(declared(artifact).get("operations", ""))
    document = draw(architecture, name=f"architecture {number}", operations=operations, points=PRINTED)
    label = f"Architecture {number}, found by {run_place(finders[0]).replace('-', ' ')}: {architecture}"
    svg = inline_svg(document, prefix=f"architecture-{number}-", label=label[:2000])
    notes = _notes(architecture) if isinstance(architecture, NasBench201Cell) else ()
    title = f"Architecture {number}"
    return Picture(name=f"architecture-{number}", title=title, svg=svg, notes=notes, trials=tuple(finders))
