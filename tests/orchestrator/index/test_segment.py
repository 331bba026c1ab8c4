"""What is in a file of the index is as it was written, or it is refused: also where somebody made it up."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from many_rows import SPECS, row_of

from orchestrator.index.segment import MOST_ROWS, VERSION, Indexed, OtherVersionError, name_of, pack, unpack
from trainables.errors import DamagedFile
from trainables.record.entry import Entry
from trainables.record.trial_folder import seal

ENTRY = Entry(bytes=3, modified=0.1 + 0.2, version='"etag"')
ROWS = [Indexed.of(spec.trial_id, ENTRY, seal(row_of(spec))) for spec in SPECS]


def everything(data: bytes) -> list[Indexed]:
    return list(unpack(name_of(data), data, lambda trial_id, entry: True))


def test_what_was_packed_comes_out_as_it_was_in_whatever_order_it_went_in():
    name, data = pack(ROWS)

    for found, row in zip(everything(data), sorted(ROWS, key=lambda row: row.trial_id), strict=True):
        assert (found.trial_id, found.entry, found.parents) == (row.trial_id, row.entry, row.parents)
        assert seal(found.unpacked()) == seal(row.unpacked())
    assert pack(reversed(ROWS)) == (name, data)


def made_up(columns=None, *, rows: int | None = None, version: bytes = VERSION, **settings) -> bytes:
    """Return a file that is a segment but for what is asked for."""
    table = pq.read_table(io.BytesIO(pack(ROWS)[1]))
    for name, column in (columns or {}).items():
        table = pa.table({**{each: table[each] for each in table.column_names}, name: column})
    said = {b"sharptune.index": version, b"rows": str(len(table) if rows is None else rows).encode()}
    buffer = io.BytesIO()
    settings = {"compression": "zstd", "use_dictionary": False, **settings}
    pq.write_table(table.replace_schema_metadata(said), buffer, **settings)
    return buffer.getvalue()


def many(value: str, rows: int) -> bytes:
    """Return a file of many rows, all with one value."""
    kinds = {"trial_id": pa.string(), "bytes": pa.int64(), "modified": pa.float64(), "version": pa.string()}
    kinds |= dict.fromkeys(("parents", "digests", "light"), pa.string())
    values = {"trial_id": "0" * 12, "bytes": 1, "modified": 1.0, "version": ""}
    values |= {"parents": "{}", "digests": "{}", "light": "{}"}
    columns = {name: pa.repeat(pa.scalar(values[name], kind), rows) for name, kind in kinds.items()}
    columns["rest"] = pa.repeat(pa.scalar(value, pa.string()), rows)
    said = {b"sharptune.index": VERSION, b"rows": str(rows).encode()}
    buffer = io.BytesIO()
    table = pa.table(columns).replace_schema_metadata(said)
    pq.write_table(table, buffer, compression="zstd", use_dictionary=False)
    return buffer.getvalue()


STRANGE = {
    "no Parquet": lambda: b"PAR1 and nothing more",
    "rows that are missing": lambda: made_up(rows=41),
    "more rows than it says": lambda: made_up(rows=39),
    "a column of another kind": lambda: made_up({"bytes": pa.array(["3"] * 40)}),
    "one column more": lambda: made_up({"more": pa.array([1] * 40)}),
    "values in a dictionary": lambda: made_up(use_dictionary=True),
    "more rows than a segment has": lambda: many("x", MOST_ROWS + 1),
    "little that unpacks to much": lambda: many("x" * 2**16, 40),
}


@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE)
def test_a_file_that_no_driver_wrote_is_refused_as_a_whole(make, monkeypatch):
    monkeypatch.setattr("orchestrator.index.segment.MOST_BYTES", 2**20)
    with pytest.raises(DamagedFile):
        everything(make())


def test_a_segment_of_another_version_is_told_from_a_damaged_one():
    with pytest.raises(OtherVersionError):
        everything(made_up(version=b"1"))


def test_a_file_under_another_name_than_its_own_is_refused():
    name, data = pack(ROWS)

    with pytest.raises(DamagedFile, match="cut short or garbled"):
        list(unpack(name, data + b"\0", lambda trial_id, entry: True))


@pytest.mark.parametrize("column", ["light", "rest", "parents", "digests"])
def test_a_row_without_a_value_is_damage_and_no_traceback(column):
    entry_less = made_up({column: pa.array([None] * 40, pa.string())})

    with pytest.raises(DamagedFile):
        [each.unpacked() for each in everything(entry_less)]
