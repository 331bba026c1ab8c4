"""The arms of a comparison: the lines of a table, each as the numbers of its independent runs.

Independent is what was drawn independently: where searches vary, the search, not its trainings. Three searches of which
each was trained three times are three runs; the number of one is the mean of its trainings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from orchestrator.planning.grids.planned_trial import identity, open_axes
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.tables.cells import Column, plain_text
from orchestrator.tables.grouping import drawn_stage, seed_of
from orchestrator.tables.table import Table, TableRow
from trainables.errors import SharptuneError
from trainables.trial import JSON

RANDOM = "random"
"""The strategy of a search that draws an architecture and searches nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One line of a table, for one of its columns."""

    label: str
    stage: str
    """Where its runs were drawn: the first stage, from the root, whose seeds vary."""
    kind: str
    """The trainable of that stage."""
    kinds: tuple[str, ...]
    """The trainables of its stages, from the root to what was measured."""
    nouns: tuple[str, ...]
    """What a trial of each of these is called in a sentence."""
    measured: str
    """The stage whose trials were measured."""
    values: Mapping[str, tuple[float, ...]]
    """Seed -> the numbers measured for that independent run."""
    trials: Mapping[str, tuple[str, ...]]
    """Seed -> ids of the trials that measured them."""
    missing: tuple[str, ...] = ()
    """Seeds of which a trial is not done, or not trusted; they are left out."""
    alike: int = 0
    """Trials that share their result with another one of the line, which counts once."""
    fixed: tuple[str, ...] = ()
    """Stages before it of which there is only one trial: what is said holds for what that one found."""
    runs_per_seed: int = 1
    """How many independent runs each seed gives: more than one where the line pools over settings."""
    random: bool = False
    """Its architectures were drawn at random."""
    dataset: JSON = None
    """What it was tested on; None where its trials do not say."""

    @property
    def noun(self) -> str:
        """What one of its independent runs is called: a search, a training."""
        return self.nouns[len(self.fixed)]

    @property
    def measured_noun(self) -> str:
        """What a trial that was measured is called."""
        return self.nouns[-1]

    @property
    def fixed_noun(self) -> str:
        """What the one trial is called from which all its runs come; "" where there is none."""
        return self.nouns[len(self.fixed) - 1] if self.fixed else ""

    @property
    def runs(self) -> dict[str, float]:
        """Seed -> the number of that independent run, the mean of what was measured."""
        return {seed: sum(values) / len(values) for seed, values in self.values.items()}

    @property
    def mean(self) -> float:
        """The mean of its runs. Raises: StatisticsError without one."""
        return fmean(self.runs.values())

    @property
    def seeds(self) -> tuple[str, ...]:
        """All that it was planned with."""
        return (*self.values, *self.missing)


def arms_of(plan: Plan, table: Table, column: Column) -> list[Arm | None]:
    """Return the arm of each line of a table; None for one that only quotes, or waits for a best of several."""
    known = {trial.trial_id: trial for trial in (*plan.trials, *plan.of_stage(column.stage))}
    labels = _labels(table, column)
    return [_arm(plan, known, row, column, label) for row, label in zip(table.rows, labels, strict=True)]


def _arm(plan: Plan, known: Mapping[str, PlannedTrial], row: TableRow, column: Column, label: str) -> Arm | None:
    evidence = row.cells[column.name].evidence
    measured = {one.trial_id: one.value if one.state == "done" else None for one in evidence}
    trials = [known[trial_id] for trial_id in measured if trial_id in known]
    if not trials:
        return None
    drawn = drawn_stage(trials)
    lineage = [*reversed(trials[0].lineage)]
    pooled = _pooled(trials, drawn)
    doubles = {one.trial_id for one in evidence if one.state == "alike"}
    members: dict[str, list[PlannedTrial]] = {}
    for trial in trials if not doubles else [trial for trial in trials if trial.trial_id not in doubles]:
        members.setdefault(_unit(trial, drawn, pooled), []).append(trial)
    order = sorted(members, key=lambda seed: (len(seed), seed))
    numbers = {seed: [measured[trial.trial_id] for trial in members[seed]] for seed in order}
    whole = {seed: tuple(v for v in values if v is not None) for seed, values in numbers.items() if None not in values}
    return Arm(
        label=label,
        stage=drawn,
        kind=plan.entries[drawn].name,
        kinds=tuple(plan.entries[stage].name for stage in lineage),
        nouns=tuple(plan.entries[stage].noun or stage for stage in lineage),
        measured=trials[0].stage,
        values=whole,
        trials={seed: tuple(trial.trial_id for trial in members[seed]) for seed in whole},
        missing=tuple(seed for seed in order if seed not in whole),
        alike=len(doubles),
        fixed=tuple(lineage[: lineage.index(drawn)]),
        runs_per_seed=len(order) // len({seed_of(trial, drawn) for trial in trials}) or 1,
        random=_setting(plan, trials, "strategy") == RANDOM,
        dataset=_setting(plan, trials, "dataset"),
    )


def _pooled(trials: Sequence[PlannedTrial], drawn: str) -> list[str]:
    """Return the axes that a line pools over and that its independent runs differ in, seeds apart."""
    lineage = [*reversed(trials[0].lineage)]
    above = lineage[: lineage.index(drawn) + 1]
    return [axis for axis in open_axes([trials]) if axis.rpartition(".")[0] in above]


def _unit(trial: PlannedTrial, drawn: str, pooled: Sequence[str]) -> str:
    """Return what an independent run is known by: its seed, after the values of the axes that are pooled over."""
    settings = [f"{axis.rpartition('.')[2]}={plain_text(trial.coordinates.get(axis))}" for axis in pooled]
    return " ".join([*settings, seed_of(trial, drawn)])


def _setting(plan: Plan, trials: Sequence[PlannedTrial], key: str) -> JSON:
    """Return the value of a setting that all trials share; None where they do not, or have no such setting."""
    try:
        values = {identity(value): value for value in (plan.value(trial, key) for trial in trials)}
    except (LookupError, SharptuneError):
        return None
    return next(iter(values.values())) if len(values) == 1 else None


def _labels(table: Table, column: Column) -> list[str]:
    """Return what each line is called; where two are called the same, after the heading of its block."""
    names, block = [], ""
    for row in table.rows:
        block = row.block or block
        keys = {**row.keys, **column.settings}
        words = (value if isinstance(value, str) else f"{key}={plain_text(value)}" for key, value in keys.items())
        names.append((block, " ".join(word for word in words if word)))
    plain = [name for _, name in names]
    return [f"{block}: {name}" if block and plain.count(name) > 1 else name for block, name in names]
