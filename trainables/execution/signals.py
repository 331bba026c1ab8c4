"""The signals by which a process is asked to save and end."""

import signal
from collections.abc import Callable
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""From schedulers and containers; from a terminal or a line that is gone; the last two from Slurm, before time is up
(`--signal`)."""


def hear(handler: Callable[[int, FrameType | None], object]) -> dict[int, object]:
    """From now on, have each of them call a handler; return what was there before, by signal.

    One that came while it was blocked counts. A SIGHUP that is ignored stays so: whoever says `nohup` means it.
    """
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    heard = [number for number in STOP_SIGNALS if (number, before[number]) != (signal.SIGHUP, signal.SIG_IGN)]
    for number in heard:
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, heard)
    return {number: before[number] for number in heard}
