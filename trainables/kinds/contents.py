"""Content in place of names, for settings that no experiment's file has been read for: what YAML may say, in a dict."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainables.architecture.genotype import (
    ARCHITECTURE_ALIASES,
    ARCHITECTURES,
    declared,
    read_architecture,
    read_genotype,
)
from trainables.data import datasets
from trainables.errors import SharptuneError
from trainables.trial import JSON


class Conflict(SharptuneError):
    """A setting that contradicts what another one says of it."""


def filled_in(settings: Mapping[str, JSON], *, base: Path) -> dict[str, Any]:
    """Return settings with the content of what a genotype and a dataset are called, as a plan has them.

    A genotype that says how its operations are built says so of the training too. Spaces may be named in any config.

    Args:
        settings: of any kind of trial; those that it has not are left out.
        base: the folder that relative paths start from.

    Raises: UnknownName, InvalidGenotype, DataError; Conflict for operations other than the genotype's.
    """
    found = dict(settings)
    if isinstance(written := found.get("dataset"), str):
        found["dataset"] = datasets.resolve(written, base=base)
    if (written := found.get("genotype")) is not None:
        declared = _operations(written, base)
        given = found.setdefault("operations", declared) if declared else None
        if declared and given != declared:
            raise Conflict(f"operations: {given!r} conflicts with {declared!r}, which the genotype has; leave it out")
        named = isinstance(written, str)
        architecture = read_genotype(written, base=base) if named else read_architecture(written)
        found["genotype"] = architecture.to_json()
    return found


def _operations(genotype: JSON, base: Path) -> str | None:
    """Return how a genotype, or the file of one, says that its operations are built; None where it says nothing."""
    if isinstance(genotype, str):
        if genotype in ARCHITECTURES or genotype in ARCHITECTURE_ALIASES:
            return None
        try:
            genotype = json.loads((base / genotype).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # said by who reads it
            return None
    return declared(genotype).get("operations") if isinstance(genotype, Mapping) else None
