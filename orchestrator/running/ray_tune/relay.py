"""What a driver wants stopped, told to its workers through Ray: a tiny actor beside the driver, that answers when there
is something to hear.

No worker asks the storage, and none asks twice: each has one call in flight, which returns with the next wish. The
actor starts while Tune does, takes no CPU, and is started again should it die; the driver tells it what it wants again
and again.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from orchestrator.running.stop import Stop

AGAIN_SECONDS = 2.0
"""After which what is wished is told once more."""
CALLS = 100_000
"""Workers that may wait at once."""
NOTHING: dict[str, Any] = {"all": False, "trials": [], "nodes": []}


class Wishes:
    """The actor. What is wished is `{"all": whether everything is to stop, "trials": ids of those that are to, "nodes":
    ids of those that all trials are to leave}`."""

    def __init__(self) -> None:
        self._wished = NOTHING
        self._changed = asyncio.Event()

    async def tell(self, wished: dict[str, Any]) -> None:
        if wished != self._wished:
            self._wished = wished
            self._changed.set()
            self._changed = asyncio.Event()

    async def hear(self, known: dict[str, Any] | None) -> dict[str, Any]:
        """Return what is wished, as soon as that is not what the caller knows."""
        while self._wished == known:
            await self._changed.wait()
        return self._wished


class Relay:
    """The driver's side: starts the actor in the Ray that the process has joined, and tells it what is wished."""

    def __init__(self) -> None:
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self.actor: Any = (
            ray.remote(Wishes)
            .options(num_cpus=0, max_restarts=-1, max_task_retries=-1, max_concurrency=CALLS, scheduling_strategy=here)
            .remote()
        )
        self._told = NOTHING
        self._told_at = float("-inf")

    def tell(self, stop: Stop, nodes: Iterable[str]) -> None:
        """Tell what is wished now where that is news; where something is, also again after a while."""
        wished = {"all": stop(), "trials": sorted(stop.trials), "nodes": sorted(nodes)}
        now = time.monotonic()
        if wished != self._told or (wished != NOTHING and now - self._told_at >= AGAIN_SECONDS):
            self._told, self._told_at = wished, now
            self.actor.tell.remote(wished)
