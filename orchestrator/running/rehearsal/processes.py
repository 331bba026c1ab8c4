"""The processes of a rehearsal, each of which it started or saw started; it ends no others."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import psutil

SHARED_MEMORY = "/dev/shm/"
AGENT = "Agent"
"""The end of the names of Ray's agents. They hold nothing, and notice after minutes that their Ray was killed."""


class Family:
    """Processes and all that descend from them, as far as they were seen, and the shared memory that they had."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, float], psutil.Process] = {}
        self._segments: set[str] = set()

    def look(self, root: int) -> list[psutil.Process]:
        """Take note of a process and its descendants; return those that live."""
        found: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(root)
            found = [process, *process.children(recursive=True)]
        for process in found:
            with contextlib.suppress(psutil.Error):
                self._seen[process.pid, process.create_time()] = process
        return found

    def look_closely(self, root: int) -> list[psutil.Process]:
        """The same, with the shared memory that they have."""
        found = self.look(root)
        for process in found:
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
                    if SHARED_MEMORY in line:
                        name = line.partition(SHARED_MEMORY)[2].removesuffix(" (deleted)")
                        self._segments.add(SHARED_MEMORY + name)
        return found

    def kill(self, processes: list[psutil.Process]) -> None:
        """Send SIGKILL to processes that were looked at: psutil makes sure that each is still the same one."""
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def end(self) -> None:
        """Kill all that still live of it."""
        for process in list(self._seen.values()):
            for each in self.look(process.pid) if _lives(process) else ():
                self.kill([each])

    def left(self, seconds: float, but: Callable[[psutil.Process], bool] = lambda process: False) -> list[str]:
        """Return the names of those that have not ended by themselves within so many seconds, Ray's agents aside."""
        until = time.monotonic() + seconds
        while left := [each for each in self._seen.values() if _lives(each) and not but(each)]:
            names = [name for each in left if not (name := _name(each)).endswith(AGENT)]
            if not names or time.monotonic() > until:
                return names
            time.sleep(0.1)
        return []

    def segments_left(self) -> list[str]:
        """Return the segments of shared memory that are still there."""
        return sorted(path for path in self._segments if Path(path).exists())


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _name(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return process.name()
    return ""
