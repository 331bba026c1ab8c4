"""What signals do while Ray starts and ends: in the place of Ray there is a process that sleeps."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from orchestrator.running.ray_tune.processes import Handlers, RayProcesses
from trainables.execution.signals import STOP_SIGNALS


@pytest.fixture
def heard():
    """The signals that this process hears; its handlers, and its alarm, are put back."""
    before, numbers = Handlers(), []
    for number in STOP_SIGNALS:
        signal.signal(number, lambda number, frame: numbers.append(number))
    yield numbers
    before.restore()


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_one_that_comes_while_ray_starts_is_heard_at_once_and_by_the_run_alone(heard, number):
    processes, children, heard_amid = RayProcesses(), [], []

    def init():
        children.append(subprocess.Popen(["sleep", "60"]))
        children[0].send_signal(number)
        os.kill(os.getpid(), number)
        time.sleep(0.3)
        heard_amid.extend(heard)

    processes.start(init)
    ended_by_the_signal = children[0].poll()
    processes.end(lambda: None)
    children[0].wait()

    assert heard_amid == [number]
    assert ended_by_the_signal is None
    assert not psutil.pid_exists(children[0].pid)


def test_an_alarm_that_ray_sets_to_abort_the_process_is_taken_back(heard):
    """As its own handler of SIGTERM does, where it was there for a moment."""
    signal.setitimer(signal.ITIMER_REAL, 300)

    RayProcesses().start(lambda: signal.alarm(3))

    assert 200 < signal.getitimer(signal.ITIMER_REAL)[0] <= 300


ENDING = """
import ctypes, os, signal, threading, time
from orchestrator.running.ray_tune.processes import RayProcesses
from trainables.execution.signals import STOP_SIGNALS
heard = []
for number in STOP_SIGNALS:
    signal.signal(number, lambda number, frame: heard.append(number))
threading.Thread(target=time.sleep, args=(30,), daemon=True).start()  # as the live display has one

def shutdown():
    ctypes.CDLL(None).signal(signal.SIGTERM, ctypes.c_void_p(0))  # which Python does not see
    time.sleep(0.3)
    for number in STOP_SIGNALS:
        os.kill(os.getpid(), number)
    time.sleep(0.3)
    print("amid", sorted(heard) == sorted(STOP_SIGNALS))

RayProcesses().end(shutdown)
print("the table")
"""


def test_those_that_come_while_ray_ends_are_heard_and_end_no_process_whichever_thread_they_come_to():
    """As it goes, Ray has SIGTERM end the process."""
    done = subprocess.run([sys.executable, "-c", ENDING], stdout=subprocess.PIPE, text=True, timeout=180)

    assert (done.returncode, done.stdout) == (0, "amid True\nthe table\n")


def test_what_ray_raises_as_it_starts_is_raised_here(heard):
    def init():
        raise ConnectionError("no cluster")

    with pytest.raises(ConnectionError, match="no cluster"):
        RayProcesses().start(init)


def test_what_ray_raises_as_it_ends_is_raised_here(heard):
    def shutdown():
        raise RuntimeError("no end")

    with pytest.raises(RuntimeError, match="no end"):
        RayProcesses().end(shutdown)
