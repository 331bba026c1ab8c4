"""The wish to stop a run, or single trials of it: by a signal to its driver, or of anyone through the storage.

A request is a file `drivers/<driver>.stop-<anything>`. Only the driver looks for it, once for all of its trials, and
its runner tells the workers.
"""

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterable

from trainables.record.beats import DRIVERS
from trainables.record.storage import Storage

EVERYTHING = "all"


class Stop:
    """What one driver has been asked to stop."""

    def __init__(self, storage: Storage) -> None:
        self.driver = uuid.uuid4().hex[:12]
        """The token by which the driver's workers and claims know each other."""
        self.trials: frozenset[str] = frozenset()
        """Those that are to stop by themselves, and not to start again in this run."""
        self.limit = ""
        """Which limit of the run is reached, where that and nobody ended it."""
        self.asked_by = ""
        """Who asked for the end of the run through the storage, for people."""
        self._storage = storage.within(0)
        self._raised = False  # a plain bool: a lock could be held by the very code that a signal interrupts

    def __call__(self) -> bool:
        return self._raised

    def of(self, trial_id: str) -> Callable[[], bool]:
        """Return what says whether a trial is to stop."""
        return lambda: self._raised or trial_id in self.trials

    def request(self, limit: str = "") -> None:
        """Ask everything to save and stop; `limit` says which limit of the run is reached. Safe in a signal handler."""
        self.limit = limit
        self._raised = True

    def look(self) -> None:
        """Hear what others ask through the storage, and take those requests away. Raises: OSError."""
        for name in _requests(self._storage, self.driver):
            with contextlib.suppress(FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
                asked = json.loads(self._storage.read(f"{DRIVERS}/{name}"))
                if asked["trials"] == EVERYTHING:
                    self.asked_by = str(asked["by"])
                    self.request()
                else:
                    self.trials = self.trials.union(map(str, asked["trials"]))
            self._storage.delete(f"{DRIVERS}/{name}")

    def wait(self, seconds: float) -> None:
        """Sleep, unless the wish comes first."""
        end = time.monotonic() + seconds
        while not self._raised and (left := end - time.monotonic()) > 0:
            time.sleep(min(0.1, left))


def ask_to_stop(storage: Storage, driver: str, trials: Iterable[str] | None, *, by: str) -> None:
    """Ask a driver, wherever it is, to stop these trials of it; None for the whole run. `by` says who asks."""
    asked = {"trials": EVERYTHING if trials is None else sorted(trials), "by": by}
    storage.write(f"{DRIVERS}/{driver}.stop-{uuid.uuid4().hex[:8]}", json.dumps(asked).encode())


def is_asked(storage: Storage, driver: str) -> bool:
    """Say whether a request waits for a driver to hear it."""
    return bool(_requests(storage, driver))


def _requests(storage: Storage, driver: str) -> list[str]:
    return [name for name in storage.names(DRIVERS) if name.startswith(f"{driver}.stop-")]
