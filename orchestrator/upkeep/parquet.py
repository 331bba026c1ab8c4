"""A record as one Parquet file: a line a trial, its numbers in plain columns, and beside them its files as they are.

Columns of the first kind are those of exported rows, for pandas, R and DuckDB. The others begin with `file.`: they hold
`row.json` and what it names, byte for byte, so that all seals hold when `merge` makes a record of them again. The
experiment's file, and the files that it names, are in the metadata of the schema. Equal records make equal files.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from orchestrator.upkeep.bundle import MOST_BYTES, Packed, pack_trial, written_whole
from orchestrator.upkeep.left_out import LEFT_OUT
from orchestrator.upkeep.parquet_members import ABOUT, FILE, VERSION
from trainables.record.trial_folder import ROW, SPEC
from trainables.trial import TrialRow

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 200
"""Trials of a row group."""
TEXTS = (ROW, SPEC, LEFT_OUT)
"""Files that are text, and can be asked for what is in them."""


def pack_parquet(
    path: Path, ledger: Ledger, lines: "pa.Table", experiment: str, beside: Mapping[str, bytes]
) -> tuple[Packed, list[str]]:
    """Write trials that have rows into a file, which is there whole or not at all.

    Args:
        lines: a line for each, with its `trial_id`, in the order of the file.
        beside: files of text, by name, which come along.

    Return what it holds, and which files beside are no text and so stay. Raises: LedgerError, OSError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = lines["trial_id"].to_pylist()
    if not ids:
        raise LedgerError(f"none of its trials has ended in {ledger.storage.uri}: there is nothing to send")
    rows = ledger.rows(ids)
    names = [*TEXTS, *sorted({name for row in rows.values() for name in row.files})]
    about, binary = _metadata(experiment, beside)
    kinds = {name: pa.large_string() if name in TEXTS else pa.large_binary() for name in names}
    fields = [pa.field(f"{FILE}{name}", kind) for name, kind in kinds.items()]
    schema = pa.schema([*lines.schema, *fields], metadata=about)
    packed = Packed()
    with (
        written_whole(path) as fresh,
        pq.ParquetWriter(
            fresh, schema, compression="zstd", use_dictionary=lines.column_names, write_page_checksum=True
        ) as writer,
    ):
        for start in range(0, len(ids), AT_ONCE):
            few = lines.slice(start, AT_ONCE)
            found = [_files(ledger, rows[trial_id], packed) for trial_id in ids[start : start + AT_ONCE]]
            for field, (name, kind) in zip(fields, kinds.items(), strict=True):
                few = few.append_column(field, pa.array([files.get(name) for files in found], kind))
            writer.write_table(few.replace_schema_metadata(about))
    return packed, binary


def _files(ledger: Ledger, row: TrialRow, packed: Packed) -> dict[str, bytes]:
    """Return a trial's files by the names that its row has for them; large ones are left out. Raises: LedgerError."""
    folder = ledger.folder(row.trial_id)
    found: dict[str, bytes] = {}

    def put(name: str, data: bytes) -> None:
        packed.files += 1
        packed.bytes += len(data)
        found[named.get(name.removeprefix(f"{folder.path}/"), name.rpartition("/")[2])] = data

    named = {str(told.get("path", name)): name for name, told in row.files.items()}
    pack_trial(folder, packed, put, most=MOST_BYTES, texts=False)
    return found


def _metadata(experiment: str, beside: Mapping[str, bytes]) -> tuple[dict[str, str], list[str]]:
    """Return what the schema says beside its columns, and the files that cannot be said there: those of no text."""
    texts: dict[str, str] = {ABOUT: json.dumps({"bundle": VERSION, "experiment": experiment}, sort_keys=True)}
    binary = []
    for name, data in sorted(beside.items()):
        try:
            texts[name] = data.decode()
        except UnicodeDecodeError:
            binary.append(name)
    return texts, binary
