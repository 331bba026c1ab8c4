"""What a cluster offers against what a plan asks for. Pure: Ray's list of nodes comes in as data."""

import builtins
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.planning.plan import Resources


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterView:
    """The nodes that are alive, each as its resources (`{"CPU": 16.0, "GPU": 4.0, ...}`)."""

    nodes: tuple[Mapping[str, float], ...]

    def fits(self, demand: Resources) -> bool:
        """Say whether some node can hold such a trial at all."""
        return any(_copies(node, demand) for node in self.nodes)

    @property
    def has_gpus(self) -> bool:
        return any(node.get("GPU") for node in self.nodes)

    def missing(self, demands: Iterable[Resources]) -> str:
        """Return a sentence about the demands that no node can ever meet; empty when there are none."""
        short = sorted({_text(demand) for demand in demands if not self.fits(demand)})
        if not short:
            return ""
        largest = ", ".join(sorted({_text_of_node(node) for node in self.nodes})) or "none"
        return f"no node can hold a trial that asks for {' or '.join(short)}; the nodes have {largest}"

    def slots(self, demands: Sequence[Resources]) -> int:
        """Return how many trials can run at once at most, at least 1."""
        if not demands:
            return 1
        smallest = Resources(cpus=min(d.cpus for d in demands), gpus=min(d.gpus for d in demands))
        return max(1, sum(_copies(node, smallest) for node in self.nodes))


def _copies(node: Mapping[str, float], demand: Resources) -> int:
    """Return how many trials of that demand fit on a node."""
    counts = [
        math.floor(node.get(name, 0.0) / wanted + 1e-9)
        for name, wanted in (("CPU", demand.cpus), ("GPU", demand.gpus))
        if wanted > 0
    ]
    return min(counts, default=1_000)


def _text(demand: Resources) -> str:
    return f"{demand.cpus:g} CPUs and {demand.gpus:g} GPUs" if demand.gpus else f"{demand.cpus:g} CPUs"


def _text_of_node(node: Mapping[str, float]) -> str:
    return f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs"


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
