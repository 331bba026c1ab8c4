"""Whether a row in the index is still the one that its trial has: two ways to know.

Both ask `stands` of each row, and `hold` of a few, whose `row.json` is read.
"""

import uuid
from collections.abc import Collection
from typing import Protocol

from orchestrator.index.segment import same
from trainables.errors import DamagedFile
from trainables.record.entry import Entry
from trainables.record.storage import Storage
from trainables.record.trial_folder import ROW, TRIALS, WITHDRAWN, unseal, withdrawal
from trainables.trial import TrialRow

_PLACE = "storage."
"""How the name of the file begins that names the storage: a segment that somebody copied from another knows nothing of
what is withdrawn here."""


class ChangedError(Exception):
    """A row that was taken away or replaced, and that nobody withdrew."""


class Standing(Protocol):
    """How a row is known to stand."""

    def trusts(self, place: str) -> bool:
        """Say whether a segment that was written at that place says anything of this storage."""
        ...

    def stands(self, trial_id: str, then: Entry) -> bool:
        """Say whether a trial's `row.json` is the file that it was."""
        ...

    def hold(self, row: TrialRow) -> None:
        """Hold a row that stands against its `row.json`. Raises: DamagedFile where it is another; ChangedError."""
        ...


class Listed:
    """What the storage says now of `row.json`: it may be anybody's who changed it."""

    def __init__(self, seen: Storage) -> None:
        self._seen = seen

    def trusts(self, place: str) -> bool:
        return True

    def stands(self, trial_id: str, then: Entry) -> bool:
        return same(then, entry_of(self._seen, trial_id))

    def hold(self, row: TrialRow) -> None:
        try:
            found = unseal(self._seen.read(row_path(row.trial_id)), row.trial_id)
        except FileNotFoundError:  # it was set aside just now
            return
        if found != row:
            raise DamagedFile(f"its row of trial {row.trial_id} is not that of the trial")


class NotWithdrawn:
    """That its trial is there, and that nobody said that row would be taken away: no file is looked at but for that."""

    def __init__(self, storage: Storage, there: Collection[str]) -> None:
        self._storage = storage
        self._there = there
        self._withdrawn, self._places = of_withdrawn(storage)

    def trusts(self, place: str) -> bool:
        return place in self._places

    def stands(self, trial_id: str, then: Entry) -> bool:
        if not then.version or trial_id not in self._there:
            return False
        return not self._withdrawn or withdrawal(trial_id, then) not in self._withdrawn

    def hold(self, row: TrialRow) -> None:
        try:
            same_row = unseal(self._storage.read(row_path(row.trial_id)), row.trial_id) == row
        except (FileNotFoundError, DamagedFile):
            same_row = False
        if not same_row:
            raise ChangedError(row.trial_id)


def of_withdrawn(storage: Storage) -> tuple[Collection[str], Collection[str]]:
    """Return which rows were withdrawn in a storage, and its own names: it has one, or two that were given at once."""
    names = storage.names(WITHDRAWN)
    places = {name.removeprefix(_PLACE) for name in names if name.startswith(_PLACE)}
    return {name for name in names if not name.startswith(_PLACE)}, places


def place_of(storage: Storage) -> str:
    """Return the name of an object store among all others, which it is given if it has none; a disk has none."""
    if not storage.remote:
        return ""
    _, places = of_withdrawn(storage)
    place = min(places, default=uuid.uuid4().hex)
    if not places:
        storage.create(f"{WITHDRAWN}/{_PLACE}{place}", b"")
    return place


def row_path(trial_id: str) -> str:
    return f"{TRIALS}/{trial_id}/{ROW}"


def entry_of(storage: Storage, trial_id: str) -> Entry | None:
    """Return what a storage says of a trial's row now; None where there is none."""
    try:
        return storage.entry(row_path(trial_id))
    except FileNotFoundError:
        return None
