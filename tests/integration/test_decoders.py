"""Decoding processes beside one that is killed."""

import os
import signal
import subprocess
import sys
import time

import psutil

PROGRAM = """
import time
from trainables.data.decoders import Decoders
from trainables.data.decoding import Place, Wanted
if __name__ == "__main__":
    decoders = Decoders(2, size=8)
    batches = decoders.decode([[Wanted(Place("none", "/dev/null", 0, -1, b""), 1)] * 2] * 9)
    try:
        next(batches)
    except Exception as error:
        print(error, *(process.pid for process in decoders._pool._processes.values()), flush=True)
    time.sleep(600)
"""


def test_processes_that_decode_do_not_outlive_the_one_they_work_for(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    with subprocess.Popen([sys.executable, "program.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as trial:
        assert trial.stdout is not None
        words = trial.stdout.readline().split()
        pids = [int(word) for word in words if word.isdigit()]
        os.kill(trial.pid, signal.SIGKILL)
    until = time.monotonic() + 120

    assert pids
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.1)
