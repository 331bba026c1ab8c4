"""A run of many trials needs no more than one of few: no zombies, no files, a little memory for what each trial was.

Measured when written, on two busy cores: 25 KiB a trial in the driver, most of it our rows and Tune's list; nothing in
the workers. Rates are printed only: they depend on what else the machine does.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

GROWTH = Path(__file__).with_name("growth.py")
MOST_DRIVER_KIB = 100
"""A trial, in the driver."""
MOST_WORKER_MIB = 16
MOST_FILES = 8
"""Of both, in all: some come and go."""


@pytest.mark.ray
@pytest.mark.parametrize(
    ("trials", "options"),
    [
        pytest.param(200, ("--bare", "0"), id="a few hundred"),
        pytest.param(1000, ("--bare", "20"), id="a thousand", marks=pytest.mark.slow),
    ],
)
def test_trials_leave_no_process_no_open_file_and_little_memory_behind(trials, options):
    command = [sys.executable, str(GROWTH), "--trials", str(trials), "--first", "100", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-2000:]

    found = json.loads(done.stdout[done.stdout.index("{") :])

    print("\n" + json.dumps(found, indent=1))
    grown = found["growth"]
    assert found[f"after {trials}"]["zombies"] == 0
    assert found["left"] == 0
    assert found["trackers"] == []  # which Ray would import to count what is called back, for seconds of the CPU
    assert grown["workers"] <= 1  # one may only just have started
    assert max(grown["driver_files"], grown["worker_files"]) <= MOST_FILES
    assert grown["driver_mib"] <= MOST_DRIVER_KIB * (trials - 100) / 1024
    assert grown["worker_mib"] <= MOST_WORKER_MIB
