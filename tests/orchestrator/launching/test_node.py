"""What is started on a node of a job: a signal to all processes does not end it."""

import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_to_all_does_not_end_it_nor_what_it_starts(number):
    code = "import os, sys; os.kill(os.getpid(), int(sys.argv[1])); os.system(f'kill -{sys.argv[1]} $$; echo alive')"
    command = [sys.executable, "-c", code, str(int(number))]

    alone = subprocess.run(command, capture_output=True, text=True)
    kept = subprocess.run(
        [sys.executable, "-m", "orchestrator.launching.node", *command], capture_output=True, text=True
    )

    assert (alone.returncode, alone.stdout) == (-number, "")
    assert (kept.returncode, kept.stdout, kept.stderr) == (0, "alive\n", "")
