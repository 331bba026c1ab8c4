"""What it takes to settle what is open: the seeds to add, as the line of the file that adds them, and their cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice

from orchestrator.comparisons.comparison import Comparisons
from orchestrator.planning.config_fields import SEED
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What a larger grid costs beyond the one there is."""

    trials: int
    days: Mapping[str, float]
    """`gpu_days`, `cpu_days`, as far as finished trials tell."""
    unknown: tuple[str, ...]
    """Stages of which none is finished, so that nobody knows."""


def growth_of(plan: Plan, found: Comparisons) -> Growth | None:
    """Return the seeds that would settle every open comparison of which that is known; None where there is none.

    Only stages whose seeds are an axis are grown.
    """
    wanted: dict[str, int] = {}
    for one in found.comparisons:
        for arm in (one.first, one.second) if one.needed else ():
            wanted[arm.stage] = max(wanted.get(arm.stage, 0), one.needed or 0)
    seeds = {stage: _grown(plan, stage, n) for stage, n in wanted.items() if SEED in plan.axes[stage]}
    return Growth(seeds=seeds) if seeds else None


def price_of(plan: Plan, grown: Plan, rows: Mapping[str, TrialRow]) -> Price:
    """Return what the trials cost that only the grown plan has, each as much as those of its stage on average."""
    there = {trial.trial_id for trial in plan.trials}
    added = {trial.trial_id: trial.stage for trial in grown.trials if trial.trial_id not in there}
    days = dict.fromkeys(DAYS, 0.0)
    unknown = []
    for stage in dict.fromkeys(added.values()):
        number = sum(other == stage for other in added.values())
        done = [rows[trial.trial_id] for trial in plan.of_stage(stage) if trial.trial_id in rows]
        timed = [row.timing for row in done if row.state == "done"]
        if not timed:
            unknown.append(stage)
        for name in DAYS if timed else ():
            days[name] += number * sum(float(timing.get(name, 0)) for timing in timed) / len(timed)
    return Price(trials=len(added), days={name: value for name, value in days.items() if value}, unknown=tuple(unknown))


def _grown(plan: Plan, stage: str, n: int) -> list[int]:
    there: dict[JSON, None] = {trial.coordinates[f"{stage}.{SEED}"]: None for trial in plan.of_stage(stage)}
    seeds = [seed for seed in there if isinstance(seed, int)]
    return [*seeds, *islice((seed for seed in count() if seed not in there), max(0, n - len(there)))]
