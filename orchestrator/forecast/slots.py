"""What runs at a time: nodes, and what each has for trials."""

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.planning.plan import PlannedTrial, Resources

CLOSE = 1e-9
"""What sums of fractions may be off."""
DRIVER = Path("/proc/driver/nvidia/gpus")
"""Where Linux lists the GPUs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slots:
    """Nodes with what each has, by Ray's names: `{"CPU": 16.0, "GPU": 4.0}`."""

    nodes: tuple[Mapping[str, float], ...]
    name: str
    """In words: `2 GPUs here`."""
    others: float = 0.0
    """How much each node has of what it does not name."""
    one_by_one: bool = False
    """One trial at a time, whatever it asks for."""

    @classmethod
    def here(cls) -> "Slots":
        """Return what Ray would find on this machine."""
        cpus, gpus = os.cpu_count() or 1, _gpus_here()
        memory = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
        name = f"{_counted(gpus, 'GPU') if gpus else _counted(cpus, 'CPU')} here"
        return cls(nodes=({"CPU": float(cpus), "GPU": float(gpus), "memory": memory},), name=name)

    @classmethod
    def local(cls) -> "Slots":
        """Return the one slot of a run without Ray."""
        return cls(nodes=({},), name="this process", one_by_one=True)

    @classmethod
    def of_gpus(cls, count: int, trials: Iterable[PlannedTrial] = ()) -> "Slots":
        """Return so many GPUs, and of all else what these trials need beside them."""
        shapes = {trial.resources for trial in trials}
        each = max((shape.cpus / shape.gpus for shape in shapes if shape.gpus), default=1.0)
        cpus = max(count * each, *(shape.cpus for shape in shapes), 1.0)
        return cls(nodes=({"GPU": float(count), "CPU": cpus},), name=_counted(count, "GPU"), others=math.inf)

    def copies(self, node: Mapping[str, float], shape: Resources) -> int:
        """Return how many trials of a shape fit on a node when it is empty."""
        shares = [node.get(name, self.others) / asked for name, asked in amounts(shape).items()]
        return 10**9 if min(shares) == math.inf else math.floor(min(shares) + CLOSE)

    def whole(self, names: Iterable[str]) -> dict[str, float]:
        """Return how much all nodes have together of each of these."""
        return {name: sum(node.get(name, self.others) for node in self.nodes) for name in names}

    def fits(self, shape: Resources) -> bool:
        """Say whether some node can hold such a trial at all."""
        return self.one_by_one or any(self.copies(node, shape) for node in self.nodes)


def amounts(shape: Resources) -> dict[str, float]:
    """Return what a trial asks for, but for the type of its accelerators."""
    return {name: asked for name, asked in shape.amounts.items() if not name.startswith("accelerator_type:")}


def _gpus_here() -> int:
    """Return how many GPUs this process may use."""
    there = len(list(DRIVER.iterdir())) if DRIVER.is_dir() else 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return there
    return min(there, len([each for each in visible.split(",") if each.strip() not in ("", "-1", "NoDevFiles")]))


def _counted(count: float, what: str) -> str:
    return f"{count:g} {what}{'' if count == 1 else 's'}"
