"""A forecast: what the open trials of a plan cost, and when they are done, each with the interval it is in at 80 %."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from orchestrator.forecast.disk import bytes_of
from orchestrator.forecast.draws import Draws, quantile
from orchestrator.forecast.durations import Group
from orchestrator.forecast.finish import finishes
from orchestrator.forecast.outlook import Outlook
from orchestrator.forecast.pace import Basis
from orchestrator.forecast.slots import Slots
from trainables.trial import JSON

LOW, HIGH = 0.1, 0.9
DRAWS = 200
HOUR = 3600.0
ORDER: tuple[Basis, ...] = ("done", "stage", "kind", "any", "elsewhere", "rough")
"""What a forecast rests on, the surest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """A quantity, and between what it is in four of five cases."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, draws: Sequence[float]) -> "Range":
        ordered = sorted(draws)
        return cls(low=quantile(ordered, LOW), median=quantile(ordered, 0.5), high=quantile(ordered, HIGH))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rest:
    """What is still to do of a stage."""

    trials: int
    """Without those that will take over the row of another."""
    seconds: Range
    """Of all of them together, one after the other."""
    basis: Basis


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What the open trials cost, and when they are done."""

    slots: Slots
    trials: int
    gpu_hours: Range
    cpu_hours: Range
    """Of trials without GPUs."""
    disk_bytes: float
    finish: Range | None
    """Seconds from now; None where some trial fits nowhere, and so never ends."""
    stranded: int
    """Trials that fit on no node, without those that need them."""
    stages: Mapping[str, Rest]
    """Those of which something is still to do."""
    done: int
    """Done trials of the plan that it rests on."""

    @property
    def factor(self) -> float:
        """How far the cost may be off either way, in four of five cases."""
        hours = max(self.gpu_hours, self.cpu_hours, key=lambda each: each.median)
        return max(hours.high / hours.median, hours.median / hours.low)

    def to_json(self) -> dict[str, JSON]:
        """Return it for scripts: times in seconds or hours, as their names say."""
        return {
            "slots": self.slots.name,
            "trials": self.trials,
            "gpu_hours": asdict(self.gpu_hours),
            "cpu_hours": asdict(self.cpu_hours),
            "disk_bytes": round(self.disk_bytes),
            "finish_seconds": None if self.finish is None else asdict(self.finish),
            "stranded": self.stranded,
            "stages": {name: asdict(rest) for name, rest in self.stages.items()},
            "done": self.done,
        }


def foresee(outlook: Outlook, slots: Slots) -> Forecast | None:
    """Return the forecast of what is still to do; None where nothing is, or only rows of others are taken over.

    The same outlook gives the same forecast.
    """
    if all(trial.trial_id in outlook.twins for trial in outlook.open):
        return None
    draws = Draws(outlook)
    paced = [draws.paced() for _ in range(DRAWS)]
    totals = [draws.totals_of(each) for each in paced]
    stranded = [trial for trial in outlook.open if not slots.fits(trial.resources)]
    return Forecast(
        slots=slots,
        trials=len(outlook.open),
        gpu_hours=Range.of([_gpu_hours(each) for each in totals]),
        cpu_hours=Range.of([_cpu_hours(each, draws) for each in totals]),
        disk_bytes=bytes_of(outlook),
        finish=None if stranded else Range.of(finishes(outlook, slots, draws, paced, totals)),
        stranded=len(stranded),
        stages=_stages(outlook, draws, totals),
        done=outlook.done,
    )


def _stages(outlook: Outlook, draws: Draws, totals: Sequence[Mapping[Group, float]]) -> dict[str, Rest]:
    seconds = [draws.by_stage(each) for each in totals]
    counts = Counter(trial.stage for trial in outlook.open if trial.trial_id not in outlook.twins)
    paces = sorted(draws.paces.items(), key=lambda each: ORDER.index(each[1].basis))
    least: dict[str, Basis] = {group.stage: pace.basis for group, pace in paces}
    return {
        stage: Rest(trials=count, seconds=Range.of([each[stage] for each in seconds]), basis=least[stage])
        for stage, count in counts.items()
    }


def _gpu_hours(totals: Mapping[Group, float]) -> float:
    return sum(group.gpus * seconds for group, seconds in totals.items()) / HOUR


def _cpu_hours(totals: Mapping[Group, float], draws: Draws) -> float:
    return (
        sum(draws.of_group[group].resources.cpus * seconds for group, seconds in totals.items() if not group.gpus)
        / HOUR
    )
