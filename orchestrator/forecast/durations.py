"""How long trials may take: by what others were seen to take."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.forecast.rough import rough_of
from orchestrator.planning.plan import PlannedTrial
from trainables.trial import TrialRow


class Group(NamedTuple):
    """Trials that go at one pace but for chance: of a stage, on as much of a node."""

    trainable: str
    stage: str
    gpus: float
    """What each holds, 0 on the CPU."""
    threads: int
    """Of a trial on the CPU; 0 on GPUs."""

    @property
    def device(self) -> str:
        return "GPU" if self.gpus else "CPU"


@dataclass(kw_only=True, slots=True)
class Paces:
    """Sums over the natural logarithms of paces: of seconds, by those that `rough` says."""

    count: int = 0
    sum: float = 0.0
    squares: float = 0.0

    def add(self, log_pace: float) -> None:
        self.count += 1
        self.sum += log_pace
        self.squares += log_pace * log_pace

    @property
    def mean(self) -> float:
        return self.sum / self.count

    @property
    def deviations(self) -> float:
        """The sum of squared deviations from the mean."""
        return max(0.0, self.squares - self.sum * self.sum / self.count) if self.count else 0.0


@dataclass(kw_only=True)
class Durations:
    """Seconds per unit of cost, of each stage, of each kind of trial and of all, from those that are done.

    Costs of unlike stages compare badly: so a stage goes by its own pace where there is one, else by its trainable's,
    else by that of all; where nothing is done, by its cost.
    """

    groups: dict[Group, Paces] = field(default_factory=lambda: defaultdict(Paces), init=False)
    """How trials of each group were seen to go."""
    _seen: dict[tuple[str, str], tuple[float, float]] = field(
        default_factory=lambda: defaultdict(lambda: (0.0, 0.0)), init=False
    )
    """(`stage`, `trainable` or `all`, and its name) -> sums of seconds and of costs."""
    _count: int = field(default=0, init=False)

    def note(self, trial: PlannedTrial, seconds: float, group: Group | None = None) -> bool:
        """Note how long a trial took; say whether that is so much news that estimates should be made anew.

        Args:
            group: the one it ran in, where that is another than the one it would run in now.
        """
        if seconds <= 0 or trial.expected_cost <= 0:
            return False
        news = ("stage", trial.stage) not in self._seen
        for which in _kinds(trial):
            known, costs = self._seen[which]
            self._seen[which] = (known + seconds, costs + trial.expected_cost)
        group = group or group_of(trial)
        self.groups[group].add(math.log(seconds / rough_of(group.trainable, group.gpus).seconds(trial.expected_cost)))
        self._count += 1
        return news or self._count & (self._count - 1) == 0  # with the first of a stage, and with every doubling

    def note_row(self, trial: PlannedTrial, row: TrialRow) -> bool:
        """Note how long a done trial took; say whether that is much news."""
        seconds = seconds_of(row)
        return seconds is not None and self.note(trial, seconds, group_of_row(trial, row))

    def expected(self, trial: PlannedTrial) -> float:
        """Return the seconds that a trial may take; its cost where nothing is known."""
        for which in _kinds(trial):
            if which in self._seen:
                seconds, costs = self._seen[which]
                return trial.expected_cost * seconds / costs
        return trial.expected_cost


def seconds_of(row: TrialRow) -> float | None:
    """Return how long a done trial took, all its attempts together; None where its row does not say.

    Nothing is to be learned from a row that was taken over from another trial's.
    """
    seconds = row.timing.get("wall_seconds")
    return float(seconds) if isinstance(seconds, int | float) and not row.adopted_from else None


def group_of(trial: PlannedTrial) -> Group:
    """Return the group in which a trial would run now."""
    asked = trial.resources
    return Group(trial.spec.trainable, trial.stage, asked.gpus, 0 if asked.gpus else max(1, int(asked.cpus)))


def group_of_row(trial: PlannedTrial, row: TrialRow) -> Group:
    """Return the group in which a trial has run, as far as its row says."""
    group, held = group_of(trial), held_by(row)
    return group if held is None else group._replace(gpus=held[0], threads=held[1])


def held_by(row: TrialRow) -> tuple[float, int] | None:
    """Return how much of a GPU a done trial held on each, else 0 and its threads; None where its row does not say."""
    shares, threads = row.provenance.get("gpus"), row.provenance.get("threads")
    if isinstance(shares, list) and shares:
        return float(max(shares)), 0
    return (0.0, threads) if isinstance(shares, list) and isinstance(threads, int) else None


def path_weights(trials: Sequence[PlannedTrial], durations: Mapping[str, float]) -> dict[str, float]:
    """Return each trial's duration plus that of the longest chain of trials that wait for it.

    Args:
        trials: parents before children.
        durations: by trial, in any unit.
    """
    weights = dict(durations)
    longest_child = dict.fromkeys(weights, 0.0)
    for trial in reversed(trials):
        weights[trial.trial_id] += longest_child[trial.trial_id]
        for parent in trial.parents:
            if parent in longest_child:
                longest_child[parent] = max(longest_child[parent], weights[trial.trial_id])
    return weights


def _kinds(trial: PlannedTrial) -> tuple[tuple[str, str], ...]:
    return ("stage", trial.stage), ("trainable", trial.spec.trainable), ("all", "")
