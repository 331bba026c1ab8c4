"""The arms of a comparison: the lines of a table, each as the numbers of its independent runs.

Independent is what was drawn independently: where searches vary, the search, not its trainings. Three searches of which
each was trained three times are three runs; the number of one is the mean of its trainings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.planning.config_fields import SEED
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.planning.planned_trial import identity
from orchestrator.tables.cells import Column, plain_text
from orchestrator.tables.table import Table, TableRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One line of a table, for one of its columns."""

    label: str
    stage: str
    """Where its runs were drawn: the first stage, from the root, whose seeds vary."""
    kind: str
    """The trainable of that stage."""
    measured: str
    """The stage whose trials were measured."""
    values: Mapping[str, tuple[float, ...]]
    """Seed -> the numbers measured for that independent run."""
    trials: Mapping[str, tuple[str, ...]]
    """Seed -> ids of the trials that measured them."""
    missing: tuple[str, ...] = ()
    """Seeds of which a trial is not done, or not trusted; they are left out."""
    fixed: tuple[str, ...] = ()
    """Stages before it of which there is only one trial: what is said holds for what that one found."""

    @property
    def runs(self) -> dict[str, float]:
        """Seed -> the number of that independent run, the mean of what was measured."""
        return {seed: sum(values) / len(values) for seed, values in self.values.items()}

    @property
    def seeds(self) -> tuple[str, ...]:
        """All that it was planned with."""
        return (*self.values, *self.missing)


def arms_of(plan: Plan, table: Table, column: Column) -> list[Arm | None]:
    """Return the arm of each line of a table; None for one that only quotes, or waits for a best of several."""
    known = {trial.trial_id: trial for trial in (*plan.trials, *plan.of_stage(column.stage))}
    return [_arm(plan, known, row, column) for row in table.rows]


def _arm(plan: Plan, known: Mapping[str, PlannedTrial], row: TableRow, column: Column) -> Arm | None:
    measured = {one.trial_id: one.value if one.state == "done" else None for one in row.cells[column.name].evidence}
    trials = [known[trial_id] for trial_id in measured if trial_id in known]
    if not trials:
        return None
    drawn, fixed = _drawn(trials)
    members: dict[str, list[PlannedTrial]] = {}
    for trial in trials:
        members.setdefault(_seed(trial, drawn), []).append(trial)
    order = sorted(members, key=lambda seed: (len(seed), seed))
    numbers = {seed: [measured[trial.trial_id] for trial in members[seed]] for seed in order}
    whole = {seed: tuple(v for v in values if v is not None) for seed, values in numbers.items() if None not in values}
    return Arm(
        label=_label(row, column),
        stage=drawn,
        kind=plan.entries[drawn].name,
        measured=trials[0].stage,
        values=whole,
        trials={seed: tuple(trial.trial_id for trial in members[seed]) for seed in whole},
        missing=tuple(seed for seed in order if seed not in whole),
        fixed=fixed,
    )


def _drawn(trials: Sequence[PlannedTrial]) -> tuple[str, tuple[str, ...]]:
    """Return the first stage from the root whose seeds vary, and the stages before it that have a trial."""
    stages = [*reversed(trials[0].lineage)]
    for number, stage in enumerate(stages):
        if len({_seed(trial, stage) for trial in trials}) > 1:
            return stage, tuple(stages[:number])
    return stages[-1], tuple(stages[:-1])


def _seed(trial: PlannedTrial, stage: str) -> str:
    """Return the seed of a trial or of its ancestor; "null" where it is no axis, or the best of several is taken."""
    return identity(trial.coordinates.get(f"{stage}.{SEED}"))


def _label(row: TableRow, column: Column) -> str:
    keys = {**row.keys, **column.settings}
    return " ".join(value if isinstance(value, str) else f"{key}={plain_text(value)}" for key, value in keys.items())
