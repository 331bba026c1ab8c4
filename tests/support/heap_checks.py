"""Starts computations in processes of their own whose heap glibc checks: who writes beyond a block is found at its end.

A kernel that writes outside its memory may pass for years where nothing needed lies behind it.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from convolutions_on_the_heap import ENDED, UNCHECKED

SCRIPT = Path(__file__).with_name("convolutions_on_the_heap.py")
LIBRARY = "libc_malloc_debug.so.0"
"""What checks; until glibc 2.33 malloc did so itself."""

WELL = "ended well"

SETTINGS = {
    "LD_PRELOAD": LIBRARY,
    "MALLOC_CHECK_": "3",
    # Large blocks are taken from the heap too, and stay there, as each new one from the kernel costs its pages.
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "OMP_WAIT_POLICY": "passive",  # threads that wait by spinning take the time of all that runs beside them
}


def computed_on_a_checked_heap(*jobs: str) -> dict[str, list[str]]:
    """Return for each job of `convolutions_on_the_heap.py` the names of all that it computed, and how it ended.

    That is WELL, or where it ended and what was said. Fails the test where overruns would go
    unnoticed; skips it where nothing can notice them.
    """
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc can check a heap")
    command = [sys.executable, str(SCRIPT), *jobs]
    try:
        done = subprocess.run(command, env={**os.environ, **SETTINGS}, capture_output=True, text=True, timeout=500)
    except subprocess.TimeoutExpired as late:  # threads of a broken heap may wait for each other
        pytest.fail(f"hangs: {str(late.stdout)[-200:]}")
    if done.returncode == UNCHECKED and "cannot be preloaded" in done.stderr:
        pytest.skip(f"this glibc checks no heap without {LIBRARY}, which is not installed")
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stdout[-200:]} {done.stderr}"
    computed: dict[str, list[str]] = {}
    names: list[str] = []
    for line in done.stdout.splitlines():
        if not line.startswith(ENDED):
            names.append(line)
            continue
        _, job, status = line.split()
        computed[job] = [*names, WELL if status == "0" else f"ended with {status} at {names[-1:]}: {done.stderr}"]
        names = []
    return computed
