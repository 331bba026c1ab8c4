"""What of a storage passes by itself, and how long to wait for it."""

import errno
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from trainables.errors import StorageError

Found = TypeVar("Found")

PASSING = {
    getattr(errno, name)
    for name in (
        *("EIO", "ESTALE", "ETIMEDOUT", "EAGAIN", "EINTR", "EBUSY", "EREMOTEIO", "EPIPE", "ESHUTDOWN"),
        *("ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "ENOTCONN", "ENETDOWN", "ENETUNREACH", "ENETRESET"),
        *("EHOSTDOWN", "EHOSTUNREACH"),
    )
    if hasattr(errno, name)
}
"""Errors of a network, or of a file system behind one, that say nothing about the next try."""
_dice = random.SystemRandom()  # no trial's random numbers hang on it


def passes(error: OSError) -> bool:
    """Say whether the same may succeed a moment later."""
    if isinstance(error, StorageError | FileNotFoundError | FileExistsError | PermissionError):
        return False
    return error.errno is None or error.errno in PASSING


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long to try again what may pass, and with which pauses, in seconds; each pause is twice the one before."""

    seconds: float = 60.0
    first_pause: float = 0.1
    longest_pause: float = 5.0

    def insist(self, uri: str, do: Callable[[], Found], again: Callable[[], Found] | None = None) -> Found:
        """Return what `do` does; where it fails and that may pass, do it `again`, the same by default.

        Raises: StorageError once it has not passed in all those seconds; any other OSError at once.
        """
        end, pause = None, self.first_pause
        while True:
            try:
                return do()
            except OSError as error:
                if not passes(error):
                    raise
                now = time.monotonic()
                end = now + self.seconds if end is None else end
                if now >= end:
                    why = " ".join((error.strerror or str(error)).split())
                    tried = f"for {self.seconds:g} seconds" if self.seconds else "now"
                    raise StorageError(f"storage {uri} does not answer {tried}: {why}") from error
                time.sleep(min(pause * (0.5 + _dice.random()), end - now))
                pause = min(2 * pause, self.longest_pause)
                do = again or do


AT_ONCE = Patience(seconds=0)
"""Tries once."""
