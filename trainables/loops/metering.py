"""What a run costs: seconds of its device, and memory."""

import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch

from trainables.loops.devices import device_name
from trainables.trial import Spent

T = TypeVar("T")


class Meter:
    """Device seconds and peak memory of a run, over all the processes that carried it.

    Seconds are, on a GPU, those between the start and the end of the work it was given, and on the CPU those of all
    cores together. Time in which the run is paused is not counted.
    """

    def __init__(self, device: torch.device, *, ranks: int = 1) -> None:
        """`ranks`: processes that work as this one does, itself among them."""
        self._device = device
        self._ranks = ranks
        self._seconds = 0.0
        self._peak = 0
        self._measuring = False
        self._pending: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    def measure(self, work: Iterator[T]) -> Iterator[T]:
        """Yield what `work` yields, measuring it in between."""
        self._forget_earlier_peak()
        self._measuring = True
        end = object()
        while True:
            began = self._now()
            item = next(work, end)
            self._add(began, self._now())
            if item is end:
                return
            yield item  # pyright: ignore[reportReturnType]  (it is not `end`)

    def spent(self) -> Spent:
        """Return the cost so far: seconds of one GPU, or of the CPU, of which each rank takes as many as this one."""
        return Spent(device=device_name(self._device), seconds=self.seconds(), peak_bytes=self.peak_bytes())

    def seconds(self) -> float:
        """Return the seconds so far; on a GPU, waits for it."""
        for began, ended in self._pending:
            ended.synchronize()
            self._seconds += began.elapsed_time(ended) / 1000
        self._pending.clear()
        return self._seconds

    def peak_bytes(self) -> int:
        """Return the most memory held at once while measuring: allocated on the GPU, or resident in the process."""
        if not self._measuring:  # what an earlier trial of this process needed is not yet forgotten
            return self._peak
        if self._device.type == "cuda":
            self._peak = max(self._peak, torch.cuda.max_memory_allocated(self._device))
        else:
            self._peak = max(self._peak, _resident_peak())
        return self._peak

    def state(self) -> dict[str, Any]:
        return {"seconds": self.seconds(), "peak": self.peak_bytes()}

    def load(self, state: dict[str, Any]) -> None:
        self._seconds, self._peak = float(state["seconds"]), int(state["peak"])

    def _now(self) -> Any:
        if self._device.type != "cuda":
            return time.process_time()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _add(self, began: Any, ended: Any) -> None:
        if self._device.type != "cuda":
            self._seconds += (ended - began) * self._ranks
            return
        self._pending.append((began, ended))
        if len(self._pending) >= 1000:
            self.seconds()

    def _forget_earlier_peak(self) -> None:
        """Do not count what an earlier trial of this process needed."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            return
        try:
            Path("/proc/self/clear_refs").write_text("5")  # Linux: resets VmHWM
        except OSError:
            return


def _resident_peak() -> int:
    """Return the process's highest resident memory, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
