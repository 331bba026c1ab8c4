"""One file of the index: done rows as Parquet, each with what the storage said of its `row.json` when it was read.

A segment is named for its content, written once and never changed. Whoever wrote it, reading it takes little memory,
and what does not add up is refused as a whole.
"""

import bisect
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from trainables.errors import DamagedFile
from trainables.record.entry import Entry
from trainables.record.trial_folder import unseal, unsealed
from trainables.trial import TrialRow, artifact_digest

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

VERSION = b"2"
"""Of what a segment holds; those of other versions are not read, and not deleted."""
NAME = re.compile(r"[0-9a-f]{32}\.parquet")
MOST_ROWS = 10_000
"""Of one segment."""
MOST_FILE_BYTES = 2**27
MOST_BYTES = 2**29
"""Of one segment's rows together."""
LIGHT_FIELDS = ("metrics", "timing", "provenance")
"""Fields of a row that tables ask for."""
LIGHT, REST = "light", "rest"
"""The columns that hold those, and what else a row has."""
_AT_ONCE = 256
"""Rows that are unpacked at a time: a row group has so many."""
_HEADS = ("trial_id", "bytes", "modified", "version", "parents", "digests")
_COLUMNS = (*_HEADS, LIGHT, REST)


class OtherVersionError(DamagedFile):
    """A segment that another version of sharptune wrote."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Indexed:
    """A row as the index has it."""

    trial_id: str
    entry: Entry
    """What the storage said of `row.json` before that was read."""
    parents: Mapping[str, Mapping[str, str]]
    """What the row says that it took from each parent."""
    digests: str
    """JSON: the name of each of its artifacts -> its `artifact_digest`."""
    copy: Callable[[str], str]
    """Returns the `LIGHT` fields, or the `REST`, as JSON; raises DamagedFile where that cannot be had."""

    @classmethod
    def of(cls, trial_id: str, entry: Entry, content: bytes) -> "Indexed":
        """Return what there is to say of a `row.json`. Raises: DamagedFile for one that is not whole, or not done."""
        row = unseal(content, trial_id)
        if row.state != "done":
            raise DamagedFile(f"the row of trial {trial_id} says {row.state}")
        data = json.loads(content)
        light = json.dumps({name: data.pop(name) for name in LIGHT_FIELDS})
        del data["parents"]
        copies = {LIGHT: light, REST: json.dumps(data)}
        digests = _digests(row)
        return cls(trial_id=trial_id, entry=entry, parents=row.parents, digests=digests, copy=copies.__getitem__)

    def unpacked(self) -> TrialRow:
        """Return the row. Raises: DamagedFile where it is not whole, not done, or not what is said of it."""
        try:
            data = {**json.loads(self.copy(REST)), **json.loads(self.copy(LIGHT)), "parents": dict(self.parents)}
        except (ValueError, TypeError, RecursionError) as error:
            raise DamagedFile(f"it is garbled ({type(error).__name__}: {error})") from error
        row = unsealed(data, self.trial_id)
        if row.state != "done" or _digests(row) != self.digests:
            raise DamagedFile(f"of trial {self.trial_id} it says what the row does not")
        return row


def _digests(row: TrialRow) -> str:
    return json.dumps({name: artifact_digest(value) for name, value in row.artifacts.items()})


def same(then: Entry, now: Entry | None) -> bool:
    """Say whether a file is the one it was: by its version where the storage has one, else by its size and time."""
    if now is None:
        return False
    if then.version and now.version:
        return then.version == now.version
    return then == now


def pack(rows: Iterable[Indexed], place: str = "") -> tuple[str, bytes]:
    """Return the name and the content of a segment of these rows; `place` is the storage whose they are, if it says."""
    import pyarrow as pa  # slow to load, and small storages have no index
    import pyarrow.parquet as pq

    ordered = sorted(rows, key=lambda row: row.trial_id)
    columns = [
        [row.trial_id for row in ordered],
        [row.entry.bytes for row in ordered],
        [row.entry.modified for row in ordered],
        [row.entry.version for row in ordered],
        [json.dumps(row.parents) for row in ordered],
        [row.digests for row in ordered],
        *([row.copy(name) for row in ordered] for name in (LIGHT, REST)),
    ]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, _kinds(), strict=True)]
    metadata = {b"sharptune.index": VERSION, b"rows": str(len(ordered)).encode(), b"place": place.encode()}
    table = pa.table(dict(zip(_COLUMNS, arrays, strict=True))).replace_schema_metadata(metadata)
    buffer = io.BytesIO()
    pq.write_table(
        table, buffer, row_group_size=_AT_ONCE, compression="zstd", use_dictionary=False, write_statistics=False
    )
    return name_of(buffer.getvalue()), buffer.getvalue()


def name_of(data: bytes) -> str:
    """Return the name of the segment with that content."""
    return f"{hashlib.sha256(data).hexdigest()[:32]}.parquet"


def unpack(
    name: str, data: bytes, wanted: Callable[[str, Entry], bool], trusted: Callable[[str], bool] = lambda place: True
) -> Iterator[Indexed]:
    """Yield the rows of a segment that are wanted; nothing may be made of them before all have come.

    None of one whose place is not trusted.

    Raises: DamagedFile where anything in it is not as it was written; OtherVersionError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if name_of(data) != name:
        raise DamagedFile("it is cut short or garbled")
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        total, place, rest = 0, 0, _Rest(file)
        rows = _said(file)
        if not trusted(file.schema_arrow.metadata.get(b"place", b"").decode()):
            return
        for batch in file.iter_batches(batch_size=_AT_ONCE, use_threads=False, columns=[*_HEADS, LIGHT]):
            rows, total = rows - batch.num_rows, total + batch.nbytes
            if rows < 0 or total > MOST_BYTES:
                raise DamagedFile("it holds more than it says")
            yield from _wanted(batch, place, rest, wanted)
            place += batch.num_rows
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DamagedFile(f"it cannot be read ({error})") from error
    if rows:
        raise DamagedFile(f"it holds {rows} rows less than it says")


def _said(file: "pq.ParquetFile") -> int:
    """Return how many rows a file says it holds. Raises: DamagedFile for what no segment is."""
    import pyarrow as pa

    said = file.schema_arrow.metadata or {}
    if said.get(b"sharptune.index") != VERSION:
        raise OtherVersionError("another version of sharptune wrote it")
    if file.schema_arrow.remove_metadata() != pa.schema(list(zip(_COLUMNS, _kinds(), strict=True))):
        raise DamagedFile("its columns are not those of a segment")
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
    rows = int(said[b"rows"])
    if rows != file.metadata.num_rows:
        raise DamagedFile(f"it holds {file.metadata.num_rows} rows and says {rows}")
    if rows > MOST_ROWS or sum(chunk.total_uncompressed_size for chunk in chunks) > MOST_BYTES:
        raise DamagedFile(f"it holds more than {MOST_ROWS:,} rows, or more than {MOST_BYTES:,} bytes")
    if any(chunk.has_dictionary_page for chunk in chunks):
        raise DamagedFile("its values stand for others, which no segment's do")
    return rows


class _Rest:
    """The last column of a segment, of which a row group is read when something of it is asked for."""

    def __init__(self, file: "pq.ParquetFile") -> None:
        self._file = file
        self._groups: dict[int, pa.ChunkedArray] = {}
        self._begins = [0]
        for number in range(file.metadata.num_row_groups):
            self._begins.append(self._begins[-1] + file.metadata.row_group(number).num_rows)

    def __call__(self, row: int) -> str:
        """Return that of a row. Raises: DamagedFile."""
        import pyarrow as pa

        group = bisect.bisect_right(self._begins, row) - 1
        if group not in self._groups:
            try:
                self._groups[group] = self._file.read_row_group(group, columns=[REST], use_threads=False).column(0)
            except (pa.ArrowException, OSError, ValueError) as error:
                raise DamagedFile(f"it cannot be read ({error})") from error
        return self._groups[group][row - self._begins[group]].as_py()


def _wanted(
    batch: "pa.RecordBatch", first: int, rest: _Rest, wanted: Callable[[str, Entry], bool]
) -> Iterator[Indexed]:
    *heads, light = batch.columns
    rows = zip(*(head.to_pylist() for head in heads), strict=True)
    for number, (trial_id, size, modified, version, parents, digests) in enumerate(rows):
        entry = Entry(bytes=size, modified=modified, version=version)
        if wanted(trial_id, entry):
            copy = partial(_copy, light, number, rest, first + number)
            yield Indexed(trial_id=trial_id, entry=entry, parents=_parents(parents), digests=digests, copy=copy)


def _copy(light: "pa.Array", number: int, rest: _Rest, place: int, name: str) -> str:
    return rest(place) if name == REST else light[number].as_py()


def _parents(text: str) -> Mapping[str, Mapping[str, str]]:
    """Raises: ValueError for what is not what a row says of its parents."""
    parents = json.loads(text) if text != "{}" else {}
    if not isinstance(parents, dict) or not all(isinstance(taken, dict) for taken in parents.values()):
        raise ValueError("what it says of parents is garbled")
    return parents


def _kinds() -> tuple["pa.DataType", ...]:
    import pyarrow as pa

    return pa.string(), pa.int64(), pa.float64(), *(pa.string() for _ in _COLUMNS[3:])
