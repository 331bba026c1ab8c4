"""Which signals ask a process to save."""

import os
import signal
import threading

import pytest

from trainables.execution.signals import STOP_SIGNALS, hear


@pytest.fixture(autouse=True)
def handlers():
    """Put back what this process had."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_one_that_came_while_it_was_blocked_counts(number):
    heard = []
    signal.signal(number, lambda *_: heard.append("before"))
    signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    signal.pthread_kill(threading.get_ident(), number)  # other threads of the test runner do not block it

    hear(lambda number, frame: heard.append(number))

    assert heard == [number]


def test_under_nohup_a_terminal_that_is_gone_asks_for_nothing():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    before = hear(lambda number, frame: pytest.fail("it was heard"))
    os.kill(os.getpid(), signal.SIGHUP)

    assert set(before) == {*STOP_SIGNALS} - {signal.SIGHUP}
