"""How far trials take longer or shorter than expected, in ways that they share: by their settings, by their parents.

A cost model is wrong for all trials of the same settings alike, and what an architecture costs is the same in all of its
trainings. Of both, trials that are done tell more than any model; of what is each one's own, nothing does.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from orchestrator.planning.plan import PlannedTrial

DOUBT = 1.0
"""As much as so many trials that took as long as expected."""


@dataclass(kw_only=True)
class Deviations:
    """Logarithms of seconds over expected seconds, of trials of the same stage and cost, and of the same parents."""

    _seen: dict[Hashable, tuple[int, float]] = field(default_factory=lambda: defaultdict(lambda: (0, 0.0)), init=False)
    """What trials share -> how many are done, and the sum of what the wider groups do not explain."""

    def note(self, trial: PlannedTrial, seconds: float, expected: float) -> None:
        """Note how long a trial took, of which so many seconds were expected; both positive."""
        rest = math.log(seconds / expected)
        for group in _groups(trial):
            count, total = self._seen[group]
            self._seen[group] = count + 1, total + rest
            rest -= self._mean(group)

    def factor(self, trial: PlannedTrial) -> float:
        """Return how many times as long as expected a trial may take; 1 where nothing like it is done."""
        return math.exp(sum(self._mean(group) for group in _groups(trial) if group in self._seen))

    def _mean(self, group: Hashable) -> float:
        count, total = self._seen[group]
        return total / (count + DOUBT)


def _groups(trial: PlannedTrial) -> Iterator[Hashable]:
    yield trial.stage, trial.expected_cost
    if trial.parents:
        yield trial.stage, trial.parents
