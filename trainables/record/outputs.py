"""What the processes of a trial's attempts printed: `output.<attempt>.txt`, at most the last megabyte of each."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from trainables.record.storage import Storage

MOST_BYTES = 1_000_000
"""Of one attempt that are kept: its last ones, for those say how it ended."""
MOST_ATTEMPTS = 5
"""Whose outputs are kept: the last ones that printed anything, whether they were stopped, died, failed or got done."""
_NAME = re.compile(r"output\.(?P<number>\d{4,})\.[0-9a-f]{8}\.txt")
_LEFT_OUT = re.compile(rb"\[(?P<bytes>\d{1,18}) bytes before this line are not kept\]\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """What one attempt's process printed, stdout and stderr as they came."""

    left_out: int
    """How many bytes of its beginning are not kept."""
    data: bytes


class OutputFolder:
    """The outputs of one trial."""

    def __init__(self, storage: Storage, folder: str) -> None:
        self._storage = storage
        self._folder = folder

    def names(self) -> list[str]:
        """Return the names of the files, the oldest attempt's first."""
        return among(self._storage.names(self._folder))

    def path(self, attempt: str) -> str:
        """Return the file of an attempt, by its name in file names, as a path in the storage."""
        return f"{self._folder}/output.{attempt}.txt"

    def read(self, name: str) -> Output:
        """Raises: FileNotFoundError."""
        return split(self._storage.read(f"{self._folder}/{name}"))

    def prune(self) -> None:
        """Delete those of all but the last attempts that printed anything."""
        for name in self.names()[:-MOST_ATTEMPTS]:
            self._storage.delete(f"{self._folder}/{name}")


def among(names: Iterable[str]) -> list[str]:
    """Return those names of files in a trial's folder that are outputs', the oldest attempt's first."""
    return sorted((name for name in names if _NAME.fullmatch(name)), key=lambda name: (attempt_of(name), name))


def attempt_of(name: str) -> int:
    """Return the number of the attempt that a file is named for."""
    found = _NAME.fullmatch(name)
    assert found is not None
    return int(found["number"])


def split(data: bytes) -> Output:
    """Return what a file says."""
    found = _LEFT_OUT.match(data)
    return Output(left_out=int(found["bytes"]), data=data[found.end() :]) if found else Output(left_out=0, data=data)


def shortened(data: bytes) -> bytes:
    """Return a file with no more than the last bytes that are kept, and a line for those before them."""
    output = split(data)
    if len(output.data) <= MOST_BYTES:
        return data
    kept = output.data[-MOST_BYTES:]
    return b"[%d bytes before this line are not kept]\n" % (output.left_out + len(output.data) - len(kept)) + kept
