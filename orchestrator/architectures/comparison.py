"""What differs between two architectures: node by node of cells, step by step of paths, edge by edge of one cell."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import assert_never

from orchestrator.architectures.description import cells_of, node_text, output_text
from trainables.architecture.genotype import (
    Architecture,
    Edges,
    Genotype,
    MultiChannelPath,
    NasBench201Cell,
    PathStep,
)
from trainables.trial import JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A place where two architectures differ, and what each has there: None where there is no such place."""

    place: str
    """Such as "normal cell, node 0"."""
    texts: tuple[str, str]
    contents: tuple[JSON, JSON]


def differences(a: Architecture, b: Architecture) -> list[Difference]:
    """Return the places where two architectures of one kind differ: none if they compute the same function.

    A node is the sum of its edges, so their order in it does not matter; the order of nodes does. Cells of
    NAS-Bench-201 compute the same where `NasBench201Cell.canonical` says so, whatever stands on their edges. Two of
    different kinds have no places in common.
    """
    match a, b:
        case Genotype(), Genotype():
            pairs = zip(cells_of(a), cells_of(b), strict=True)
            return [found for (cell, *of_a), (_, *of_b) in pairs for found in _cell(cell, of_a, of_b)]
        case MultiChannelPath(), MultiChannelPath():
            steps = enumerate(zip_longest(a.steps, b.steps))
            return [_step(number, one, other) for number, (one, other) in steps if one != other]
        case NasBench201Cell(), NasBench201Cell() if a.canonical != b.canonical:
            edges = zip(edges_of(a), edges_of(b), strict=True)
            return [
                _difference(place, (one, other), (one, other)) for (place, one), (_, other) in edges if one != other
            ]
    return []


def places(architecture: Architecture) -> int:
    """Return how many places an architecture has, where it can differ from another."""
    match architecture:
        case Genotype():
            return sum(len(edges) // 2 + 1 for _, edges, _ in cells_of(architecture))
        case MultiChannelPath():
            return len(architecture.steps)
        case NasBench201Cell():
            return len(architecture.operations)
    assert_never(architecture)


def operation_counts(architecture: Architecture) -> dict[str, int]:
    """Return how often each operation is used, in both cells once, along the path, or on the edges."""
    match architecture:
        case Genotype():
            names = [operation for _, edges, _ in cells_of(architecture) for operation, _ in edges]
        case MultiChannelPath():
            names = [step.operation for step in architecture.steps]
        case NasBench201Cell():
            names = list(architecture.operations)
        case _:
            assert_never(architecture)
    return dict(sorted(Counter(names).items()))


def edges_of(cell: NasBench201Cell) -> list[tuple[str, str]]:
    """Return (place, operation) of each edge, such as ("edge 0→1", "nor_conv_3x3")."""
    return [(f"edge {source}→{node}", operation) for node in (1, 2, 3) for operation, source in cell.edges_into(node)]


def _cell(cell: str, a: Sequence, b: Sequence) -> list[Difference]:
    """Compare the edges and the outputs of two cells."""
    (edges_a, concat_a), (edges_b, concat_b) = a, b
    found = []
    for node, (of_a, of_b) in enumerate(zip_longest(_nodes(edges_a), _nodes(edges_b))):
        if of_a is None or of_b is None or Counter(of_a) != Counter(of_b):
            texts = tuple("no such node" if edges is None else node_text(edges) for edges in (of_a, of_b))
            contents = tuple(None if edges is None else [list(edge) for edge in edges] for edges in (of_a, of_b))
            found.append(_difference(f"{cell} cell, node {node}", texts, contents))
    if concat_a != concat_b:
        texts = tuple(map(output_text, (concat_a, concat_b)))
        found.append(_difference(f"{cell} cell, output", texts, tuple(map(list, (concat_a, concat_b)))))
    return found


def _nodes(edges: Edges) -> list[Edges]:
    return [edges[position : position + 2] for position in range(0, len(edges), 2)]


def _step(number: int, a: PathStep | None, b: PathStep | None) -> Difference:
    contents = tuple(step and [step.operation, step.channels_in, step.channels_out, step.stride] for step in (a, b))
    texts = tuple(
        f"{step.operation} {step.channels_in} -> {step.channels_out}, stride {step.stride}" if step else "no such layer"
        for step in (a, b)
    )
    return _difference(f"layer {number}", texts, contents)


def _difference(place: str, texts: Sequence[str], contents: Sequence[JSON]) -> Difference:
    return Difference(place=place, texts=(texts[0], texts[1]), contents=(contents[0], contents[1]))
