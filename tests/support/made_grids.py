"""Grids with true durations that a forecaster does not know, and what happens to them: a run, event by event.

Nothing here is the forecaster's: neither the noise nor the schedule. A trial's seconds are its expected cost, times the
machine's pace, times how far off it is for trials of its kind and for its stage, times chance of an unknown spread with
heavy tails, times how slow its node is, which is seen only where it starts, times what others do there meanwhile, which
comes and goes.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from drive import planned
from places import places

from orchestrator.forecast.durations import Durations
from orchestrator.forecast.outlook import Outlook
from orchestrator.forecast.slots import Slots
from orchestrator.planning.plan import PlannedTrial, Resources

EPOCHS = 20
"""Of each trial: after each of them it is known how far it is."""
GPU_PACE = {"search": 6e-7, "train": 1.2e-7}
"""Seconds per unit of cost of a machine in the middle, which no grid has: other ones than the forecaster's."""


@dataclass(frozen=True, kw_only=True)
class MadeGrid:
    """Trials, what each truly takes on a node of speed 1, and the nodes."""

    trials: list[PlannedTrial]
    seconds: Mapping[str, float]
    nodes: list[dict[str, float]]
    slowness: list[float]
    loads: list[float]
    """How slow all nodes are by what others do, each for as many trials as start meanwhile."""

    @property
    def slots(self) -> Slots:
        return places(self.nodes)


def made_grid(seed: int) -> MadeGrid:
    """Return a grid of two to four stages, of 20 to 150 trials, on 1 to 24 GPUs."""
    chance = Random(f"grid {seed}")
    nodes = [{"CPU": 64.0, "GPU": float(chance.choice([1, 2, 4, 8]))} for _ in range(chance.choice([1, 1, 2, 3]))]
    slowness = [1.0] * len(nodes)
    if len(nodes) > 1 and chance.random() < 0.5:
        slowness[chance.randrange(len(nodes))] = chance.uniform(1.3, 2.0)
    wide = min(2.0, max(node["GPU"] for node in nodes))
    trials: list[PlannedTrial] = []
    seconds: dict[str, float] = {}
    machine = math.exp(chance.gauss(0, 0.7))
    kinds = {kind: pace * math.exp(chance.gauss(0, 0.5)) for kind, pace in GPU_PACE.items()}
    wrong = chance.randrange(4)  # the stage whose cost model is wrong by three
    parents: list[PlannedTrial] = []
    for stage in range(chance.randint(2, 4)):
        shape = Resources(cpus=2, gpus=wide if stage % 2 else 1.0)
        off = math.exp(chance.gauss(0, 0.3)) * (chance.choice([3, 1 / 3]) if stage == wrong else 1)
        spread, tail = chance.uniform(0.03, 0.45), chance.choice([0.0, 0.0, 0.05])
        trainable = "train" if stage else "search"
        costs = [chance.uniform(1, 4) * 1e9 for _ in range(chance.choice([1, 2, 4]))]
        made = list(_stage(f"stage{stage}", trainable, shape, parents, costs, chance))
        for trial in made:
            luck = math.exp(spread * _student(chance, 4)) * (chance.uniform(2, 4) if chance.random() < tail else 1)
            seconds[trial.trial_id] = trial.expected_cost * kinds[trainable] * machine * off * luck
        trials += made
        parents = made
    shared = 0.3 if chance.random() < 0.5 else 0.0
    loads = [math.exp(chance.gauss(0, shared)) for _ in range(6)]
    return MadeGrid(trials=trials, seconds=seconds, nodes=nodes, slowness=slowness, loads=loads)


def _stage(
    stage: str,
    trainable: str,
    shape: Resources,
    parents: Sequence[PlannedTrial],
    costs: Sequence[float],
    chance: Random,
) -> Iterator[PlannedTrial]:
    count = chance.randint(4, 12) if not parents else chance.randint(1, 3)
    for root in parents or [None]:
        for seed in range(count):
            trial = planned(seed, (root.trial_id,) if root else (), stage=stage)
            spec = replace(trial.spec, trainable=trainable)
            cost = chance.choice(costs)
            yield replace(trial, spec=spec, trial_id=spec.trial_id, stage=stage, resources=shape, expected_cost=cost)


def _student(chance: Random, freedom: int) -> float:
    return chance.gauss(0, 1) / math.sqrt(chance.gammavariate(freedom / 2, 2) / freedom)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """When each trial truly started and ended, in seconds."""

    grid: MadeGrid
    start: Mapping[str, float]
    end: Mapping[str, float]

    @property
    def makespan(self) -> float:
        return max(self.end.values())

    def when_done(self, share: float) -> float:
        """Return when that share of all trials was done."""
        ends = sorted(self.end.values())
        return 0.0 if not share else ends[max(0, math.ceil(share * len(ends)) - 1)]

    def outlook(self, now: float) -> Outlook:
        """Return what is known at some time: what is done, and how far the others are after their last whole epoch."""
        durations = Durations()
        share, told, at_work, open_ = {}, {}, set(), []
        for trial in self.grid.trials:
            name = trial.trial_id
            start, end = self.start[name], self.end[name]
            if end <= now:
                durations.note(trial, end - start)
                continue
            open_.append(trial)
            if start <= now:
                at_work.add(name)
                epochs = math.floor(EPOCHS * (now - start) / (end - start))
                if epochs:
                    share[name] = 1 - epochs / EPOCHS
                    told[name] = (end - start) * share[name] - ((now - start) - (end - start) * epochs / EPOCHS)
        done = len(self.grid.trials) - len(open_)
        return Outlook(open=open_, durations=durations, share=share, told=told, at_work=frozenset(at_work), done=done)


def run(grid: MadeGrid) -> Ran:
    """Let a grid run: whenever a place is free, the ready trial of the longest way to go that fits takes it."""
    way = {trial.trial_id: trial.expected_cost * GPU_PACE[trial.spec.trainable] for trial in grid.trials}
    for trial in reversed(grid.trials):
        for parent in trial.parents:
            own = next(each for each in grid.trials if each.trial_id == parent)
            base = own.expected_cost * GPU_PACE[own.spec.trainable]
            way[parent] = max(way[parent], base + way[trial.trial_id])
    waiting = {trial.trial_id: trial for trial in grid.trials}
    free = [dict(node) for node in grid.nodes]
    start: dict[str, float] = {}
    end: dict[str, float] = {}
    working: dict[str, int] = {}
    now = 0.0
    while waiting or working:
        for trial in sorted(waiting.values(), key=lambda each: -way[each.trial_id]):
            if any(end.get(parent, math.inf) > now for parent in trial.parents):
                continue
            asked = {"CPU": trial.resources.cpus, "GPU": trial.resources.gpus}
            at = next((at for at, node in enumerate(free) if all(node[k] >= asked[k] for k in asked)), None)
            if at is None:
                continue
            for name in asked:
                free[at][name] -= asked[name]
            working[trial.trial_id] = at
            start[trial.trial_id] = now
            load = grid.loads[(len(start) - 1) * len(grid.loads) // len(grid.trials)]
            end[trial.trial_id] = now + grid.seconds[trial.trial_id] * grid.slowness[at] * load
            del waiting[trial.trial_id]
        now = min(end[name] for name in working)
        for name in [name for name in working if end[name] <= now]:
            node, trial = free[working.pop(name)], next(each for each in grid.trials if each.trial_id == name)
            node["CPU"] += trial.resources.cpus
            node["GPU"] += trial.resources.gpus
    return Ran(grid=grid, start=start, end=end)
