"""A run without trials: the real frontier decides who is next, a simulated clock says when each one ends.

Time is what it takes alone: who is chosen, in which order, and how often a place stays empty, comes out as in a run of
weeks, in seconds.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from drive import planned

from orchestrator.forecast.durations import path_weights
from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.estimates import Estimates
from orchestrator.running.frontier import Frontier
from orchestrator.running.ray_tune.cluster import in_line
from trainables.trial import TrialRow


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a grid: how many trials for each of its parents, and how their durations spread.

    Spreads are those of natural logarithms; no schedule knows what is drawn from them.
    """

    name: str
    each: int
    """For each trial of the stage before; in the first stage, in all."""
    hours: float
    """Of a trial in the middle, of relative cost 1."""
    settings: Sequence[float] = (1.0,)
    """Relative costs of its settings (epochs, channels), in turns: what a plan expects."""
    pace: float = 1.0
    """Seconds per unit of expected cost: costs of unlike stages compare badly."""
    model: float = 0.3
    """How far all trials of the same settings are off together."""
    parents: float = 0.0
    """How far all trials of the same parent are off together: what its architecture costs."""
    own: float = 0.1
    """How far each trial is off by itself."""
    troubled: float = 0.0
    """The share of trials that take up to twice as long besides: of heavy tails."""


SEARCHES = Stage(name="search", each=0, hours=20, settings=(1, 2.5), pace=0.3)
KINDS: Mapping[str, Sequence[Stage]] = {
    "lengths": (
        replace(SEARCHES, each=1428),
        Stage(name="train", each=6, hours=5, settings=(1, 2, 4, 6, 8, 10), parents=0.15),
    ),
    "evaluated": (
        replace(SEARCHES, each=1112),
        Stage(name="train", each=4, hours=15, settings=(1, 2), parents=0.15),
        Stage(name="evaluate", each=1, hours=3, pace=3),
    ),
    "alike": (
        replace(SEARCHES, each=1111, settings=(1,)),
        Stage(name="train", each=8, hours=30, parents=0.15),
    ),
}
"""Ten thousand trials each. Searches of first and second order, whose architectures are trained for six numbers of
epochs; with two regimens, and then evaluated; or all alike, where nothing short is left for the end."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Trials in the order of the plan, and how long each of them will take."""

    trials: Sequence[PlannedTrial]
    seconds: Mapping[str, float]

    def bound(self, places: Sequence[float]) -> float:
        """Return seconds that no schedule can do with less than: all work on all places, or the longest chain."""
        chain = max(path_weights(self.trials, self.seconds).values())
        return max(sum(self.seconds.values()) / sum(places), chain / max(places))


def grid(stages: Sequence[Stage], *, seed: int = 0, part: int = 1) -> Grid:
    """Return the grid, stage after stage as a plan has it, of the first stage only so small a part."""
    chance = Random(seed)
    draw = chance.lognormvariate
    trials: list[PlannedTrial] = []
    seconds: dict[str, float] = {}
    parents: Sequence[str] = [""]
    for stage in stages:
        off = [draw(0, stage.model) for _ in stage.settings]
        before = len(trials)
        for parent in parents:
            architecture = draw(0, stage.parents)
            for number in range(stage.each if parent else stage.each // part):
                which = number % len(stage.settings)
                typical = 3600 * stage.hours * stage.settings[which]
                trial = planned(len(trials), (parent,) if parent else ())
                trials.append(replace(trial, stage=stage.name, expected_cost=typical / stage.pace))
                trouble = chance.uniform(1, 2) if stage.troubled and chance.random() < stage.troubled else 1.0
                seconds[trial.trial_id] = typical * off[which] * architecture * draw(0, stage.own) * trouble
        parents = [trial.trial_id for trial in trials[before:]]
    return Grid(trials=trials, seconds=seconds)


class Rows:
    """A ledger that knows the rows of the trials that ended, and nothing else."""

    def __init__(self) -> None:
        self._rows: dict[str, TrialRow] = {}

    def row(self, trial_id: str) -> TrialRow | None:
        return self._rows.get(trial_id)

    def end(self, trial: PlannedTrial, seconds: float) -> None:
        self._rows[trial.trial_id] = TrialRow(
            trial_id=trial.trial_id, spec=trial.spec, config={}, state="done", metrics={}, artifacts={},
            timing={"wall_seconds": seconds},
        )  # fmt: skip


class Policy(Protocol):
    """Who is next. `Frontier` is one."""

    def next(self) -> PlannedTrial | None: ...

    def settle(self, trial_id: str) -> object: ...


def frontier(grid: Grid, rows: Rows, estimates: Estimates | None = None) -> Frontier:
    """Return the frontier as a run opens it where nothing is done."""
    waiting = {trial.trial_id: trial for trial in grid.trials}
    return Frontier(ledger=rows, waiting=waiting, estimates=estimates or Estimates())  # pyright: ignore


class Truth(Estimates):
    """Knows before how long each trial will take, as nobody does."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self._seconds = grid.seconds

    def expected(self, trial: PlannedTrial) -> float:
        return self._seconds[trial.trial_id]


class InOrder:
    """In the order of the plan, each once its parents are done; with a barrier, not before the stage before is done."""

    def __init__(self, grid: Grid, *, barrier: bool = False) -> None:
        self._barrier = barrier
        self._stages = {trial.trial_id: trial.stage for trial in grid.trials}
        self._open = Counter(self._stages.values())
        """Stage -> its trials that have not ended, in the order of the plan."""
        self._lacking = {trial.trial_id: set(trial.parents) for trial in grid.trials}
        self._children: dict[str, list[str]] = {}
        self._trials = list(grid.trials)
        self._place = {trial.trial_id: place for place, trial in enumerate(grid.trials)}
        self._ready: dict[str, list[int]] = {stage: [] for stage in self._open}
        """Stage -> heap of the places in the plan of those that can start."""
        for trial in grid.trials:
            for parent in trial.parents:
                self._children.setdefault(parent, []).append(trial.trial_id)
            if not trial.parents:
                self._add(trial.trial_id)

    def next(self) -> PlannedTrial | None:
        for stage, ready in self._ready.items():  # earlier stages stand first in the plan
            if ready:
                return self._trials[heapq.heappop(ready)]
            if self._barrier and self._open[stage]:
                return None
        return None

    def settle(self, trial_id: str) -> None:
        self._open[self._stages[trial_id]] -= 1
        for child in self._children.get(trial_id, ()):
            self._lacking[child].discard(trial_id)
            if not self._lacking[child]:
                self._add(child)

    def _add(self, trial_id: str) -> None:
        heapq.heappush(self._ready[self._stages[trial_id]], self._place[trial_id])


def makespan(grid: Grid, policy: Policy, rows: Rows, places: Sequence[float]) -> float:
    """Return the seconds from the start of a run to its end, on places of such speeds, which nobody knows.

    Trials wait in Ray's line as they do in a run: whoever is in it is not overtaken any more.
    """
    most = in_line(len(places))
    waiting: deque[PlannedTrial] = deque()
    free = deque(places)
    at_work: list[tuple[float, str, PlannedTrial, float]] = []
    """When it ends, on a place of which speed."""
    now = 0.0
    while True:
        while True:
            while waiting and free:
                trial, speed = waiting.popleft(), free.popleft()
                heapq.heappush(at_work, (now + grid.seconds[trial.trial_id] / speed, trial.trial_id, trial, speed))
            trial = policy.next() if len(waiting) < most else None
            if trial is None:
                break
            waiting.append(trial)
        if not at_work:
            return now
        now, trial_id, trial, speed = heapq.heappop(at_work)
        free.append(speed)
        rows.end(trial, grid.seconds[trial_id] / speed)
        policy.settle(trial_id)


def efficiencies(grid: Grid, slots: int, *, slow: float = 0.0) -> dict[str, float]:
    """Return bound over makespan by who decides; at 1 no place is ever empty, or the longest chain never waits.

    Args:
        slow: the share of the places that have two thirds of the speed.
    """
    places = [2 / 3 if place < slow * slots else 1.0 for place in range(slots)]
    deciding: Mapping[str, Callable[[Rows], Policy]] = {
        "ours": lambda rows: frontier(grid, rows),
        "in the order of the plan": lambda rows: InOrder(grid),
        "stage after stage": lambda rows: InOrder(grid, barrier=True),
        "ours, had it known all durations": lambda rows: frontier(grid, rows, Truth(grid)),
    }
    bound = grid.bound(places)
    found: dict[str, float] = {}
    for name, decides in deciding.items():
        rows = Rows()
        found[name] = bound / makespan(grid, decides(rows), rows, places)
    return found
