"""What happened in an attempt, line by line.

On disk each line is added to the trial's `log.txt` at once. An object store knows no adding: there an attempt has a
file of its own, `log/<attempt>.txt`, which is written whole when it checkpoints, once a minute at most, and at its end.
"""

import time

from trainables.record.secrets import masked
from trainables.record.storage import Storage

LOG = "log.txt"
SECONDS = 60.0


class TrialLog:
    """The lines of one attempt."""

    def __init__(self, storage: Storage, folder: str, attempt: str) -> None:
        self._storage = storage
        self._shared = f"{folder}/{LOG}"
        self._own = f"{folder}/log/{attempt}.txt"
        self._lines = b""
        self._written = 0
        self._since = time.monotonic()

    def add(self, *lines: str) -> None:
        data = masked("".join(f"{line}\n" for line in lines)).encode(errors="backslashreplace")
        if self._storage.remote:
            self._lines += data
        else:
            self._storage.append(self._shared, data)

    def save(self) -> None:
        """Write what was added since, if any."""
        if self._written < len(self._lines):
            self._storage.write(self._own, self._lines)
            self._written, self._since = len(self._lines), time.monotonic()

    def save_now_and_then(self) -> None:
        """Write what was added since, if that was not done in the last minute."""
        if time.monotonic() - self._since >= SECONDS:
            self.save()
