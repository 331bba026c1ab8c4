"""How long trials may take, as a run learns it: by stage, by settings, and by what they are made from.

A cost model is wrong alike for all trials of the same settings, and what an architecture costs is the same in all of
its trainings. Of both, trials that are done tell more than any model does. What is left is each trial's own, which
nobody knows before.
"""

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from orchestrator.forecast.durations import Durations, seconds_of
from orchestrator.planning.plan import PlannedTrial
from trainables.trial import TrialRow

DOUBT = 1.0
"""Worth as much as so many trials that took as long as expected."""
NEWS, FEWEST = 1.1, 8
"""So many times as many trials, and so many more at least, are news: then estimates are made anew."""


@dataclass(kw_only=True)
class Estimates:
    """The durations of stages, times how far trials of the same settings and of the same parents were off."""

    durations: Durations = field(default_factory=Durations)
    _off: dict[Hashable, tuple[int, float]] = field(default_factory=dict, init=False)
    """What trials share -> how many are done, and the sum of the logarithms of how many times as long as expected."""
    _count: int = field(default=0, init=False)
    _news_at: float = field(default=0.0, init=False)

    def note_row(self, trial: PlannedTrial, row: TrialRow) -> bool:
        """Note how long a done trial took; say whether that is so much news that estimates should be made anew."""
        news = self.durations.note_row(trial, row)
        seconds, expected = seconds_of(row), self.durations.expected(trial)
        if seconds is not None and seconds > 0 and expected > 0:
            self._note(trial, math.log(seconds / expected))
            self._count += 1
        if self._count >= self._news_at:
            self._news_at = max(self._count * NEWS, self._count + FEWEST)
            return True
        return news

    def expected(self, trial: PlannedTrial) -> float:
        """Return the seconds that a trial may take; its cost where nothing is known."""
        off = sum(self._mean(group) for group in _groups(trial) if group in self._off)
        return self.durations.expected(trial) * math.exp(off)

    def _note(self, trial: PlannedTrial, off: float) -> None:
        for group in _groups(trial):
            count, total = self._off.get(group, (0, 0.0))
            self._off[group] = count + 1, total + off
            off -= self._mean(group)  # the rest, for the narrower group to explain

    def _mean(self, group: Hashable) -> float:
        count, total = self._off[group]
        return total / (count + DOUBT)


def _groups(trial: PlannedTrial) -> Iterator[Hashable]:
    """Return what a trial shares with others of its stage, the wider group first."""
    yield trial.stage, trial.expected_cost
    if trial.parents:
        yield trial.stage, trial.parents
