"""How often a trial starts again whose process died."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.planning.plan import PlannedTrial

FURTHER_SECONDS = 600.0
"""A trial that has got this much work further since deaths were last forgiven begins its count anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Death:
    """The end of a trial's process before the trial's own."""

    reason: str
    fault: Literal["trial", "storage", "node"] = "trial"
    """Whose it may be. Only the trial's makes it a failed one."""


@dataclass(kw_only=True)
class Retries:
    """The deaths of each trial since it last got further; `worked` returns the seconds of work in its last checkpoint.

    A trial of three weeks may die many times, as long as it gets somewhere in between. One that dies again and again
    at the same place, or a little further each time, has as many lives in ten minutes of work as its stage gives it.
    """

    worked: Callable[[PlannedTrial], float]
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)
    _reached: dict[tuple[str, str], float] = field(default_factory=dict, init=False)

    def note(self, trial: PlannedTrial, death: Death) -> int:
        """Note a death; return how often that has happened since the trial got further, at least 1."""
        which, worked = (trial.trial_id, death.fault), self.worked(trial)
        if worked - self._reached.get(which, 0.0) >= FURTHER_SECONDS:
            self._reached[which] = worked
            del self._counts[which]
        self._counts[which] += 1
        return self._counts[which]
