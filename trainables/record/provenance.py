"""Where a result comes from: code, versions, machine. Recorded in rows; never part of a trial's identity."""

import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

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
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def machine() -> dict[str, JSON]:
    """Return what can change a result's last digits from one place to another."""
    return {"host": platform.node(), "processor": processor(), "platform": platform.platform(), "versions": versions()}
