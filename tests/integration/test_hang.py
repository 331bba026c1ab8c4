"""A process that makes no step any more is ended and says where it hung, also where Python's lock is never released."""

import subprocess
import sys

import pytest

WATCHED = """
import time
from trainables.execution.hang_watch import HangWatch

with HangWatch({minutes}) as watch:
    watch.step()
{then}
print("went on")
"""
HANGS = "    def stuck():\n        time.sleep(60)\n    stuck()"
NEVER_LETS_GO = "    def stuck():\n        return (2 << 10**9) // 3 ** (10**7)\n    stuck()"
WORKS = "    pass\ntime.sleep(1.5)"


@pytest.mark.parametrize(
    ("minutes", "then", "ended"), [(0.001, HANGS, True), (0.001, NEVER_LETS_GO, True), (0.001, WORKS, False)]
)
def test_a_process_without_a_step_is_ended_with_its_stack_and_one_between_trials_is_not(minutes, then, ended):
    code = WATCHED.format(minutes=minutes, then=then)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=False)

    assert (done.returncode, done.stdout) == ((1, "") if ended else (0, "went on\n"))
    assert ("in stuck" in done.stderr) == ended
