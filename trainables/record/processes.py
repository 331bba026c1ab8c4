"""Processes that can be recognised later, by others too."""

import contextlib
import functools
import hashlib
import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path

import psutil


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A process that can be recognised later: its number alone may be reused."""

    host: str
    boot: str
    """The machine's boot, and the namespace of process numbers (containers share the first, not the second)."""
    pid: int
    started: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    @classmethod
    def current(cls) -> "Process":
        return _this(os.getpid())

    def check(self) -> None:
        """Raises: TypeError when it was read from something that is no process."""
        texts = all(isinstance(text, str) for text in (self.host, self.boot, self.started))
        if not (texts and isinstance(self.pid, int) and 0 <= self.pid < 2**32):
            raise TypeError("a process has a host, a boot, a number and a start")

    def alive(self) -> bool | None:
        """Say whether it runs; None when it belongs to another machine and cannot be asked."""
        if (self.host, self.boot) != (platform.node(), _boot()):
            return None  # another machine, another container, or this one before it was restarted
        return _started(self.pid) == self.started

    @property
    def mark(self) -> str:
        """What it writes into names, `<machine>-<pid>-<started>`; processes of two machines never write the same."""
        machine = hashlib.sha256(f"{self.host}/{self.boot}".encode()).hexdigest()[:12]
        return f"{machine}-{self.pid}-{self.started}"

    @classmethod
    def alive_by_mark(cls, name: str) -> bool | None:
        """Say whether the process runs whose mark a name begins with; None when it is no mark of this machine's."""
        machine, pid, started, *_ = [*name.split("-"), "", "", ""]
        here = cls.current()
        if machine == here.mark.partition("-")[0] and pid.isdigit():
            return replace(here, pid=int(pid), started=started).alive()
        return None


@functools.lru_cache(maxsize=1)
def _this(pid: int) -> Process:
    """Return the process of this number, which is the one that asks: one that was forked asks anew."""
    return Process(host=platform.node(), boot=_boot(), pid=pid, started=_started(pid) or "?")


def _boot() -> str:
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = Path("/proc/self/ns/pid").readlink()
        return f"{boot}/{namespace}"
    return f"{int(psutil.boot_time())}/"


def _started(pid: int) -> str | None:
    """Return when a process started, in its machine's own count; None when it is gone or only its remains are left."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    except (ProcessLookupError, PermissionError):
        return None
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None
