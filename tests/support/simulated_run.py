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

from orchestrator.planning.plan import PlannedTrial, Resources
from orchestrator.forecast.durations import path_weights
from orchestrator.running.frontier import Frontier
from orchestrator.running.ray_tune.cluster import in_line
from orchestrator.running.ready import Ready
from trainables.trial import TrialRow

Fits = Callable[[Resources], bool]


def anything(shape: Resources) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Trials in the order of the plan, and how long each of them will take, which no schedule knows before."""

    trials: Sequence[PlannedTrial]
    seconds: Mapping[str, float]
    """On a node of speed 1."""

    @property
    def work(self) -> float:
        return sum(self.seconds.values())

    @property
    def longest_chain(self) -> float:
        return max(path_weights(self.trials, self.seconds).values())


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a grid: how many trials for each of its parents, and how their durations spread."""

    name: str
    each: int
    """For each trial of the stage before; in the first stage, in all."""
    hours: float
    """Of the median trial."""
    settings: Sequence[float] = (1.0,)
    """Relative costs of its settings (epochs, channels), which the cost model knows, in turns."""
    pace: float = 1.0
    """Seconds per unit of cost over those of the other stages: costs of unlike stages compare badly."""
    model: float = 0.0
    """How wrong the cost model is for each of the settings: the spread of a logarithm, like the following."""
    parents: float = 0.0
    """How far trials of one parent's architecture are off, all in the same way."""
    own: float = 0.3
    """How far each trial is off by itself, which nobody can know."""


def grid(stages: Sequence[Stage], *, seed: int = 0, shapes: Sequence[Resources] = ()) -> Grid:
    """Return the grid, stage after stage as a plan has it; `shapes` in turns, else one CPU each."""
    draw = Random(seed).lognormvariate
    trials: list[PlannedTrial] = []
    seconds: dict[str, float] = {}
    parents: Sequence[str] = [""]
    for stage in stages:
        off = [draw(0, stage.model) for _ in stage.settings]
        before = len(trials)
        for parent in parents:
            architecture = draw(0, stage.parents)
            for number in range(stage.each):
                which = number % len(stage.settings)
                cost = 3600 * stage.hours * stage.settings[which]
                trial = planned(len(trials), (parent,) if parent else ())
                shape = shapes[len(trials) % len(shapes)] if shapes else trial.resources
                trials.append(replace(trial, stage=stage.name, expected_cost=cost / stage.pace, resources=shape))
                seconds[trial.trial_id] = cost * off[which] * architecture * draw(0, stage.own)
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

    def next(self, fits: Fits = anything) -> PlannedTrial | None: ...

    def settle(self, trial_id: str) -> object: ...


def ours(grid: Grid, rows: Rows) -> Frontier:
    """Return the frontier as a run opens it where nothing is done."""
    return Frontier(ledger=rows, waiting={trial.trial_id: trial for trial in grid.trials})  # pyright: ignore


class InOrder:
    """In the order of the plan, each as soon as its parents are done; with a barrier, not before the stage before is."""

    def __init__(self, grid: Grid, *, barrier: bool = False) -> None:
        self._grid = grid
        self._barrier = barrier
        self._trials = {trial.trial_id: trial for trial in grid.trials}
        self._lacking = {trial.trial_id: set(trial.parents) for trial in grid.trials}
        self._children: dict[str, list[PlannedTrial]] = {}
        self._open = Counter(trial.stage for trial in grid.trials)
        """Stage -> its trials that have not ended, in the order of the plan."""
        self._ready = Ready({trial.trial_id: -number for number, trial in enumerate(grid.trials)})
        for trial in grid.trials:
            self._add(trial)
            for parent in trial.parents:
                self._children.setdefault(parent, []).append(trial)

    def next(self, fits: Fits = anything) -> PlannedTrial | None:
        trial_id = self._ready.pop(fits)
        return self._trials[trial_id] if trial_id else None

    def settle(self, trial_id: str) -> None:
        stage = self._trials[trial_id].stage
        self._open[stage] -= 1
        for child in self._children.get(trial_id, ()):
            self._lacking[child.trial_id].discard(trial_id)
            self._add(child)
        if self._barrier and not self._open[stage]:
            for trial in self._grid.trials:
                if trial.stage == self._stage:
                    self._add(trial)

    @property
    def _stage(self) -> str:
        return next((stage for stage, count in self._open.items() if count), "")

    def _add(self, trial: PlannedTrial) -> None:
        if not self._lacking[trial.trial_id] and (not self._barrier or trial.stage == self._stage):
            self._ready.add(trial)


def makespan(grid: Grid, policy: Policy, rows: Rows, slots: int, *, line: int | None = None) -> float:
    """Return the seconds from the start of a run to its end, with so many places that are all alike.

    Trials wait in Ray's line as they do in a run: whoever is in it is not overtaken any more.
    """
    most = in_line(slots) if line is None else line
    waiting: deque[PlannedTrial] = deque()
    at_work: list[tuple[float, str, PlannedTrial]] = []
    now = 0.0
    while True:
        asking = True
        while asking:
            while waiting and len(at_work) < slots:
                trial = waiting.popleft()
                heapq.heappush(at_work, (now + grid.seconds[trial.trial_id], trial.trial_id, trial))
            asking = len(waiting) < most and (trial := policy.next()) is not None
            waiting += [trial] if asking else []
        if not at_work:
            return now
        now, trial_id, trial = heapq.heappop(at_work)
        rows.end(trial, grid.seconds[trial_id])
        policy.settle(trial_id)
