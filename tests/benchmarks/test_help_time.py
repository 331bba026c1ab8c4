"""`sharptune --help` is there at once: its CPU time beside that of a process that only loads click, in one run.

Measured when written: 1.3 times (0.09 and 0.12 s, two busy cores); 16 times when the list of commands loaded them all.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROUNDS = 10
MOST_TIMES = 3.0


def cpu_seconds(*arguments: str) -> float:
    """Run Python with these arguments; return the user's and the system's seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=os.environ, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@pytest.mark.slow
def test_help_takes_hardly_longer_than_loading_click():
    """Slow: it measures; the least of many rounds, which other processes disturb least."""
    rounds = [(cpu_seconds("-c", "import click"), cpu_seconds("-m", "orchestrator", "--help")) for _ in range(ROUNDS)]
    click, ours = map(min, zip(*rounds, strict=True))

    print(f"\nclick {click:.3f} s, sharptune --help {ours:.3f} s: {ours / click:.1f} times")
    assert ours / click <= MOST_TIMES
