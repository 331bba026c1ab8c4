"""Architectures by name or from a file: what `genotype:` in an experiment may say.

An architecture is two cells (`cells.py`), a path (`paths.py`) or a cell of NAS-Bench-201 (`nas_bench_201/cell.py`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from trainables.architecture import cells
from trainables.architecture.cells import Edges, Genotype
from trainables.architecture.genotype_files import find_file, read_file
from trainables.architecture.nas_bench_201.cell import NasBench201Cell
from trainables.architecture.paths import MultiChannelPath, PathStep
from trainables.architecture.published import ALIASES, PUBLISHED
from trainables.architecture.published_paths import PATH_ALIASES, PUBLISHED_PATHS
from trainables.architecture.spaces import OPERATION_SETS, SearchSpace
from trainables.errors import InvalidGenotype, SharptuneError, unknown_name

__all__ = [
    "ARCHITECTURES",
    "ARCHITECTURE_ALIASES",
    "Architecture",
    "Edges",
    "Genotype",
    "InvalidGenotype",
    "MultiChannelPath",
    "NasBench201Cell",
    "PathStep",
    "check_operations",
    "declared",
    "describe",
    "find_file",
    "missing_primitives",
    "read_architecture",
    "read_declared",
    "read_genotype",
]

Architecture: TypeAlias = Genotype | MultiChannelPath | NasBench201Cell
"""What a search finds and final training builds."""

ARCHITECTURES: Mapping[str, Architecture] = {**PUBLISHED, **PUBLISHED_PATHS}
"""The published ones by name."""

ARCHITECTURE_ALIASES: Mapping[str, str] = {**ALIASES, **PATH_ALIASES}
"""Other names of published ones: alias -> name."""


def read_genotype(text: str, *, base: Path) -> Architecture:
    """Return the architecture that a text stands for, as `read_declared` does, without what its file says besides."""
    return read_declared(text, base=base)[0]


def read_declared(text: str, *, base: Path) -> tuple[Architecture, dict[str, Any]]:
    """Return the architecture that a text stands for, and what a file declares of it: how its operations are built.

    A cell as NAS-Bench-201 writes it (`|nor_conv_3x3~0|+…`) stands for itself. A published name or an alias comes
    before a file. A file is JSON as `read_architecture` reads it; a log or another text with printed genotypes, of
    which the last one counts, or that of an epoch (`log.txt:12`); or a module of them (`genotypes.py:NAME`).

    Args:
        text: the name or the path.
        base: the folder a relative path starts from.

    Raises:
        UnknownName: neither a name nor a file.
        InvalidGenotype: a file that holds no architecture; the sentence starts with its path.
    """
    if text.lstrip().startswith("|"):
        return NasBench201Cell.from_string(text), {}
    name = ARCHITECTURE_ALIASES.get(text, text)
    if name in ARCHITECTURES:
        return ARCHITECTURES[name], {}
    found = find_file(text, base=base)
    if found is None:
        raise unknown_name("genotype", text, [*ARCHITECTURES, *ARCHITECTURE_ALIASES])
    place, data = read_file(*found)
    try:
        return read_architecture(data), declared(data)
    except (SharptuneError, RecursionError) as error:
        raise InvalidGenotype(f"{place}: {error}") from error


def declared(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an architecture's mapping says about other settings of who uses it."""
    of_a_set = "operations" in data and data.get("kind") != NasBench201Cell.kind
    return {"operations": data["operations"]} if of_a_set else {}


def read_architecture(data: Any) -> Architecture:
    """Return the architecture of a mapping: what `describe` or either class's `to_json` returns, by its `kind`.

    Raises: InvalidGenotype, UnknownName: one sentence about the first thing that is wrong.
    """
    kind = data.get("kind", Genotype.kind) if isinstance(data, Mapping) else Genotype.kind
    if not isinstance(kind, str) or kind not in _READERS:
        raise unknown_name("kind of genotype", kind, _READERS)
    return _READERS[kind](data)


_READERS = {each.kind: each.from_json for each in (Genotype, MultiChannelPath, NasBench201Cell)}


def describe(architecture: Architecture, operations: str) -> dict[str, Any]:
    """Return the artifact of an architecture: its kind, how its operations are built, and its content.

    Raises: UnknownName, InvalidGenotype, as `check_operations` does.
    """
    check_operations(architecture, operations)
    if isinstance(architecture, Genotype):
        return cells.describe(architecture, operations)
    return architecture.to_json()


def check_operations(architecture: Architecture, operations: str) -> None:
    """Raises: UnknownName for an unknown set of operations; InvalidGenotype when the set cannot build all of it.

    A cell of NAS-Bench-201 is built in one way and of no set.
    """
    if isinstance(architecture, NasBench201Cell):
        return
    if isinstance(architecture, Genotype):
        cells.check_operations(architecture, operations)
    elif operations not in OPERATION_SETS:
        raise unknown_name("operations", operations, OPERATION_SETS)
    elif operations != "ssc":
        raise InvalidGenotype(f"a path is made of 'ssc' operations, which {operations!r} ones cannot stand for")


def missing_primitives(space: SearchSpace, genotype: Genotype) -> tuple[tuple[str, int, str], ...]:
    """Return what a genotype uses and a space has not, as (cell, position of the edge, operation).

    Empty when each edge could have been chosen in that space (arXiv:1903.09900, section 4.2). Operations are compared
    by name: whether they are built alike is a question of the two operation sets.
    """
    return tuple(
        (cell, position, operation)
        for cell, edges in (("normal", genotype.normal), ("reduce", genotype.reduce))
        for position, (operation, _) in enumerate(edges)
        if operation not in space.primitives
    )
