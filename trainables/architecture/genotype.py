"""Genotypes by name or from a file: what `genotype:` in an experiment may say. The class stands in `cells.py`."""

import json
from pathlib import Path
from typing import Any

from trainables.architecture.cells import Edges, Genotype, InvalidGenotype, check_operations, describe
from trainables.architecture.published import ALIASES, PUBLISHED
from trainables.errors import SharptuneError, unknown_name

__all__ = ["Edges", "Genotype", "InvalidGenotype", "check_operations", "describe", "read_genotype"]


def read_genotype(text: str, *, base: Path) -> Genotype:
    """Return the genotype that a published name, an alias, or the path of a JSON file stands for.

    A name comes before a file. The file holds what `Genotype.to_json` or `describe` returns.

    Args:
        text: the name or the path.
        base: the folder a relative path starts from.

    Raises:
        UnknownName: neither a name nor a file.
        InvalidGenotype: a file that holds no genotype; the sentence starts with its path.
    """
    name = ALIASES.get(text, text)
    if name in PUBLISHED:
        return PUBLISHED[name]
    path = base / text
    if not _is_file(path):
        raise unknown_name("genotype", text, [*PUBLISHED, *ALIASES])
    return _read_file(path)


def _is_file(path: Path) -> bool:
    """Say whether there is such a file; a text that cannot be a path at all is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _read_file(path: Path) -> Genotype:
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidGenotype(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidGenotype(f"{path}: not JSON: {error}") from error
    try:
        return Genotype.from_json(data)
    except SharptuneError as error:
        raise InvalidGenotype(f"{path}: {error}") from error
