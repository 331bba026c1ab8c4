"""What a cluster offers against what a plan asks for. Pure: Ray's list of nodes comes in as data."""

import builtins
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.document.resources import memory_text
from orchestrator.planning.plan import Resources

CLOSE = 1e-9
"""What sums of fractions may be off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A node that is alive and can work: its resources (`{"CPU": 16.0, "GPU": 4.0, ...}`) and its labels."""

    node_id: str = ""
    resources: Mapping[str, float]
    labels: Mapping[str, str] = field(default_factory=dict)
    _copies: dict[Resources, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def copies(self, demand: Resources) -> int:
        """Return how many trials of that demand fit on it when it is empty; reckoned once for each demand."""
        if demand not in self._copies:
            self._copies[demand] = self._copies_of(demand)
        return self._copies[demand]

    def _copies_of(self, demand: Resources) -> int:
        if not all(_holds(self.labels.get(key), choice) for key, choice in demand.labels.items()):
            return 0
        return min(
            math.floor(self.resources.get(name, 0.0) / wanted + CLOSE) for name, wanted in demand.amounts.items()
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterView:
    """The nodes that are alive and can work."""

    nodes: tuple[Node, ...]

    def fits(self, demand: Resources) -> bool:
        """Say whether some node can hold such a trial at all."""
        return any(node.copies(demand) for node in self.nodes)

    @property
    def has_gpus(self) -> bool:
        return any(node.resources.get("GPU") for node in self.nodes)

    def missing(self, demands: Iterable[Resources]) -> str:
        """Return a sentence about the demands that no node can ever meet; empty when there are none."""
        short = [demand for demand in demands if not self.fits(demand)]
        if not short:
            return ""
        names = {name for demand in short for name in demand.amounts} - {"CPU", "GPU"}
        labels = {key for demand in short for key in demand.labels}
        asked = " or ".join(sorted({demand.text for demand in short}))
        there = "; ".join(sorted({_text_of_node(node, names, labels) for node in self.nodes})) or "none"
        return f"no node can hold a trial that asks for {asked}; the nodes have {there}"

    def slots(self, demands: Sequence[Resources]) -> int:
        """Return how many trials can run at once at most, at least 1."""
        if not demands:
            return 1
        smallest = Resources(cpus=min(d.cpus for d in demands), gpus=min(d.gpus for d in demands))
        return max(1, sum(node.copies(smallest) for node in self.nodes))


def in_line(slots: int, *, may_grow: bool = False) -> int:
    """Return how many trials may be handed to Ray before there is a place for them.

    They are not overtaken any more, so few; but a cluster that can grow must see that it should.
    """
    return max(16 if may_grow else 2, slots // 4)


def _holds(value: str | None, choice: str) -> bool:
    """Say whether a node's label, if it has it, is what `value`, `!value`, `in(a, b)` or `!in(a, b)` asks for."""
    wanted = choice.removeprefix("!")
    values = [each.strip() for each in wanted[3:-1].split(",")] if wanted.startswith("in(") else [wanted]
    return (value in values) != choice.startswith("!")


def _text_of_node(node: Node, names: Iterable[str], labels: Iterable[str]) -> str:
    """Return what a node has of what is asked for."""
    parts = [f"{node.resources.get('CPU', 0):g} CPUs and {node.resources.get('GPU', 0):g} GPUs"]
    for name in sorted(names):
        amount = node.resources.get(name, 0)
        if name == "memory":
            parts.append(f"{memory_text(amount)} of memory")
        elif name.startswith("accelerator_type:"):
            kind = name.partition(":")[2]
            parts.append(f"GPUs of type {kind}" if amount else f"none of type {kind}")
        else:
            parts.append(f"{amount:g} {name}")
    parts += [f"{key} {node.labels[key]}" if key in node.labels else f"no label {key}" for key in sorted(labels)]
    return ", ".join(parts)


OS_ERRORS = frozenset(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, OSError)
)


def is_storage_trouble(error: str) -> bool:
    """Say whether a process died of what its storage did, from the text of Ray's error.

    All that execution does not catch is an OSError; the loss of a rank is one too, but not called so.
    """
    return _name_of(death_reason(error)) in OS_ERRORS


def _name_of(line: str) -> str:
    """Return the name with which a line tells an exception; whatever stands before its first colon, without modules."""
    return line.partition(":")[0].rpartition(".")[2]


def death_reason(error: str) -> str:
    """Return, in one line, why a trial's process died, from the text of Ray's error."""
    if any(words in error for words in ("OutOfMemoryError", "memory pressure", "low on memory", "out of memory issue")):
        return "killed for memory"
    deaths = (
        "ActorDiedError",
        "ActorUnavailableError",
        "WorkerCrashedError",
        "worker process has died",
        "node has died",
    )
    if any(name in error for name in deaths):
        return "the process was killed, or its node is gone"
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    if lost := [line for line in lines if "RankLost: " in line]:
        return lost[-1].partition("RankLost: ")[2][:300]
    named = [line for line in lines if _name_of(line).endswith(("Error", "Exception"))]
    return (named or lines or ["unknown"])[-1][:300]
