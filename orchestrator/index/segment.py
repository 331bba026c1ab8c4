"""One file of the index: done rows as Parquet, each with what the storage said of its `row.json` when it was read.

A segment is named for its content, written once and never changed. Whoever wrote it, reading it takes little memory,
and what does not add up is refused as a whole.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainables.errors import DamagedFile
from trainables.record.entry import Entry
from trainables.record.trial_folder import unseal
from trainables.trial import TrialRow, canonical_json

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

VERSION = b"1"
"""Of what a segment holds; those of other versions are not read, and not deleted."""
NAME = re.compile(r"[0-9a-f]{32}\.parquet")
MOST_ROWS = 10_000
"""Of one segment."""
MOST_FILE_BYTES = 2**27
MOST_BYTES = 2**29
"""Of one segment's rows together."""
_AT_ONCE = 256
"""Rows that are unpacked at a time."""
_COLUMNS = ("trial_id", "bytes", "modified", "version", "parents", "row")


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
    content: bytes
    """`row.json`."""

    @classmethod
    def of(cls, trial_id: str, entry: Entry, content: bytes) -> "Indexed":
        """Return what there is to say of a row. Raises: DamagedFile for one that is not whole, or not done."""
        row = unseal(content, trial_id)
        if row.state != "done":
            raise DamagedFile(f"the row of trial {trial_id} says {row.state}")
        return cls(trial_id=trial_id, entry=entry, parents=row.parents, content=content)

    def unpacked(self) -> TrialRow:
        """Return the row. Raises: DamagedFile where it is not whole, not done, or not what is said of it."""
        row = unseal(self.content, self.trial_id)
        if row.state != "done" or row.parents != self.parents:
            raise DamagedFile(f"of trial {self.trial_id} it says what the row does not")
        return row


def same(then: Entry, now: Entry | None) -> bool:
    """Say whether a file is the one it was: by its version where the storage has one, else by its size and time."""
    if now is None:
        return False
    if then.version and now.version:
        return then.version == now.version
    return then == now


def pack(rows: Iterable[Indexed]) -> tuple[str, bytes]:
    """Return the name and the content of a segment of these rows."""
    import pyarrow as pa  # slow to load, and small storages have no index
    import pyarrow.parquet as pq

    ordered = sorted(rows, key=lambda row: row.trial_id)
    columns = [
        [row.trial_id for row in ordered],
        [row.entry.bytes for row in ordered],
        [row.entry.modified for row in ordered],
        [row.entry.version for row in ordered],
        [canonical_json(row.parents) for row in ordered],
        [row.content for row in ordered],
    ]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, _kinds(), strict=True)]
    metadata = {b"sharptune.index": VERSION, b"rows": str(len(ordered)).encode()}
    table = pa.table(dict(zip(_COLUMNS, arrays, strict=True))).replace_schema_metadata(metadata)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", use_dictionary=False, write_statistics=False)
    return name_of(buffer.getvalue()), buffer.getvalue()


def name_of(data: bytes) -> str:
    """Return the name of the segment with that content."""
    return f"{hashlib.sha256(data).hexdigest()[:32]}.parquet"


def unpack(name: str, data: bytes, wanted: Callable[[str, Entry], bool]) -> Iterator[Indexed]:
    """Yield the rows of a segment that are wanted; nothing may be made of them before all have come.

    Raises: DamagedFile where anything in it is not as it was written; OtherVersionError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if name_of(data) != name:
        raise DamagedFile("it is cut short or garbled")
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        rows, total = _said(file), 0
        for batch in file.iter_batches(batch_size=_AT_ONCE, use_threads=False):
            rows, total = rows - batch.num_rows, total + batch.nbytes
            if rows < 0 or total > MOST_BYTES:
                raise DamagedFile("it holds more than it says")
            yield from _wanted(batch, wanted)
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


def _wanted(batch: "pa.RecordBatch", wanted: Callable[[str, Entry], bool]) -> Iterator[Indexed]:
    *heads, contents = batch.columns
    rows = zip(*(head.to_pylist() for head in heads), strict=True)
    for number, (trial_id, size, modified, version, parents) in enumerate(rows):
        entry = Entry(bytes=size, modified=modified, version=version)
        if wanted(trial_id, entry):
            content = contents[number].as_py()
            yield Indexed(trial_id=trial_id, entry=entry, parents=_parents(parents), content=content)


def _parents(text: str) -> Mapping[str, Mapping[str, str]]:
    """Raises: ValueError for what is not what a row says of its parents."""
    parents = json.loads(text) if text != "{}" else {}
    if not isinstance(parents, dict) or not all(isinstance(taken, dict) for taken in parents.values()):
        raise ValueError("what it says of parents is garbled")
    return parents


def _kinds() -> tuple["pa.DataType", ...]:
    import pyarrow as pa

    return pa.string(), pa.int64(), pa.float64(), pa.string(), pa.string(), pa.binary()
