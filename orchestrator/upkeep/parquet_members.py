"""A bundle that is a Parquet file, opened: the files in it, and the little that must be so before they are read."""

import contextlib
import io
import json
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import LedgerError, one_line
from trainables.record.trial_folder import ROW, TRIALS
from trainables.trial import JSON

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

ENDING = ".parquet"
FILE = "file."
"""How the columns begin that hold files, by the names that rows have for them."""
VERSION = 1
ABOUT = "sharptune"
"""What the schema's metadata say under this name: the version of this format, and the experiment."""


def members(archive: Path, most: int) -> Generator[tuple[str, int, io.BytesIO], None, None]:
    """Yield the files of the trials of such a file, by their names in a storage. However made, it takes little memory.

    Args:
        most: how many bytes it may hold.

    Raises: LedgerError.
    """
    with _read(archive) as file:
        columns = _columns(file, most)
        for batch in file.iter_batches(batch_size=1, columns=columns, use_threads=False):
            line = batch.to_pylist()[0]
            paths = _paths(line.get(f"{FILE}{ROW}"))
            for column, content in line.items():
                if column == "trial_id" or content is None:
                    continue
                name = column.removeprefix(FILE)
                data = content.encode() if isinstance(content, str) else content
                yield f"{TRIALS}/{line['trial_id']}/{paths.get(name, name)}", len(data), io.BytesIO(data)


@contextlib.contextmanager
def _read(archive: Path) -> Iterator["ParquetFile"]:
    """Open a file. Raises: LedgerError for what is wrong with it, then or while it is read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(archive, page_checksum_verification=True) as file:
            yield file
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise LedgerError(f"it cannot be read: {one_line(error)}") from error


def _columns(file: "ParquetFile", most: int) -> list[str]:
    """Return the columns that hold files, and whose they are. Raises: LedgerError for a file that is no bundle."""
    import pyarrow as pa

    told = _told(file.schema_arrow.metadata or {})
    if told is None:
        raise LedgerError("it is a Parquet file but no bundle, which sharptune bundle EXPERIMENT FILE.parquet writes")
    if told != VERSION:
        raise LedgerError(f"it is a bundle of version {told!r}; this sharptune reads version {VERSION}")
    fields = [each for each in file.schema_arrow if each.name == "trial_id" or each.name.startswith(FILE)]
    names = [each.name for each in fields]
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    strange = [each.name for each in fields if not any(is_kind(each.type) for is_kind in kinds)]
    if strange or len(set(names)) < len(names) or not {"trial_id", f"{FILE}{ROW}"} <= set(names):
        what = f"its column {strange[0]!r} holds no files" if strange else "it lacks a column, or has one twice"
        raise LedgerError(f"{what}: it is no bundle")
    size = sum(file.metadata.row_group(place).total_byte_size for place in range(file.metadata.num_row_groups))
    if size > most:
        raise LedgerError(f"it holds more than {most:,} bytes, which no bundle of its size does")
    return names


def _told(metadata: Mapping[bytes, bytes]) -> Any:
    """Return the version that a file says it is of; None where it says none."""
    try:
        return json.loads(metadata[ABOUT.encode()])["bundle"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _paths(row: JSON) -> dict[str, str]:
    """Return the names of a trial's files in its folder, by those that its row has for them, as far as it says them."""
    try:
        files = json.loads(row)["files"]
        return {name: str(told["path"]) for name, told in files.items() if "path" in told}
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return {}
