"""Where the next trial may go while others wait for their place, so that narrow ones do not starve wide ones. Pure.

Ray gives room to whoever it fits first: each GPU that is freed goes to a trial of one GPU, and one of two would wait
until no narrower trial is left. So a node is reserved for a trial that waits, the widest first, and one that is handed
out later goes there only if it takes nothing that the other waits for (what schedulers call backfilling). It starts
when, at the latest, all that were handed out before it have ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.planning.plan import Resources
from orchestrator.running.ray_tune.cluster import CLOSE, Node


@dataclass(frozen=True, kw_only=True, slots=True)
class HandedOut:
    """A trial that was handed out and has not ended."""

    demand: Resources
    starts: bool = False
    """It has its place, also where nobody has said yet which."""
    node_id: str = ""
    """The node it runs on, where that is known."""
    closed: frozenset[str] = frozenset()
    """Nodes that it must not run on."""


@dataclass(kw_only=True)
class Reservations:
    """Which node is kept for which trial that waits.

    It is until the trial starts, a wider one needs the node, or the node is gone.
    """

    _kept: dict[str, str] = field(default_factory=dict, init=False)
    """Trial -> node."""

    def room(self, nodes: Sequence[Node], handed_out: Mapping[str, HandedOut]) -> "Room":
        """Return what is free, with a node kept for the widest of those that wait; a node is kept for one at a time.

        Args:
            handed_out: by any name of the trial, in the order in which they were handed out.
        """
        room = Room(nodes)
        for each in sorted(handed_out.values(), key=lambda each: not each.node_id):
            if each.starts and (place := each.node_id or room.best(each)):
                room.take(place, each.demand)
        waiting = {name: each for name, each in handed_out.items() if not each.starts}
        for name, each in list(waiting.items()):
            if name not in self._kept and (place := room.best(each)) and not room.lack(place, each.demand):
                room.reserve(place, waiting.pop(name).demand)  # it is about to start there
        before, self._kept = self._kept, {}
        for name, each in sorted(waiting.items(), key=lambda item: _width(item[1].demand)):
            taken = frozenset(self._kept.values())
            place = before.get(name, "")
            if place in taken or not room.has(place):
                place = room.best(each, besides=taken)
            if place:
                self._kept[name] = place
                room.reserve(place, each.demand)
        return room


class Room:
    """What is free on each node, and for whom it is reserved."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = {node.node_id: node for node in nodes}
        self._free = {node.node_id: dict(node.resources) for node in nodes}
        self._reserved: dict[str, list[Resources]] = {}

    def has(self, node_id: str) -> bool:
        return node_id in self._nodes

    def take(self, node_id: str, demand: Resources) -> None:
        """Note that a trial has its place on a node."""
        if node_id in self._free:  # a node that is gone, or left out, has none
            for name, amount in demand.amounts.items():
                self._free[node_id][name] = self._free[node_id].get(name, 0.0) - amount

    def reserve(self, node_id: str, demand: Resources) -> None:
        """Keep a place for a trial that waits."""
        self._reserved.setdefault(node_id, []).append(demand)
        self.take(node_id, demand)

    def lack(self, node_id: str, demand: Resources) -> float:
        """Return how much a node lacks now of what a trial asks for, in shares of what it has; 0 if there is room."""
        free, whole = self._free[node_id], self._nodes[node_id].resources
        return sum(
            max(0.0, amount - free.get(name, 0.0)) / whole[name]
            for name, amount in demand.amounts.items()
            if amount - free.get(name, 0.0) > CLOSE
        )

    def best(self, trial: HandedOut, *, besides: frozenset[str] = frozenset()) -> str:
        """Return the node that lacks the least for a trial; empty where none can hold it."""
        out = trial.closed | besides
        able = [name for name, node in self._nodes.items() if name not in out and node.copies(trial.demand)]
        return min(able, key=lambda name: (self.lack(name, trial.demand), name), default="")

    def closed_to(self, demand: Resources) -> frozenset[str]:
        """Return the nodes that a trial must be kept off now, of those that could hold it."""
        return frozenset(
            name for name, node in self._nodes.items() if node.copies(demand) and self._would_delay(name, demand)
        )

    def admits(self, demand: Resources) -> bool:
        """Say whether a trial may be handed out now: some node could hold it that is not closed to it.

        If another is, it must have room at once: what waits in line stays off the other for as long as it waits.
        """
        able = {name for name, node in self._nodes.items() if node.copies(demand)}
        closed = self.closed_to(demand)
        return any(not closed or not self.lack(name, demand) for name in able - closed)

    def _would_delay(self, node_id: str, demand: Resources) -> bool:
        """Say whether it might start where one could not that a place is kept for, and take what that one needs."""
        amounts, free = demand.amounts, self._free[node_id]
        return any(
            amounts[name] - free.get(name, 0.0) > CLOSE
            for kept in self._reserved.get(node_id, [])
            if any(amounts.get(name, 0.0) < amount for name, amount in kept.amounts.items())
            for name in amounts.keys() & kept.amounts.keys()
        )


def _width(demand: Resources) -> tuple[float, float, float]:
    """Return what sorts wide trials before narrow ones."""
    return (-demand.gpus, -demand.cpus, -(demand.memory or 0))
