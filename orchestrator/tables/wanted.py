"""What has to be done for a number: the trials behind each cell of a plan's tables, whatever was measured so far."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.document.spec import TableSpec
from orchestrator.planning.grids.config_fields import SEED
from orchestrator.planning.grids.planned_trial import identity
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.tables.columns import ask
from orchestrator.tables.grouping import grouped, selected
from orchestrator.tables.layout import settings_text


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """The trials of one line of a table, in one of the settings that stand side by side."""

    name: str
    """As people tell it from others: `weighting: p=1 space=sharp`."""
    trials: tuple[str, ...]
    """Their ids, each once; without those that they come from."""


def wanted(plan: Plan) -> list[Wanted]:
    """Return the cells of all tables of a plan, each set of trials once; where it has none, those that seeds make up.

    Raises: TableError, as making the tables does.
    """
    cells = [cell for spec in plan.tables for cell in _of_table(plan, spec)] or [*_of_seeds(plan)]
    different: dict[frozenset[str], Wanted] = {}
    for cell in cells:
        different.setdefault(frozenset(cell.trials), cell)
    return [*different.values()]


def _of_table(plan: Plan, spec: TableSpec) -> Iterator[Wanted]:
    count = Counter(line.label for line in spec.lines if line.stage or spec.stage)
    for line in spec.lines:
        if stage := line.stage or spec.stage:
            apart = f", {settings_text({'stage': stage, **line.filter})}" if count[line.label] > 1 else ""
            yield _cell(f"{spec.name}: {line.label}{apart}", selected(plan, stage, {**spec.filter, **line.filter}))
    if spec.lines:
        return
    trials = selected(plan, spec.stage, spec.filter)
    if trials:
        _, sides = ask(plan, {}, trials[0].lineage, spec)
        for group in grouped(plan, trials, [*spec.rows, *sides]):
            yield _cell(f"{spec.name}: {settings_text(group.keys)}", group.trials)


def _of_seeds(plan: Plan) -> Iterator[Wanted]:
    """Yield the trials that nothing needs and that differ in seeds alone."""
    needed = {parent for trial in plan.trials for parent in trial.parents}
    groups: dict[tuple[str, ...], list[PlannedTrial]] = {}
    for trial in plan.trials:
        if trial.trial_id not in needed:
            axes = {axis: value for axis, value in trial.coordinates.items() if axis.rpartition(".")[2] != SEED}
            key = (trial.stage, *(f"{axis}={identity(value)}" for axis, value in sorted(axes.items())))
            groups.setdefault(key, []).append(trial)
    for trials in groups.values():
        axes = {axis: value for axis, value in trials[0].coordinates.items() if axis.rpartition(".")[2] != SEED}
        count = Counter(axis.rpartition(".")[2] for axis in axes)
        short = {axis: name if count[name := axis.rpartition(".")[2]] == 1 else axis for axis in axes}
        settings = {short[axis]: value for axis, value in axes.items()}
        yield _cell(f"{trials[0].stage}: {settings_text(settings)}", trials)


def _cell(name: str, trials: tuple[PlannedTrial, ...] | list[PlannedTrial]) -> Wanted:
    return Wanted(name=name.rstrip(": "), trials=tuple(dict.fromkeys(trial.trial_id for trial in trials)))
