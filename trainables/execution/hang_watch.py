"""Ends a process that makes no step any more, so that its trial can go on in another one."""

import faulthandler
import time
from types import TracebackType

NOTED_SECONDS = 1.0
"""How often steps are noted at most."""


class HangWatch:
    """Within its context, a process that notes no step for so long is ended with exit code 1.

    Where each of its threads was then stands in its stderr. A timer in C does it, also where Python's lock is never
    released; nothing is saved. Without minutes it watches nothing.
    """

    def __init__(self, minutes: float | None) -> None:
        self._seconds = None if minutes is None else 60 * minutes
        self._noted = float("-inf")

    def step(self) -> None:
        """Note that the work goes on."""
        if self._seconds is not None and time.monotonic() - self._noted >= NOTED_SECONDS:
            self._noted = time.monotonic()
            faulthandler.dump_traceback_later(self._seconds + NOTED_SECONDS, exit=True)

    def __enter__(self) -> "HangWatch":
        self._noted = float("-inf")
        self.step()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._seconds is not None:
            faulthandler.cancel_dump_traceback_later()
