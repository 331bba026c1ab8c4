"""Where a result comes from: code, versions, machine. Recorded in rows; never part of a trial's identity."""

import contextlib
import functools
import hashlib
import importlib.metadata
import math
import os
import platform
import subprocess
from pathlib import Path, PurePosixPath

from trainables.trial import JSON

PACKAGES = ("torch", "torchvision", "numpy", "ray")
TRAINABLES = Path(__file__).parents[1]
"""The package whose code computes results."""


def code_digest() -> str:
    """Return the sha256 of the code that computes results, as it is now: every Python file of `trainables`."""
    files = []
    for path in sorted(TRAINABLES.rglob("*.py")):
        found = path.stat()
        files.append((path, found.st_mtime_ns, found.st_size))
    return _digest(tuple(files))


@functools.lru_cache(maxsize=1)
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Return the digest of files of these times and sizes."""
    digest = hashlib.sha256()
    for path, _, _ in files:
        digest.update(path.relative_to(TRAINABLES).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@functools.cache
def commit() -> str:
    """Return the source's commit, with `-dirty` when files differ from it; the package's version outside a checkout."""
    root = TRAINABLES.parent
    if (root / ".git").exists():
        try:
            head = _git(root, "rev-parse", "HEAD")
            return f"{head}-dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else head
        except (OSError, subprocess.SubprocessError):
            pass
    return f"sharptune {_version('sharptune')}"


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


@functools.cache
def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{package: _version(package) for package in PACKAGES}}


@functools.cache
def processor() -> str:
    """Return the processor's name as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def cpu_count() -> int:
    """Return how many CPUs this process may use: of those it is bound to, as many as its container's quota lets it."""
    return cpus()[0]


def cpus(root: Path = Path("/")) -> tuple[int, str]:
    """Return how many CPUs this process may use, and what keeps it from the others; empty where nothing does."""
    whole = os.cpu_count() or 1
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else whole
    quota = cpu_quota(root)
    if quota is not None and quota < bound:
        return max(1, math.ceil(quota)), f"of {whole}: its control group has a quota of {quota:g}"
    return bound, f"of {whole}: it is bound to these" if bound < whole else ""


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return how many CPUs' time this process may take: the smallest quota up the tree of its control groups.

    None without any. Of both versions of control groups; a container often sees its own as the root, whatever its path.
    """
    quotas: list[float] = []
    with contextlib.suppress(OSError):
        mounted = root / "sys/fs/cgroup"
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                tops, read = [mounted, mounted / "unified"], _quota_2
            elif "cpu" in controllers.split(","):
                tops, read = [mounted / "cpu", mounted / controllers], _quota_1
            else:
                continue
            inner = PurePosixPath(path.lstrip("/"))
            found = (read(top / group) for top in tops for group in (inner, *inner.parents))
            quotas += [quota for quota in found if quota is not None]
    return min(quotas, default=None)


def _quota_2(group: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        quota, period = (group / "cpu.max").read_text().split()
        return float(quota) / float(period) if quota != "max" else None
    return None


def _quota_1(group: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        quota, period = (float((group / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        return quota / period if quota > 0 else None
    return None


def machine() -> dict[str, JSON]:
    """Return what can change a result's last digits from one place to another."""
    return {"host": platform.node(), "processor": processor(), "platform": platform.platform(), "versions": versions()}
