"""An architecture in words: node by node, or step by step."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from trainables.architecture.genotype import (
    Architecture,
    Edges,
    Genotype,
    MultiChannelPath,
    NasBench201Cell,
    PathStep,
)

CELLS = ("normal", "reduction")
INPUTS = ("c_{k-2}", "c_{k-1}")
"""The inputs of a cell k: the outputs of the two cells before it."""
CIFAR_SIZE = 32
"""Width and height of a CIFAR image."""


def kind_of(architecture: Architecture) -> str:
    """Return what JSON calls the kind of an architecture: `cells`, `path` or `nas_bench_201`."""
    return architecture.to_json().get("kind", "cells")


def title(architecture: Architecture, name: str, operations: str) -> str:
    """Return the first line about an architecture."""
    return f"{name}: {_what(architecture, operations)}"


def _what(architecture: Architecture, operations: str) -> str:
    match architecture:
        case Genotype():
            return f"cells of {operations!r} operations"
        case MultiChannelPath():
            return f"path of {len(architecture.steps)} {operations!r} operations"
        case NasBench201Cell():
            return f"cell {architecture.digits} of NAS-Bench-201"
    assert_never(architecture)


def lines(architecture: Architecture) -> Iterator[str]:
    """Yield what an architecture consists of."""
    match architecture:
        case Genotype():
            yield from _cell_lines(architecture)
        case MultiChannelPath():
            yield from _path_lines(architecture)
        case NasBench201Cell():
            yield from _nas_bench_201_lines(architecture)
        case _:
            assert_never(architecture)


def _cell_lines(genotype: Genotype) -> Iterator[str]:
    for cell, edges, concat in cells_of(genotype):
        yield f"{cell} cell"
        for node in range(len(edges) // 2):
            yield f"  node {node} = {node_text(edges[2 * node : 2 * node + 2])}"
        yield f"  output = {output_text(concat)}"


def _nas_bench_201_lines(cell: NasBench201Cell) -> Iterator[str]:
    *inner, output = range(1, 4)
    for node in inner:
        yield f"  node {node} = {_sum_into(cell, node)}"
    yield f"  output = {_sum_into(cell, output)}"


def _sum_into(cell: NasBench201Cell, node: int) -> str:
    edges = cell.edges_into(node)
    return " + ".join(f"{operation}({f'node {source}' if source else 'input'})" for operation, source in edges)


def cells_of(genotype: Genotype) -> tuple[tuple[str, Edges, tuple[int, ...]], ...]:
    """Return (name, edges, states of the output) of both cells."""
    return (
        (CELLS[0], genotype.normal, genotype.normal_concat),
        (CELLS[1], genotype.reduce, genotype.reduce_concat),
    )


def node_text(edges: Edges) -> str:
    return " + ".join(f"{operation}({state_name(state)})" for operation, state in edges)


def output_text(concat: Sequence[int]) -> str:
    nodes = ", ".join(str(state - 2) for state in concat)
    return f"nodes {nodes}, concatenated" if len(concat) > 1 else f"node {nodes}"


def state_name(state: int) -> str:
    return INPUTS[state] if state < 2 else f"node {state - 2}"


def sizes_along(steps: Sequence[PathStep]) -> list[int]:
    """Return the width and height of the maps before each step and after the last, for a CIFAR image."""
    sizes = [CIFAR_SIZE]
    for step in steps:
        sizes.append(-(-sizes[-1] // step.stride))
    return sizes


def _path_lines(path: MultiChannelPath) -> Iterator[str]:
    width = max(len(step.operation) for step in path.steps)
    digits = len(str(len(path.steps) - 1))
    channels = [f"{step.channels_in:>5} -> {step.channels_out:<5}" for step in path.steps]
    broadest = max(map(len, channels))
    sizes = sizes_along(path.steps)
    yield f"  {'layer':<{digits + 6}}  {'operation':<{width}}  {'channels':^{broadest}}  stride  CIFAR image after it"
    for number, (step, text) in enumerate(zip(path.steps, channels, strict=True)):
        size = sizes[number + 1]
        yield (
            f"  layer {number:<{digits}}  {step.operation:<{width}}  {text:<{broadest}}  {step.stride:>6}"
            f"  {size} × {size}"
        )
