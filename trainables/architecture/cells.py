"""A genotype: the two cells a search finds, as names and numbers.

A cell is a row of states. States 0 and 1 are the outputs of the two cells before it; each further state is a node, the
sum of two edges; the cell's output is the concatenation of some of the nodes. Edges 2i and 2i + 1 of the list belong to
node i, which is state i + 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from trainables.architecture.spaces import OPERATION_NAMES, OPERATION_SETS, SPACES
from trainables.errors import InvalidGenotype, UnknownName, shown, unknown_name

Edges = tuple[tuple[str, int], ...]
"""(operation, source state), two for each node."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Genotype:
    """A normal and a reduction cell. Raises: InvalidGenotype, UnknownName when they cannot be built."""

    kind: ClassVar[str] = "cells"

    normal: Edges
    normal_concat: tuple[int, ...]
    """The states whose concatenation is the cell's output, in this order."""
    reduce: Edges
    reduce_concat: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_names(self.operations)
        _check_cell("normal", self.normal, self.normal_concat)
        _check_cell("reduce", self.reduce, self.reduce_concat)

    def to_json(self) -> dict[str, Any]:
        return {
            "normal": [[operation, state] for operation, state in self.normal],
            "normal_concat": list(self.normal_concat),
            "reduce": [[operation, state] for operation, state in self.reduce],
            "reduce_concat": list(self.reduce_concat),
        }

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations of the edges, those of the normal cell before those of the reduction cell."""
        return tuple(operation for operation, _ in (*self.normal, *self.reduce))

    @classmethod
    def from_json(cls, data: Any) -> "Genotype":
        """Take the four lists of `to_json`, also out of the artifact of `describe`.

        Raises: InvalidGenotype, UnknownName: one sentence about the first thing that is wrong.
        """
        if not isinstance(data, Mapping):
            raise InvalidGenotype(f"a genotype must be a mapping, got {shown(data)}")
        if unknown := sorted(map(str, set(data) - _CELL_KEYS - _ARTIFACT_KEYS)):
            raise InvalidGenotype(
                f"a genotype has no key {shown(unknown[0])}; its keys are {', '.join(sorted(_CELL_KEYS))}"
            )
        if missing := sorted(_CELL_KEYS - set(data)):
            raise InvalidGenotype(f"a genotype needs the key {missing[0]!r}")
        if data.get("kind", cls.kind) != cls.kind:
            raise InvalidGenotype(f"a genotype of kind {shown(data['kind'])} has no cells")
        return cls(
            normal=_read_edges("normal", data["normal"]),
            normal_concat=_read_concat("normal", data["normal_concat"]),
            reduce=_read_edges("reduce", data["reduce"]),
            reduce_concat=_read_concat("reduce", data["reduce_concat"]),
        )


_CELL_KEYS = {"normal", "normal_concat", "reduce", "reduce_concat"}
_ARTIFACT_KEYS = {"kind", "operations"}


def describe(genotype: Genotype, operations: str) -> dict[str, Any]:
    """Return the artifact of a genotype: its cells, and how their operations are built."""
    check_operations(genotype, operations)
    return {"kind": genotype.kind, "operations": operations, **genotype.to_json()}


def check_operations(genotype: Genotype, operations: str) -> None:
    """Raises: UnknownName for an unknown set of operations; InvalidGenotype for a cell that the set cannot build."""
    if operations not in OPERATION_SETS:
        raise unknown_name("operations", operations, OPERATION_SETS)
    for operation in genotype.operations:
        if operation not in OPERATION_SETS[operations]:
            raise InvalidGenotype(f"the {operations!r} operations have no {operation!r}, which the genotype uses")


def _check_names(names: tuple[str, ...]) -> None:
    """Raises: UnknownName for an operation that there is not, with the spaces that it may be from by all the others."""
    known = {name for name in names if name in OPERATION_NAMES}
    for name in names:
        if name not in known:
            spaces = [space for space, entry in SPACES.items() if known and known <= set(entry.primitives)]
            others = f"; all others here are in the spaces {', '.join(spaces)}" if spaces else ""
            raise UnknownName(f"{unknown_name('operation', name, OPERATION_NAMES)}{others}")


def _check_cell(cell: str, edges: Edges, concat: tuple[int, ...]) -> None:
    if not edges or len(edges) % 2:
        raise InvalidGenotype(f"the {cell} cell must have two edges for each node, got {len(edges)} edges")
    for position, (_, state) in enumerate(edges):
        node = position // 2
        if not 0 <= state < node + 2:
            raise InvalidGenotype(
                f"an edge of node {node} of the {cell} cell must come from state 0..{node + 1}, got {shown(state)}"
            )
    last = len(edges) // 2 + 1
    if not concat or any(not 2 <= state <= last for state in concat) or list(concat) != sorted(set(concat)):
        raise InvalidGenotype(
            f"{cell}_concat must be ascending nodes out of 2..{last}, each at most once, got {shown(list(concat))}"
        )


def _read_edges(cell: str, value: Any) -> Edges:
    if not isinstance(value, list | tuple):
        raise InvalidGenotype(f"the {cell} cell must be a list of [operation, state], got {shown(value)}")
    for edge in value:
        is_pair = isinstance(edge, list | tuple) and len(edge) == 2
        if not is_pair or not isinstance(edge[0], str) or not _is_state(edge[1]):
            raise InvalidGenotype(f"an edge of the {cell} cell must be [operation, state], got {shown(edge)}")
    return tuple((operation, state) for operation, state in value)


def _read_concat(cell: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not all(map(_is_state, value)):
        raise InvalidGenotype(f"{cell}_concat must be a list of states, got {shown(value)}")
    return tuple(value)


def _is_state(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
