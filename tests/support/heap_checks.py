"""Starts computations in a process of their own whose heap glibc checks: who writes beyond a block is found at its end.

A kernel that writes outside its memory may pass for years where nothing needed lies behind it.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from convolutions_on_the_heap import UNCHECKED

SCRIPT = Path(__file__).with_name("convolutions_on_the_heap.py")
LIBRARY = "libc_malloc_debug.so.0"
"""What checks; until glibc 2.33 malloc did so itself."""

SETTINGS = {
    "LD_PRELOAD": LIBRARY,
    "MALLOC_CHECK_": "3",
    # Large blocks are taken from the heap too, and stay there, as each new one from the kernel costs its pages.
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "OMP_WAIT_POLICY": "passive",  # threads that wait by spinning take the time of all that runs beside them
}


def computed_on_a_checked_heap(what: str, *, threads: int = 1) -> list[str]:
    """Return the names of all that `convolutions_on_the_heap.py` computed, well within its memory and rightly.

    Fails the test where it was not, or where overruns would go unnoticed; skips it where nothing can notice them.
    """
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc can check a heap")
    command = [sys.executable, str(SCRIPT), what, str(threads)]
    try:
        done = subprocess.run(command, env={**os.environ, **SETTINGS}, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired as late:  # threads of a broken heap may wait for each other
        pytest.fail(f"hangs: {str(late.stdout)[-200:]}")
    names = done.stdout.splitlines()
    if done.returncode == UNCHECKED and "cannot be preloaded" in done.stderr:
        pytest.skip(f"this glibc checks no heap without {LIBRARY}, which is not installed")
    assert done.returncode == 0, f"ended with {done.returncode} at {names[-1:]}: {done.stderr}"
    return names
