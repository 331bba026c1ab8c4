"""How fast a run goes, and so how long the rest of it takes."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.ledger import TrialState
from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.session import Event
from orchestrator.words import duration
from trainables.trainable import Trainable

MANY = 200
"""Trials at work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What is known of a run before it begins."""

    stages: Mapping[str, Sequence[str]]
    """Trial ids by stage."""
    done: Sequence[str]
    """Those that have a row already."""
    epochs: Mapping[str, int]
    """Epochs of each trial, where it has such a thing."""
    costs: Mapping[str, float]
    """Expected costs, in any unit."""
    headline: Mapping[str, str]
    """The metric to show for each trainable."""

    @classmethod
    def of(
        cls, trials: Sequence[PlannedTrial], states: Mapping[str, TrialState], catalog: Mapping[str, Trainable]
    ) -> "Outline":
        """Return the outline of a plan's trials, as they stand."""
        epochs = {trial.trial_id: trial.effective.get(trial.stage, {}).get("epochs") for trial in trials}
        stages: dict[str, list[str]] = {}
        for trial in trials:
            stages.setdefault(trial.stage, []).append(trial.trial_id)
        return cls(
            stages=stages,
            done=[trial_id for trial_id, state in states.items() if state.row is not None],
            epochs={trial_id: count for trial_id, count in epochs.items() if isinstance(count, int)},
            costs={trial.trial_id: trial.expected_cost for trial in trials},
            headline={name: entry.progress for name, entry in catalog.items()},
        )


@dataclass(kw_only=True)
class _Sums:
    """Sums over trials, of which each is added once and may be taken out again."""

    count: int = 0
    seconds: float = 0.0
    costs: float = 0.0
    roots: float = 0.0
    """Of the costs."""

    def add(self, cost: float, *, seconds: float = 0.0, times: int = 1) -> None:
        self.count += times
        self.seconds += times * seconds
        self.costs += times * cost
        self.roots += times * math.sqrt(cost)

    @classmethod
    def of(cls, parts: Iterable["_Sums"]) -> "_Sums":
        total = cls()
        for part in parts:
            total.count += part.count
            total.seconds += part.seconds
            total.costs += part.costs
            total.roots += part.roots
        return total


@dataclass(kw_only=True)
class Pace:
    """Estimates how long the rest takes, from the expected cost of what was finished and what it took.

    A stage of which something was finished goes by itself. Costs of unlike stages compare badly, so for the others only
    the square root of the ratio is believed. An estimate takes a time that grows with the stages and the trials that
    run, whatever the size of the grid: the rest is kept as sums.
    """

    outline: Outline
    clock: Callable[[], float] = time.monotonic
    _began: dict[str, float] = field(default_factory=dict, init=False)
    _first: dict[str, tuple[float, float]] = field(default_factory=dict, init=False)
    """Where a trial was when it was first heard of in this run, in epochs, and when that was."""
    _here: dict[str, float] = field(default_factory=dict, init=False)
    """Where it was last, in epochs."""
    _finished: dict[str, _Sums] = field(default_factory=dict, init=False)
    """Stage -> what this run finished there."""
    _open: dict[str, str] = field(default_factory=dict, init=False)
    """Trial -> stage, of all that have no row yet."""
    _rest: dict[str, _Sums] = field(default_factory=dict, init=False)
    """Stage -> sums over those."""
    _reckoned: tuple[float, float] = field(default=(float("-inf"), 0.0), init=False)
    """When it was reckoned how long all of them take, and what came out."""

    def __post_init__(self) -> None:
        done = set(self.outline.done)
        for stage, ids in self.outline.stages.items():
            self._rest[stage] = _Sums()
            for trial_id in set(ids) - done:
                self._open[trial_id] = stage
                self._rest[stage].add(self._cost(trial_id))

    def on_event(self, event: Event) -> None:
        if event.trial is None:
            return
        trial_id, now = event.trial.trial_id, self.clock()
        if event.kind == "started":
            self._forget(trial_id)  # it may have died, and start again from its checkpoint
            self._began[trial_id] = now
        elif event.kind == "progress" and event.progress is not None:
            progress = event.progress
            under_way = bool(progress.steps) and not progress.metrics
            self._here[trial_id] = progress.epoch - 1 + progress.step / progress.steps if under_way else progress.epoch
            self._first.setdefault(trial_id, (self._here[trial_id], now))
        elif event.kind in ("finished", "released"):
            begun = self._began.get(trial_id)
            progress = event.progress  # of a row that is another's, nobody worked here
            done = progress is not None and progress.state == "done" and not progress.adopted_from
            if begun is not None and done:
                sums = self._finished.setdefault(event.trial.stage, _Sums())
                sums.add(self._cost(trial_id), seconds=now - begun)
            if event.kind == "finished" and (stage := self._open.pop(trial_id, None)) is not None:
                self._rest[stage].add(self._cost(trial_id), times=-1)
            self._forget(trial_id)

    def left(self, trial_id: str) -> float | None:
        """Return the seconds a running trial still needs; None until it has told twice where it is."""
        epochs, here = self.outline.epochs.get(trial_id), self._here.get(trial_id)
        if epochs is None or here is None:
            return None
        first, since = self._first[trial_id]
        if here <= first:
            return None
        return max(0.0, (epochs - here) * (self.clock() - since) / (here - first))

    def left_in_all(self) -> float | None:
        """Return the seconds until all open trials are done, as many at a time as run now; None until one is.

        While very many run, it is reckoned once a second.
        """
        if not self._finished:
            return None
        since = self.clock() - self._reckoned[0]
        if len(self._began) < MANY or since >= 1:
            self._reckoned = self.clock(), self._reckon()
            return self._reckoned[1]
        return max(0.0, self._reckoned[1] - since)

    def _reckon(self) -> float:
        whole = sum(self._expected(stage, rest) for stage, rest in self._rest.items())
        now = self.clock()
        behind = sum(min(now - begun, self._expected_of(trial_id)) for trial_id, begun in self._began.items())
        return max(0.0, whole - behind) / max(1, len(self._began))

    def _expected_of(self, trial_id: str) -> float:
        stage, one = self._open.get(trial_id), _Sums()
        if stage is None:
            return 0.0
        one.add(self._cost(trial_id))
        return self._expected(stage, one)

    def _expected(self, stage: str, trials: _Sums) -> float:
        """Return the seconds that trials of a stage may take together."""
        alike = self._finished.get(stage)
        known = alike or _Sums.of(self._finished.values())
        each = known.seconds / known.count
        if known.costs <= 0:
            return each * trials.count
        mean = known.costs / known.count
        return each * (trials.costs / mean if alike else trials.roots / math.sqrt(mean))

    def _cost(self, trial_id: str) -> float:
        return self.outline.costs.get(trial_id, 0.0)

    def _forget(self, trial_id: str) -> None:
        for known in (self._began, self._first, self._here):
            known.pop(trial_id, None)


def left_text(seconds: float | None, what: str = "left") -> str:
    """Return `3 min left`; empty while nobody knows, and when it is not worth saying."""
    return "" if seconds is None or seconds < 1 else f"{duration(seconds)} {what}"
