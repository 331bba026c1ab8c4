"""What a run may spend, and until when: which trials it starts for that, and when it stops."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.frontier import Frontier
from orchestrator.running.selection import Cell, choose
from orchestrator.running.session import Event
from orchestrator.running.stop import Stop

SHARE = 0.05
"""Of the time, what choosing anew may take."""
Unit = Literal["gpu", "cpu"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Seconds of GPUs or CPUs."""

    seconds: float
    unit: Unit

    def price(self, trial: PlannedTrial, seconds: float) -> float:
        """Return what a trial spends in so much time, in the same seconds: what it holds counts, used or not."""
        return seconds * (trial.resources.gpus if self.unit == "gpu" else trial.resources.cpus)


@dataclass(kw_only=True)
class Limits:
    """What one run may spend, and which trials it runs for that.

    What a trial holds counts from its start to its end, in all its attempts of this run; of trials at work also what
    they are expected to need yet. Choices are made anew with the news of each trial, so they follow what trials
    turn out to take.

    Args:
        expected: the seconds that a trial needs yet, if it were to start now.
        in_time: whether trials can all be done within some seconds: (running -> seconds left, chosen, seconds).
    """

    budget: Budget | None = None
    until: float | None = None
    """In seconds since the epoch."""
    cells: Sequence[Cell] = ()
    expected: Callable[[PlannedTrial], float]
    in_time: Callable[[Mapping[str, float], Sequence[PlannedTrial], float], bool] = lambda running, chosen, left: True
    clock: Callable[[], float] = time.time
    _spent: float = field(default=0.0, init=False)
    _began: dict[str, tuple[PlannedTrial, float]] = field(default_factory=dict, init=False)
    """Trial -> when it took its place, of those at work here."""
    _open: int = field(default=-1, init=False)
    """How many trials there were to choose from."""
    _news: bool = field(default=True, init=False)
    _again: float = field(default=float("-inf"), init=False)
    """When the next choice may be made."""

    @property
    def spent(self) -> float:
        """Return what this run has spent so far, in seconds of the budget's unit."""
        if self.budget is None:
            return 0.0
        now = self.clock()
        return self._spent + sum(self.budget.price(trial, now - since) for trial, since in [*self._began.values()])

    @property
    def reached(self) -> str:
        """Return which limit is reached; empty when none is."""
        if self.until is not None and self.clock() >= self.until:
            return f"it is {clock_text(self.until, self.clock())}"
        if self.budget is not None and self.spent >= self.budget.seconds:
            return f"the budget of {amount_text(self.budget.seconds, self.budget.unit)} is spent"
        return ""

    def on_event(self, event: Event) -> None:
        """Take note of who holds what."""
        if event.trial is None:
            return
        if event.kind == "started":
            self._settle(event.trial)
            self._began[event.trial.trial_id] = event.trial, self.clock()
        elif event.kind in ("finished", "released"):
            self._settle(event.trial)
            self._news = True

    def look(self, stop: Stop) -> None:
        """Let trials at work save and stop, once a limit is reached."""
        if not stop() and (reached := self.reached):
            stop.request(reached)

    def too_late(self, trial: PlannedTrial) -> bool:
        """Say whether a trial that starts now is expected to end after the time is up."""
        return self.until is not None and self.clock() + self.expected(trial) > self.until

    def apply(self, frontier: Frontier, *, anew: bool = False) -> None:
        """Hold back what does not fit any more, and let go what fits now; where there is news, or `anew`."""
        size = len(frontier.waiting) + len(frontier.held) + len(frontier.running)
        now = self.clock()
        if not anew and size == self._open and (not self._news or now < self._again):
            return
        begun = time.monotonic()
        self._open, self._news = size, False
        for trial_id in [each for each in self._began if each not in frontier.running]:  # it died, and waits once more
            self._settle(self._began[trial_id][0])
        frontier.restrict(self.choice(frontier.unstarted, frontier.running))
        self._again = now + (time.monotonic() - begun) / SHARE

    def choice(self, trials: Sequence[PlannedTrial], running: Collection[str] = ()) -> frozenset[str]:
        """Return which of some trials to run, those at work aside; parents come before children."""
        now = self.clock()
        expected = {trial.trial_id: self.expected(trial) for trial in trials}
        rest = {name: self._rest(name, now) for name in running}
        room = float("inf")
        if self.budget is not None:
            at_work = [(self._began[name][0], seconds) for name, seconds in rest.items() if name in self._began]
            room = self.budget.seconds - self.spent - sum(self.budget.price(*each) for each in at_work)
        by_id = {trial.trial_id: trial for trial in trials}

        def fits(chosen: Collection[str]) -> bool:
            if self.until is None:
                return True
            return self.in_time(rest, [by_id[each] for each in by_id if each in chosen], self.until - now)

        return choose(trials, self.cells, {name: self._price(by_id[name], expected[name]) for name in by_id}, room, fits)

    def _price(self, trial: PlannedTrial, seconds: float) -> float:
        return 0.0 if self.budget is None else self.budget.price(trial, seconds)

    def _rest(self, trial_id: str, now: float) -> float:
        """Return the seconds that a trial at work is expected to need yet."""
        if trial_id not in self._began:
            return 0.0
        trial, since = self._began[trial_id]
        return max(0.0, self.expected(trial) - (now - since))

    def _settle(self, trial: PlannedTrial) -> None:
        began = self._began.pop(trial.trial_id, None)
        if began is not None and self.budget is not None:
            self._spent += self.budget.price(trial, self.clock() - began[1])


def amount_text(seconds: float, unit: Unit) -> str:
    """Return an amount as people say it: `3 GPU days`, `0.5 CPU hours`."""
    hours = seconds / 3600
    amount, what = (hours / 24, "day") if hours >= 48 else (hours, "hour")
    number = f"{amount:.3g}"
    return f"{number} {unit.upper()} {what}{'' if number == '1' else 's'}"


def clock_text(moment: float, now: float) -> str:
    """Return a local time as people say it: with its day where that is not today."""
    at, today = datetime.fromtimestamp(moment), datetime.fromtimestamp(now)
    return f"{at:%H:%M}" if at.date() == today.date() else f"{at:%Y-%m-%d %H:%M}"
