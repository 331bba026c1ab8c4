"""The segments of a storage: which rows they give, how they grow, and how many small ones become few large ones.

A segment's row is given only where the storage says that `row.json` is the file it was: the same version where files
have versions, else the same size and time, which is why a row on a disk is indexed no sooner than some seconds after it
was written. Of each segment some rows are held against their `row.json` each time; `check` does it for all.

In an object store that takes a request for every hundred trials. Of thousands it is enough that a trial is there and
that nobody withdrew its row (`TrialFolder.withdraw_row`): a done row is never replaced, and whoever takes one away says
so before. Where one of those that are held against their `row.json` is not what it was, all are looked at.
"""

import contextlib
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from orchestrator.index.indexed_row import IndexedRow
from orchestrator.index.segment import (
    MOST_FILE_BYTES,
    MOST_ROWS,
    NAME,
    Indexed,
    OtherVersionError,
    pack,
    same,
    unpack,
)
from orchestrator.index.standing import ChangedError, Listed, NotWithdrawn, Standing, entry_of, place_of, row_path
from trainables.errors import DamagedFile
from trainables.record.entry import Entry
from trainables.record.storage import Storage
from trainables.trial import TrialRow

Item = TypeVar("Item")
INDEX = "index"
"""The folder of a storage that holds its segments."""
MOST_SEGMENTS = 2
"""Of small ones: one more, and they become one."""
MOST_READ = 256
"""Of all; there are no more unless somebody put them there."""
PROVED = 32
"""Rows of each segment, one after the other, whose seals are looked at whenever it is read."""
SAMPLE = 2
"""Of these, those that are held against their `row.json`."""
READERS, AT_ONCE = 16, 256
"""How many rows of an object store are read at a time, and how many are waited for."""
SETTLED_SECONDS = 3.0
"""The age at which a file without a version can be told from one that replaces it: clocks of files are coarse."""


class Index:
    """Reads and writes the segments of a storage. `say` hears of those that are not used, and why."""

    def __init__(self, say: Callable[[str], None] = lambda sentence: None) -> None:
        self._say = say
        self.given: set[str] = set()
        """Trials whose rows were found in the index, or written there."""
        self._heads: dict[str, dict[str, Entry]] = {}
        """Of each segment that was read: what it says of the files of its rows."""
        self._places: dict[str, str] = {}
        """Of each segment that was read or written: whose rows it has; see `place_of`."""
        self._unused: dict[str, bool] = {}
        """Segments that are not used, and whether they are of no use to anybody else."""

    def rows(self, trial_ids: Collection[str], seen: Storage) -> dict[str, TrialRow]:
        """Return the rows of these trials that are in the index and as they are in the storage, as it was `seen`."""
        return self._rows(trial_ids, seen, Listed(seen))

    def rows_not_withdrawn(
        self, trial_ids: Collection[str], storage: Storage, there: Collection[str]
    ) -> dict[str, TrialRow]:
        """Return the rows of these trials that are in the index, and `there`, and that nobody withdrew.

        None where one of those that were looked at is not what it was.
        """
        try:
            return self._rows(trial_ids, storage, NotWithdrawn(storage, there))
        except ChangedError:
            return {}

    def _rows(self, trial_ids: Collection[str], storage: Storage, standing: Standing) -> dict[str, TrialRow]:
        found: dict[str, TrialRow] = {}
        for name in self.names(storage):
            known = self._heads.get(name)
            missing = {trial_id for trial_id in trial_ids if trial_id not in found}
            if not missing:
                break
            if known is None or any(standing.stands(each, known[each]) for each in missing & known.keys()):
                found |= self._rows_of(name, missing, storage, standing)
        self.given |= found.keys()
        return found

    def has(self, trial_id: str, entry: Entry) -> bool:
        """Say whether a segment that was read has that version of a trial's row."""
        return any(trial_id in heads and same(heads[trial_id], entry) for heads in self._heads.values())

    def add(self, trial_ids: Iterable[str], seen: Storage) -> int:
        """Write the done rows of these trials that no segment has; return how many. Small segments become few.

        What two do at once is done twice, or once: a segment is named for what is in it.
        Raises: OSError, StorageError.
        """
        seen.tidy(INDEX)
        self._look(seen)
        added = 0
        for some in _batched(self._lacking(trial_ids, seen), MOST_ROWS):
            self._write(some, seen)
            added += len(some)
        small = {name for name, heads in self._heads.items() if len(heads) < MOST_ROWS}
        renewed = self._old(seen) | (small if len(small) > MOST_SEGMENTS else set())
        if renewed:
            self._compact(renewed, seen)
        return added

    def names(self, storage: Storage) -> list[str]:
        """Return the segments there are and that may be used."""
        found = storage.walk(INDEX)
        names = []
        for path, entry in sorted(found.items()):
            name = path.removeprefix(f"{INDEX}/")
            if NAME.fullmatch(name) and name not in self._unused and len(names) < MOST_READ:
                if entry.bytes > MOST_FILE_BYTES:
                    self._leave_out(name, DamagedFile(f"it has more than {MOST_FILE_BYTES:,} bytes"))
                else:
                    names.append(name)
        return names

    def read(
        self,
        storage: Storage,
        name: str,
        wanted: Callable[[str, Entry], bool],
        trusted: Callable[[str], bool] = lambda place: True,
    ) -> Iterator[Indexed]:
        """Yield the rows of a segment that are wanted; see `unpack`. Raises: DamagedFile, FileNotFoundError."""
        return unpack(name, storage.read(f"{INDEX}/{name}"), wanted, trusted)

    def _rows_of(
        self, name: str, trial_ids: Collection[str], storage: Storage, standing: Standing
    ) -> Mapping[str, IndexedRow]:
        """Return rows of one segment; none where anything in it is not as it should be."""
        heads: dict[str, Entry] = {}
        found: dict[str, IndexedRow] = {}

        def trusts(place: str) -> bool:
            self._places[name] = place
            return standing.trusts(place)

        def wanted(trial_id: str, entry: Entry) -> bool:
            heads[trial_id] = entry
            return trial_id in trial_ids and standing.stands(trial_id, entry)

        try:
            for indexed in self.read(storage, name, wanted, trusts):
                found[indexed.trial_id] = _row(indexed, storage)
            _sample(found, standing)
        except FileNotFoundError:  # it became part of a larger one
            return {}
        except DamagedFile as error:
            self._leave_out(name, error)
            return {}
        if trusts(self._places[name]):
            self._heads[name] = heads
        return found

    def _look(self, seen: Storage) -> None:
        """Read what all segments say, and delete those that cannot be used."""
        names = self.names(seen)
        self._heads = {name: heads for name, heads in self._heads.items() if name in names}
        for name in names:
            if name not in self._heads:
                self._rows_of(name, (), seen, Listed(seen))
        for name in [name for name, useless in self._unused.items() if useless]:
            seen.delete(f"{INDEX}/{name}")
            del self._unused[name]

    def _lacking(self, trial_ids: Iterable[str], seen: Storage) -> Iterator[Indexed]:
        """Yield the done rows that no segment has, of files that are old enough; many are read at a time."""

        def read(trial_id: str) -> Indexed | None:
            entry = entry_of(seen, trial_id)
            if entry is not None and not self.has(trial_id, entry) and _settled(entry):
                with contextlib.suppress(FileNotFoundError, DamagedFile):
                    return Indexed.of(trial_id, entry, seen.read(row_path(trial_id)))
            return None

        with ThreadPoolExecutor(READERS if seen.remote else 1) as pool:
            for some in _batched(iter(trial_ids), AT_ONCE):
                yield from filter(None, pool.map(read, some))

    def _old(self, seen: Storage) -> set[str]:
        """Return the segments of an object store that are another's, or have a row that is gone or replaced.

        Who looks at the index alone cannot tell.
        """
        if not seen.remote:
            return set()
        listed, place = Listed(seen), place_of(seen)
        return {
            name
            for name, heads in self._heads.items()
            if self._places[name] != place or not all(listed.stands(*row) for row in heads.items())
        }

    def _write(self, rows: Collection[Indexed], storage: Storage) -> str:
        place = place_of(storage)
        name, data = pack(rows, place)
        storage.create(f"{INDEX}/{name}", data)
        self._heads[name], self._places[name] = {row.trial_id: row.entry for row in rows}, place
        self.given |= self._heads[name].keys()
        return name

    def _compact(self, names: Collection[str], seen: Storage) -> None:
        """Put what is still true of some segments into fewer, and delete them."""
        written = set()
        for some in _batched(self._still_true(names, seen), MOST_ROWS):
            written.add(self._write(some, seen))
        for name in set(names) - written:
            seen.delete(f"{INDEX}/{name}")
            del self._heads[name]

    def _still_true(self, names: Iterable[str], seen: Storage) -> Iterator[Indexed]:
        taken: set[str] = set()

        def wanted(trial_id: str, then: Entry) -> bool:
            return trial_id not in taken and same(then, entry_of(seen, trial_id))

        for name in names:
            with contextlib.suppress(FileNotFoundError, DamagedFile):
                rows = list(self.read(seen, name, wanted))
                for indexed in rows:
                    indexed.unpacked()
                    taken.add(indexed.trial_id)
                    yield indexed

    def _leave_out(self, name: str, error: DamagedFile) -> None:
        self._unused[name] = not isinstance(error, OtherVersionError)
        self._heads.pop(name, None)
        self._say(f"{INDEX}/{name} is not used: {error}; its rows are read one by one")


def _sample(found: Mapping[str, IndexedRow], standing: Standing) -> None:
    """Prove some rows, and hold some of these against their `row.json`. Raises: DamagedFile, ChangedError."""
    begin = random.SystemRandom().randrange(max(1, len(found) - PROVED + 1))  # they lie together in the file
    for number, trial_id in enumerate(sorted(found)[begin : begin + PROVED]):
        found[trial_id].prove()
        if number < SAMPLE:
            standing.hold(found[trial_id])


def _row(indexed: Indexed, storage: Storage) -> IndexedRow:
    path = row_path(indexed.trial_id)
    return IndexedRow.of(indexed, lambda: storage.read(path))


def _batched(items: Iterator[Item], most: int) -> Iterator[list[Item]]:
    while some := list(islice(items, most)):
        yield some


def _settled(entry: Entry) -> bool:
    return bool(entry.version) or time.time() - entry.modified >= SETTLED_SECONDS
