"""What answers at once: CPU time beside that of a process that only loads click, in one run.

`sharptune --help` took 1.3 times as long when written (0.09 and 0.12 s, two busy cores), and 16 times when the list of
commands loaded them all. `sharptune plan quickstart` took 0.5 s, of 0.8 s that it may take.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROUNDS = 10


def cpu_seconds(*arguments: str) -> float:
    """Run Python with these arguments; return the user's and the system's seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=os.environ, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@pytest.mark.slow
@pytest.mark.parametrize(("words", "most_times"), [(["--help"], 3.0), (["plan", "quickstart"], 8.0)])
def test_an_answer_takes_hardly_longer_than_loading_click(
    words: list[str], most_times: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Slow: it measures; the least of many rounds, which other processes disturb least."""
    monkeypatch.setenv("SHARPTUNE_STORAGE", str(tmp_path))
    rounds = [(cpu_seconds("-c", "import click"), cpu_seconds("-m", "orchestrator", *words)) for _ in range(ROUNDS)]
    click, ours = map(min, zip(*rounds, strict=True))

    print(f"\nclick {click:.3f} s, sharptune {' '.join(words)} {ours:.3f} s: {ours / click:.1f} times")
    assert ours / click <= most_times
