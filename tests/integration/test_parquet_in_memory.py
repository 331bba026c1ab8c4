"""Parquet files that are read out of memory leave no thread of Arrow's behind, each in a fresh process.

Such a thread lets go of what it read while Python ends, and now and then aborts the process: `genotype derive` ended
with "terminate called without an active exception" and 134 after its sentence about a wrong epoch.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EPOCHS = """
from trainables.record.trial_folder import epochs_parquet, read_epochs
data = epochs_parquet([{"epoch": epoch, "alphas": [[0.5, 1.5]] * 6, "skips": 0} for epoch in range(1, 4)])
def read():
    assert [row["alphas"][0] for row in read_epochs(data)] == [[0.5, 1.5]] * 3
"""
TABLE = """
from trainables.architecture.nas_bench_201.benchmark import benchmark
def read():
    assert benchmark().mean_XD.shape == (15_625, 3)
"""


@pytest.mark.parametrize("read", [EPOCHS, TABLE], ids=["epochs of a trial", "table of NAS-Bench-201"])
def test_reading_starts_no_thread_that_could_abort_a_command_which_ends_soon(read):
    code = f"""
import numpy, psutil, pyarrow.compute, pyarrow.parquet
{read}
before = psutil.Process().num_threads()
read()
print(psutil.Process().num_threads() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
