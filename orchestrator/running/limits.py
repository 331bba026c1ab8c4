"""What a run may spend, and until when: which trials it starts for that, and when it stops."""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from orchestrator.forecast.durations import Durations, Group, Paces, group_of, path_weights
from orchestrator.forecast.outlook import behind_twins, next_turns
from orchestrator.forecast.pace import paces_of
from orchestrator.forecast.rough import rough_seconds
from orchestrator.forecast.schedule import simulate
from orchestrator.forecast.slots import Slots
from orchestrator.planning.plan import PlannedTrial, and_what_needs
from orchestrator.running.frontier import Frontier
from orchestrator.running.selection import Cell, choose, order_of
from orchestrator.running.session import Event
from orchestrator.running.stop import Stop

SHARE = 0.05
"""Of the time, what choosing anew may take."""
Unit = Literal["gpu", "cpu"]
AMOUNTS = (("day", 48 * 3600, 24 * 3600), ("hour", 36, 3600), ("second", 0, 1))
"""In which amounts are said: the name, from how many seconds on, and how many seconds one has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Seconds of GPUs or CPUs."""

    seconds: float
    unit: Unit

    def price(self, trial: PlannedTrial, seconds: float) -> float:
        """Return what a trial spends in so much time, in the same seconds: what it holds counts, used or not."""
        return seconds * (trial.resources.gpus if self.unit == "gpu" else trial.resources.cpus)

    def __str__(self) -> str:
        return amount_text(self.seconds, self.unit)


@dataclass(kw_only=True)
class Limits:
    """What one run may spend, and which trials it runs for that.

    What a trial holds counts from its start to its end, in all its attempts of this run; of trials at work also what
    they are expected to need yet. Choices are made anew with the news of each trial, so they follow what trials
    turn out to take.
    """

    budget: Budget | None = None
    until: float | None = None
    """In seconds since the epoch."""
    cells: Sequence[Cell] = ()
    trials: Sequence[PlannedTrial] = ()
    """All of the plan, parents before children."""
    lost: set[str] = field(default_factory=set)
    """Those that failed or never start, so that no cell of theirs will be whole."""
    slots: Slots
    """What runs at a time."""
    durations: Durations = field(default_factory=Durations)
    """What done trials took; grows by those of this run, from their start to their end."""
    share: Mapping[str, float] = field(default_factory=dict)
    """What of a trial was still to do when the run began, where that is not all of it: 0 to 1."""
    twins: Mapping[str, str] = field(default_factory=dict)
    """Trials that will take over the row of another -> that one, which they wait for."""
    elsewhere: Mapping[Group, Paces] = field(default_factory=dict)
    """How trials of other experiments of the storage went."""
    clock: Callable[[], float] = time.time
    chosen: frozenset[str] | None = field(default=None, init=False)
    """Of the trials that have not started, those that will; None before anything was chosen."""
    order: Mapping[str, int] = field(default_factory=dict, init=False)
    """Of those, which start first: one cell after the other, those that are part of no whole cell last."""
    _spent: float = field(default=0.0, init=False)
    _began: dict[str, tuple[PlannedTrial, float]] = field(default_factory=dict, init=False)
    """Trial -> when it took its place, of those at work here."""
    _broken: set[str] = field(default_factory=set, init=False)
    """Trials of which this run sees only a part, so that it learns nothing of how long they take."""
    _expected: dict[str, float] = field(default_factory=dict, init=False)
    """Trial -> seconds that it needs yet, if it were to start now."""
    _open: int = field(default=-1, init=False)
    """How many trials there were to choose from."""
    _news: bool = field(default=True, init=False)
    _again: float = field(default=float("-inf"), init=False)
    """When the next choice may be made."""

    def __post_init__(self) -> None:
        self._broken.update(self.share)

    @property
    def spent(self) -> float:
        """Return what this run has spent so far, in seconds of the budget's unit."""
        now = self.clock()
        return self._spent + sum(self._price(trial, now - since) for trial, since in [*self._began.values()])

    @property
    def reached(self) -> str:
        """Return which limit is reached; empty when none is."""
        now = self.clock()
        if self.until is not None and now >= self.until:
            return f"it is {clock_text(self.until, now)}"
        if self.budget is not None and self.spent >= self.budget.seconds:
            return f"the budget of {self.budget} is spent"
        return ""

    def on_event(self, event: Event) -> None:
        """Take note of who holds what."""
        if event.trial is None:
            return
        if event.kind == "started":
            if self._settle(event.trial):
                self._broken.add(event.trial.trial_id)
            self._began[event.trial.trial_id] = event.trial, self.clock()
        elif event.kind in ("finished", "released"):
            seconds = self._settle(event.trial)
            done = event.progress is not None and event.progress.state == "done"
            taken_over = event.progress is not None and bool(event.progress.adopted_from)
            if done and not taken_over and event.trial.trial_id not in self._broken:
                self.durations.note(event.trial, seconds)
            self._news = True
            if not done:
                self._broken.add(event.trial.trial_id)
            if event.kind == "finished" and not done:
                self._lose(event.trial)

    def look(self, stop: Stop) -> None:
        """Let trials at work save and stop, once a limit is reached."""
        if not stop() and (reached := self.reached):
            stop.request(reached)

    def too_late(self, trial: PlannedTrial) -> bool:
        """Say whether a trial that starts now is expected to end after the time is up."""
        return self.until is not None and self.clock() + self._expected[trial.trial_id] > self.until

    def apply(self, frontier: Frontier, *, anew: bool = False) -> None:
        """Hold back what does not fit any more, and let go what fits now; where there is news, or `anew`."""
        size = len(frontier.waiting) + len(frontier.held) + len(frontier.running)
        now = self.clock()
        if not anew and size == self._open and (not self._news or now < self._again):
            return
        begun = time.monotonic()
        self._open, self._news = size, False
        for trial_id in [each for each in self._began if each not in frontier.running]:  # it died, and waits once more
            self._broken.add(trial_id)
            self._settle(self._began[trial_id][0])
        chosen = self.choice(frontier.unstarted, [*frontier.running.values()])
        frontier.restrict(chosen, self.order, rest_waits=self.budget is not None)
        self._again = now + (time.monotonic() - begun) / SHARE

    def choice(self, trials: Sequence[PlannedTrial], running: Sequence[PlannedTrial] = ()) -> frozenset[str]:
        """Return which of some trials to run, parents before children, beside those that run."""
        now = self.clock()
        trials = behind_twins(trials, self.twins)
        self._learn([*trials, *running])
        rest = {trial.trial_id: self._rest(trial, now) for trial in running}
        room = float("inf")
        if self.budget is not None:
            at_work = sum(self._price(trial, rest[trial.trial_id]) for trial in running)
            room = self.budget.seconds - self.spent - at_work

        def in_time(chosen: Collection[str], order: Mapping[str, int] | None = None) -> bool:
            if self.until is None:
                return True
            some = [*running, *(trial for trial in trials if trial.trial_id in chosen)]
            seconds = self._expected | rest
            weights = path_weights(some, seconds)
            if order is not None:
                apart = 1 + max(weights.values(), default=0.0)
                weights = {each: weight - apart * order.get(each, len(cells)) for each, weight in weights.items()}
            return now + simulate(some, seconds, self.slots, weights=weights, first=rest).makespan <= self.until

        prices = {trial.trial_id: self._price(trial, self._expected[trial.trial_id]) for trial in trials}
        cells = [cell for cell in self.cells if self.lost.isdisjoint(cell.trials)]
        self.chosen = choose(trials, cells, prices, room, in_time)
        order = order_of(trials, cells, prices, self.chosen)
        self.order = order if in_time(self.chosen, order) else {}
        return self.chosen

    def price(self, trials: Sequence[PlannedTrial]) -> float:
        """Return what trials among those last chosen from are expected to cost, in seconds of the budget's unit."""
        return sum(self._price(trial, self._expected.get(trial.trial_id, 0.0)) for trial in trials)

    def _lose(self, failed: PlannedTrial) -> None:
        self.twins, self.share = next_turns(self.twins, self.share, failed.trial_id)
        self.lost |= and_what_needs([failed.trial_id], self.trials)

    def _learn(self, trials: Sequence[PlannedTrial]) -> None:
        """Expect of trials what done ones took."""
        paces = paces_of({group_of(trial) for trial in trials}, self.durations.groups, self.elsewhere)
        factors = {group: math.exp(pace.median + pace.spread**2 / 2) for group, pace in paces.items()}
        for trial in trials:
            whole = rough_seconds(trial) * factors[group_of(trial)]
            self._expected[trial.trial_id] = whole * self.share.get(trial.trial_id, 1.0)

    def _price(self, trial: PlannedTrial, seconds: float) -> float:
        return 0.0 if self.budget is None else self.budget.price(trial, seconds)

    def _rest(self, trial: PlannedTrial, now: float) -> float:
        """Return the seconds that a trial at work is expected to need yet."""
        _, since = self._began.get(trial.trial_id, (trial, now))
        return max(0.0, self._expected[trial.trial_id] - (now - since))

    def _settle(self, trial: PlannedTrial) -> float:
        """Count what a trial held that has given its place back; return for how many seconds that was."""
        began = self._began.pop(trial.trial_id, None)
        if began is None:
            return 0.0
        seconds = self.clock() - began[1]
        self._spent += self._price(trial, seconds)
        return seconds


def amount_text(seconds: float, unit: Unit) -> str:
    """Return an amount as people say it: `3 GPU days`, `0.5 CPU hours`, `20 CPU seconds`."""
    what, each = next((what, each) for what, least, each in AMOUNTS if seconds >= least)
    amount = seconds / each
    number = f"{amount:.3g}" if amount < 999.5 else f"{amount:,.0f}"
    return f"{number} {unit.upper()} {what}{'' if number == '1' else 's'}"


def clock_text(moment: float, now: float) -> str:
    """Return a local time as people say it: with its day where that is not today."""
    at, today = datetime.fromtimestamp(moment), datetime.fromtimestamp(now)
    return f"{at:%H:%M}" if at.date() == today.date() else f"{at:%Y-%m-%d %H:%M}"
