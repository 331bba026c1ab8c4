"""Genotypes in files: JSON, and what the code of DARTS and its descendants prints into logs and genotypes.py.

The content counts, not the name: a genotype is the same one in all of them.
"""

import codecs
import json
from pathlib import Path
from typing import Any

from trainables.architecture.printed import holds_printed, in_log, in_module, read_printed
from trainables.errors import InvalidGenotype, SharptuneError

LARGEST = 16 * 2**20
"""Bytes of the largest file that is read."""
LARGEST_JSON = 2**20

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""What a file may begin with, and how it is encoded then."""


def find_file(text: str, *, base: Path) -> tuple[Path, str] | None:
    """Return the file that a text means and which of its genotypes, empty for the only or last one; None for no file.

    `FILE`, `LOG:EPOCH` or `MODULE.py:NAME`; a relative one starts from `base`.
    """
    if is_file(base / text):
        return base / text, ""
    name, _, choice = text.rpartition(":")
    return (base / name, choice) if name and is_file(base / name) else None


def is_file(path: Path) -> bool:
    """Say whether there is such a file; a text that cannot be a path at all is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_file(path: Path, choice: str) -> tuple[str, Any]:
    """Return where in a file the chosen genotype stands, in words, and the genotype as `read_architecture` takes it.

    Raises: InvalidGenotype, whose sentence begins with the path, for a file that holds none or one that cannot be read.
    """
    raw = _bytes(path)
    encoding = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), "utf-8")
    text = raw.decode(encoding, errors="replace")
    place = str(path)
    try:
        if path.suffix == ".json" or not (path.suffix == ".py" or holds_printed(text)):
            return place, _json(raw, encoding, choice, only=path.suffix == ".json")
        start, line = in_module(text, choice) if path.suffix == ".py" else in_log(text, choice)
        place = f"{path}:{line}"
        return place, read_printed(text, start)
    except (SharptuneError, RecursionError) as error:
        raise InvalidGenotype(f"{place}: {error}") from error


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise InvalidGenotype(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > LARGEST:
        raise InvalidGenotype(f"{path}: larger than the {LARGEST // 2**20} MiB that a file with genotypes may have")
    return raw


def _json(raw: bytes, encoding: str, choice: str, *, only: bool) -> Any:
    if len(raw) > LARGEST_JSON:
        raise InvalidGenotype(f"larger than the {LARGEST_JSON // 2**20} MiB that a genotype in JSON may have")
    try:
        data = json.loads(raw.decode(encoding))
    except (ValueError, RecursionError) as error:
        what = "not JSON" if only else "neither JSON nor a printed 'Genotype(…)'"
        raise InvalidGenotype(f"{what}: {error}") from error
    if choice:
        raise InvalidGenotype(f"a file of JSON holds one genotype, so that {':' + choice!r} chooses nothing")
    return data
