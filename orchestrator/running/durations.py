"""How long trials may take: their expected cost, at the pace at which others were seen to work."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.planning.plan import PlannedTrial


@dataclass(kw_only=True)
class Durations:
    """Seconds per unit of cost, of each stage, of each kind of trial and of all, from those that are done.

    Costs of unlike stages compare badly: so a stage goes by its own pace where there is one, else by its trainable's,
    else by that of all; where nothing is done, by its cost.
    """

    _seen: dict[tuple[str, str], tuple[float, float]] = field(
        default_factory=lambda: defaultdict(lambda: (0.0, 0.0)), init=False
    )
    """(`stage`, `trainable` or `all`, and its name) -> sums of seconds and of costs."""
    _count: int = field(default=0, init=False)

    def note(self, trial: PlannedTrial, seconds: float) -> bool:
        """Note how long a trial took; say whether that is so much news that estimates should be made anew."""
        if seconds <= 0 or trial.expected_cost <= 0:
            return False
        news = ("stage", trial.stage) not in self._seen
        for which in _kinds(trial):
            known, costs = self._seen[which]
            self._seen[which] = (known + seconds, costs + trial.expected_cost)
        self._count += 1
        return news or self._count & (self._count - 1) == 0  # with the first of a stage, and with every doubling

    def expected(self, trial: PlannedTrial) -> float:
        """Return the seconds that a trial may take; its cost where nothing is known."""
        for which in _kinds(trial):
            if which in self._seen:
                seconds, costs = self._seen[which]
                return trial.expected_cost * seconds / costs
        return trial.expected_cost


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
