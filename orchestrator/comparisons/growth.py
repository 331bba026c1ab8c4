"""What it takes to settle what is open: the seeds to add, as the line of the file that adds them, and their cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice

from orchestrator.comparisons.comparison import Comparisons
from orchestrator.planning.grids.config_fields import SEED
from orchestrator.planning.plan import Plan
from trainables.trial import JSON, TrialRow

DAYS = ("gpu_days", "cpu_days")


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """A larger grid."""

    seeds: Mapping[str, Sequence[int]]
    """Stage -> all its seeds, those it has first."""

    @property
    def overrides(self) -> tuple[str, ...]:
        """What `--set` takes."""
        return tuple(f"stages.{stage}.grid.{SEED}={list(seeds)}" for stage, seeds in self.seeds.items())

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands in the file then, to copy: all seeds, however many."""
        return tuple(f"stages.{stage}.grid.{SEED}: {list(seeds)}" for stage, seeds in self.seeds.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What a larger grid costs beyond the one there is."""

    trials: int
    days: Mapping[str, float]
    """`gpu_days`, `cpu_days`, as far as finished trials tell."""
    unknown: Mapping[str, float]
    """Stages of which nobody knows, as no trial of their kind is finished -> the work added, as a part of what the
    stage has now."""


def growths_of(plan: Plan, found: Comparisons) -> list[tuple[int, Growth]]:
    """Return what settles the first of the open comparisons, and what settles all: how many that are, and the seeds.

    One entry where they are the same, none where nothing would.
    """
    needed = sorted(one.needed for one in found.comparisons if one.needed)
    steps = dict.fromkeys((needed[0], needed[-1])) if needed else {}
    grown = [(sum(each <= most for each in needed), growth_of(plan, found, most)) for most in steps]
    return [(settled, growth) for settled, growth in grown if growth is not None]


def growth_of(plan: Plan, found: Comparisons, most: int | None = None) -> Growth | None:
    """Return the seeds that would settle every open comparison of which that is known; None where there is none.

    Only stages whose seeds are an axis are grown; comparisons that need more runs than `most` are left open.
    """
    more: dict[str, int] = {}
    for one in found.comparisons:
        wanted = one.needed is not None and (most is None or one.needed <= most)
        for arm in (one.first, one.second) if wanted else ():
            lacking = math.ceil((one.needed or 0) / arm.runs_per_seed) - len(arm.seeds) // arm.runs_per_seed
            more[arm.stage] = max(more.get(arm.stage, 0), lacking)
    seeds = {stage: _grown(plan, stage, n) for stage, n in more.items() if n > 0 and SEED in plan.axes[stage]}
    return Growth(seeds=seeds) if seeds else None


def price_of(plan: Plan, grown: Plan, rows: Mapping[str, TrialRow]) -> Price:
    """Return what the trials cost that only the grown plan has.

    Each as much as the finished ones of its stage, else of its kind, by the work that the plan expects of each.
    """
    there = {trial.trial_id for trial in plan.trials}
    added = {trial.trial_id: trial for trial in grown.trials if trial.trial_id not in there}
    days = dict.fromkeys(DAYS, 0.0)
    unknown: dict[str, float] = {}
    for stage in dict.fromkeys(trial.stage for trial in added.values()):
        work = sum(trial.expected_cost for trial in added.values() if trial.stage == stage)
        kind = plan.entries[stage].name
        alike = [each for each in plan.stages if plan.entries[each].name == kind]
        done = next(filter(None, (_done(plan, stages, rows) for stages in ([stage], alike))), [])
        spent = sum(cost for cost, _ in done)
        if not spent:
            unknown[stage] = work / (sum(trial.expected_cost for trial in plan.of_stage(stage)) or 1.0)
        for name in DAYS if spent else ():
            days[name] += work * sum(float(row.timing.get(name, 0)) for _, row in done) / spent
    return Price(trials=len(added), days={name: value for name, value in days.items() if value}, unknown=unknown)


def _done(plan: Plan, stages: Sequence[str], rows: Mapping[str, TrialRow]) -> list[tuple[float, TrialRow]]:
    """Return the finished trials of some stages, each with the work that was expected of it."""
    trials = {trial.trial_id: trial for stage in stages for trial in plan.of_stage(stage)}
    found = ((trial.expected_cost, rows.get(trial_id)) for trial_id, trial in trials.items())
    return [(cost, row) for cost, row in found if row is not None and row.state == "done"]


def _grown(plan: Plan, stage: str, more: int) -> list[int]:
    there: dict[JSON, None] = {trial.coordinates[f"{stage}.{SEED}"]: None for trial in plan.of_stage(stage)}
    seeds = [seed for seed in there if isinstance(seed, int)]
    return [*seeds, *islice((seed for seed in count() if seed not in there), more)]
