"""When each trial starts and ends, if each takes so long: as a run hands them out, without the run.

A trial is ready when its parents are done. Of those that are ready the one with the longest way to go is first, on the
first node with room; where it has none, one is kept for it, and others go there only if they take nothing that it waits
for: what `running.frontier` and `running.ray_tune.room` do.
"""

import heapq
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.forecast.durations import path_weights
from orchestrator.forecast.slots import CLOSE, Slots, amounts
from orchestrator.planning.plan import PlannedTrial, Resources


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Seconds from now, by trial; infinite for a trial that no node can hold, and for those that need it."""

    start: Mapping[str, float]
    end: Mapping[str, float]

    @property
    def makespan(self) -> float:
        """When the last of them ends."""
        return max(self.end.values(), default=0.0)


def simulate(
    trials: Sequence[PlannedTrial],
    seconds: Mapping[str, float],
    slots: Slots,
    *,
    weights: Mapping[str, float] | None = None,
    first: Collection[str] = (),
) -> Schedule:
    """Return when each trial starts and ends.

    Args:
        trials: open ones, parents before children; parents that are not among them are done.
        seconds: that each takes.
        weights: how long each and what waits for it was thought to take, which says who is first; by default what it
            will take.
        first: trials that are at work already.
    """
    weights = path_weights(trials, seconds) if weights is None else weights
    simulation = Simulation(trials, slots, weights, first)
    starts, ends = simulation.run([seconds[trial.trial_id] for trial in trials])
    ids = [trial.trial_id for trial in trials]
    return Schedule(start=dict(zip(ids, starts, strict=True)), end=dict(zip(ids, ends, strict=True)))


class Simulation:
    """A schedule of the same trials on the same slots, to be made for many durations. Args: as for `simulate`."""

    def __init__(
        self,
        trials: Sequence[PlannedTrial],
        slots: Slots,
        weights: Mapping[str, float],
        first: Collection[str] = (),
    ) -> None:
        position = {trial.trial_id: at for at, trial in enumerate(trials)}
        self._children: list[list[int]] = [[] for _ in trials]
        self._waits = [0] * len(trials)
        for at, trial in enumerate(trials):
            for parent in trial.parents:
                if (of := position.get(parent)) is not None:
                    self._children[of].append(at)
                    self._waits[at] += 1
        ids = sorted(position, key=lambda each: (each not in first, -weights[each], each))
        self._by_rank = [position[each] for each in ids]
        self._rank = [0] * len(trials)
        for rank, at in enumerate(self._by_rank):
            self._rank[at] = rank
        shapes: dict[Resources, int] = {}
        known: dict[int, int] = {}
        self._shape: list[int] = []
        for trial in trials:
            asked = trial.resources
            if (shape := known.get(id(asked))) is None:
                shape = known[id(asked)] = shapes.setdefault(asked, len(shapes))
            self._shape.append(shape)
        self._demands, self._nodes = _in_numbers(list(shapes), slots)

    def run(self, seconds: Sequence[float]) -> tuple[list[float], list[float]]:
        """Return when each trial starts and ends, by its position."""
        count = len(self._shape)
        starts, ends = [math.inf] * count, [math.inf] * count
        waits = self._waits.copy()
        ready: list[list[int]] = [[] for _ in self._demands]
        for at, waiting in enumerate(waits):
            if not waiting:
                ready[self._shape[at]].append(self._rank[at])
        for heap in ready:
            heapq.heapify(heap)
        floor = _Floor(self._nodes, self._demands)
        working: list[tuple[float, int, int]] = []
        now = 0.0
        while True:
            for rank, node in floor.place(ready):
                at = self._by_rank[rank]
                starts[at], ends[at] = now, now + seconds[at]
                heapq.heappush(working, (ends[at], rank, node))
            if not working:
                return starts, ends
            now = working[0][0]
            while working and working[0][0] <= now:
                _, rank, node = heapq.heappop(working)
                at = self._by_rank[rank]
                floor.free(node, self._shape[at])
                for child in self._children[at]:
                    waits[child] -= 1
                    if not waits[child]:
                        heapq.heappush(ready[self._shape[child]], self._rank[child])


class _Floor:
    """What is free on each node."""

    def __init__(self, nodes: Sequence[Sequence[float]], demands: Sequence[Sequence[tuple[int, float]]]) -> None:
        self._free = [list(node) for node in nodes]
        self._demands = demands
        able = [[at for at, node in enumerate(nodes) if _fits(node, demand)] for demand in demands]
        self._able = [set(each) for each in able]
        self._maybe = [dict.fromkeys(reversed(each)) for each in able]
        """Shape -> nodes that may have room for one more, in the order in which they are tried last."""

    def place(self, ready: Sequence[list[int]]) -> list[tuple[int, int]]:
        """Take out of the heaps what starts now; return each one's rank and node."""
        placed: list[tuple[int, int]] = []
        kept: list[tuple[int, int]] = []
        shapes = [shape for shape, heap in enumerate(ready) if heap and self._able[shape]]
        while shapes:
            shape = shapes[0] if len(shapes) == 1 else min(shapes, key=lambda each: ready[each][0])
            node = self._room(shape, bool(kept))
            if node is None:
                shapes.remove(shape)
                if shapes:
                    kept.append((self._nearest(shape), shape))
                    self._take(*kept[-1])
                continue
            self._take(node, shape)
            placed.append((heapq.heappop(ready[shape]), node))
            if not ready[shape]:
                shapes.remove(shape)
        for node, shape in kept:
            self.free(node, shape)
        return placed

    def free(self, node: int, shape: int) -> None:
        """Take note that a trial of that shape has left a node."""
        free = self._free[node]
        for name, amount in self._demands[shape]:
            free[name] += amount
        for able, maybe in zip(self._able, self._maybe, strict=True):
            if node in able:
                maybe[node] = None

    def _room(self, shape: int, kept: bool) -> int | None:
        demand = self._demands[shape]
        maybe = self._maybe[shape]
        if kept:  # what does not fit now may fit when no place is kept: forget nothing
            return next((node for node in reversed(maybe) if _fits(self._free[node], demand)), None)
        while maybe:
            node, _ = maybe.popitem()
            if _fits(self._free[node], demand):
                maybe[node] = None
                return node
        return None

    def _take(self, node: int, shape: int) -> None:
        free = self._free[node]
        for name, amount in self._demands[shape]:
            free[name] -= amount

    def _nearest(self, shape: int) -> int:
        """Return the node that lacks the least for a shape."""
        demand = self._demands[shape]
        return min(
            self._able[shape],
            key=lambda node: (sum(max(0.0, amount - self._free[node][name]) for name, amount in demand), node),
        )


def _fits(free: Sequence[float], demand: Sequence[tuple[int, float]]) -> bool:
    for name, amount in demand:  # noqa: SIM110 - a third of the time that `all` takes
        if free[name] < amount - CLOSE:
            return False
    return True


def _in_numbers(shapes: Sequence[Resources], slots: Slots) -> tuple[list[list[tuple[int, float]]], list[list[float]]]:
    """Return the demand of each shape and what each node has; of one shape alone, the places that there are for it."""
    if slots.one_by_one:
        return [[(0, 1.0)] for _ in shapes], [[1.0]]
    if len(shapes) == 1:
        return [[(0, 1.0)]], [[float(sum(slots.copies(node, shapes[0]) for node in slots.nodes))]]
    asked = [amounts(shape) for shape in shapes]
    names = sorted({name for each in asked for name in each})
    demands = [[(at, each[name]) for at, name in enumerate(names) if name in each] for each in asked]
    return demands, [[node.get(name, slots.others) for name in names] for node in slots.nodes]
