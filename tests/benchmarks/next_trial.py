"""How long a run thinks before it hands out a trial, and how long it draws. Prints JSON, in milliseconds of the CPU.

    PYTHONPATH=.:tests/support python tests/benchmarks/next_trial.py [--trials 10000] [--running 3000]

`next`: ten thousand trials are ready, of five shapes, on ten unlike nodes of which every place is taken up but one at a
time; `settle`: a trial ends, and its child may start; `frame`: the display draws while thousands run. The mean of all.
"""

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace

from drive import planned
from rich.console import Console

from orchestrator.ledger import Ledger
from orchestrator.planning.plan import PlannedTrial, Resources
from orchestrator.running.display import LiveDisplay, Outline
from orchestrator.running.frontier import Frontier
from orchestrator.running.ray_tune.cluster import Node
from orchestrator.running.ray_tune.room import HandedOut, Reservations, Room
from orchestrator.running.session import Event
from trainables.execution.job import Progress
from trainables.record.storage import open_storage
from trainables.trial import TrialRow

NODES = [
    Node(node_id=f"node{each}", resources={"CPU": 4.0 * (each + 2), "GPU": float(each), "memory": 1e10 * (each + 1)})
    for each in range(10)
]
SHAPES = [
    Resources(cpus=1),
    Resources(cpus=2, gpus=1),
    Resources(cpus=4, gpus=2),
    Resources(cpus=1, gpus=0.5),
    Resources(cpus=8, memory=5 * 10**10),
]

PENDING = 16
"""Trials that may be handed out before they have a place, as Tune's limit has it."""


def trials_of(count: int) -> list[PlannedTrial]:
    """Return trials of all shapes, each with one child."""
    roots = [replace(planned(each), resources=SHAPES[each % 5], expected_cost=1 + each % 97) for each in range(count)]
    children = [replace(planned(count + each, parents=(root.trial_id,))) for each, root in enumerate(roots)]
    return [*roots, *children]


def finished(trial: PlannedTrial) -> TrialRow:
    return TrialRow(
        trial_id=trial.trial_id, spec=trial.spec, config={}, state="done", metrics={}, artifacts={},
        timing={"wall_seconds": 10.0},
    )  # fmt: skip


class Finished(Ledger):
    """A ledger of trials that were said to be finished."""

    def finish(self, trial: PlannedTrial) -> None:
        self._done[trial.trial_id] = finished(trial)


def timed(spent: list[float], do: Callable[[], object]) -> object:
    begun = time.process_time()
    found = do()
    spent.append(time.process_time() - begun)
    return found


def handing_out(count: int) -> dict[str, float]:
    """Return how long `next` and `settle` take while a cluster works the trials off, the oldest ending first."""
    trials = trials_of(count)
    ledger = Finished(open_storage(tempfile.mkdtemp()))
    frontier = Frontier(ledger=ledger, waiting={trial.trial_id: trial for trial in trials})
    reservations, handed_out = Reservations(), {}
    asked: list[float] = []
    settled: list[float] = []

    def ask() -> PlannedTrial | None:
        return frontier.next(reservations.room(NODES, handed_out).admits)

    while len(asked) < count // 10:
        waiting = [name for name, each in handed_out.items() if not each.starts]
        trial = timed(asked, ask) if len(waiting) < PENDING else None
        if isinstance(trial, PlannedTrial):
            handed_out[trial.trial_id] = HandedOut(demand=trial.resources)
        else:
            oldest = next(name for name, each in handed_out.items() if each.starts)
            del handed_out[oldest]
            ledger.finish(frontier.running[oldest])
            timed(settled, lambda oldest=oldest: frontier.settle(oldest))
        room = Room(NODES)
        for name, each in handed_out.items():
            place = each.node_id or room.best(each)
            if each.starts or not room.lack(place, each.demand):
                room.take(place, each.demand)
                handed_out[name] = replace(each, starts=True, node_id=place)
    return {"next": _mean(asked), "settle": _mean(settled), "at_work": len(handed_out)}


def drawing(count: int) -> float:
    """Return how long one picture takes while so many run."""
    trials = [planned(each) for each in range(count + 100)]
    outline = Outline(
        stages={"root": [trial.trial_id for trial in trials]},
        done=[],
        epochs={trial.trial_id: 50 for trial in trials},
        costs={trial.trial_id: 1.0 for trial in trials},
        headline={"chain": "error"},
    )
    display = LiveDisplay(outline, io.StringIO())
    console = Console(file=io.StringIO(), width=120, height=50, force_terminal=True)
    for trial in trials[:count]:
        display._take(Event(kind="started", trial=trial))
        for epoch in (1, 2):
            progress = Progress(trial_id=trial.trial_id, state="running", epoch=epoch, metrics={"error": 0.5})
            display._take(Event(kind="progress", trial=trial, progress=progress))
    for trial in trials[count:]:
        display._take(Event(kind="started", trial=trial))
        display._take(Event(kind="finished", trial=trial, progress=Progress.of_row(finished(trial))))
    spent: list[float] = []
    for _ in range(50):
        timed(spent, lambda: console.print(display._render()))
    return _mean(spent)


def _mean(seconds: list[float]) -> float:
    return round(1000 * sum(seconds) / max(1, len(seconds)), 3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--running", type=int, default=3_000)
    options = parser.parse_args()
    print(json.dumps({**handing_out(options.trials), "frame": drawing(options.running)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
