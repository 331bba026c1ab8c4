"""From the weights of a HyperCuboid to one path through it: what a search has found.

The graph has a source, one node for each operation, one for each state between two layers (where everything written
to that state is added), and a sink. Only the edges from an operation to the sum it is added to carry a weight, that of
the operation after the softmax. All weights of one layer are compared with each other, as they share a softmax.

Three ways to choose, none of which depends on how numbers are rounded:

- `longest_path` makes the sum of the path's weights as large as it can be (arXiv:1903.09900, section 4.1).
- `greedy_top_down` takes the largest weight of the first layer, then in each layer the largest of the operations that
  read what the one before has written.
- `greedy_bottom_up` does the same from the last layer towards the first.

The greedy ones look through edges without a weight: every operation that can follow is compared, by its own weight.
The released code counted such edges as 0 instead and took the first of them, so that its top-down path never depended
on the weights, and its bottom-up path always ended in the smallest number of channels: `start` asks for such an end.

Shape letters: L = layers, K = operations of a layer.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

import networkx
import numpy as np

from trainables.architecture.hypercuboid import Coordinates, HyperCuboid, multichannel_stride
from trainables.architecture.paths import MultiChannelPath, PathStep

Weights: TypeAlias = Sequence[Sequence[float]] | np.ndarray
"""After the softmax: a row for each layer, in the order of a path; columns as in `HyperCuboid.candidates`."""

Operations: TypeAlias = tuple[Coordinates, ...]
"""One operation of each layer, each reading what the one before it writes."""

_SOURCE, _SINK = "source", "sink"


def longest_path(cuboid: HyperCuboid, w_LK: Weights) -> Operations:
    """Return the path with the largest sum of weights.

    Sums are exact. Among paths of equal sums, the one whose last operation writes the earliest state wins, then the one
    with the earliest last operation, then the earliest one before it, and so on: all in the order of the axes.
    """
    nodes: list[Any] = networkx.dag_longest_path(_graph(cuboid, _rows(cuboid, w_LK)), default_weight=0)
    chosen = [node for node in nodes if node[0] == "operation"]
    return tuple(cuboid.candidates(layer)[column] for _, layer, column in chosen)


def greedy_top_down(cuboid: HyperCuboid, w_LK: Weights, *, start: Any = None) -> Operations:
    """Return the path of the largest weight in each layer, from the first layer on; ties go to the earlier operation.

    `start` is the state that the first operation must read; any when None.
    """
    layers = range(len(cuboid.layers))
    return tuple(_follow(cuboid, w_LK, layers, start, joins=cuboid.reads, leaves=cuboid.writes))


def greedy_bottom_up(cuboid: HyperCuboid, w_LK: Weights, *, start: Any = None) -> Operations:
    """Return the path of the largest weight in each layer, from the last layer on; ties go to the earlier operation.

    `start` is the state that the last operation must write; any when None.
    """
    layers = range(len(cuboid.layers) - 1, -1, -1)
    return tuple(reversed(_follow(cuboid, w_LK, layers, start, joins=cuboid.writes, leaves=cuboid.reads)))


def to_path(cuboid: HyperCuboid, operations: Operations) -> MultiChannelPath:
    """Return a path through a MultiChannelNet's cuboid as what final training takes."""
    return MultiChannelPath(
        steps=tuple(
            PathStep(
                operation=operation["primitive"],
                channels_in=operation["channels_in"],
                channels_out=operation["channels_out"],
                stride=multichannel_stride(cuboid, operation),
            )
            for operation in operations
        )
    )


def _graph(cuboid: HyperCuboid, rows_LK: list[list[float]]) -> networkx.DiGraph:
    """Return the graph. Edges into a node come in the order in which they win ties."""
    graph = networkx.DiGraph()
    for state in cuboid.states:
        graph.add_edge(_SOURCE, ("sum", 0, state))
    for layer, row_K in enumerate(rows_LK):
        for column, (operation, w) in enumerate(zip(cuboid.candidates(layer), row_K, strict=True)):
            node = ("operation", layer, column)
            graph.add_edge(("sum", layer, cuboid.reads(operation)), node)
            # As fractions, so that equal sums are equal in whichever order they are added up.
            graph.add_edge(node, ("sum", layer + 1, cuboid.writes(operation)), weight=Fraction(w))
    for state in cuboid.states:
        # A weight, so that the longest path does not end before the sink.
        graph.add_edge(("sum", len(rows_LK), state), _SINK, weight=1)
    return graph


def _follow(
    cuboid: HyperCuboid,
    w_LK: Weights,
    layers: range,
    state: Any,
    *,
    joins: Callable[[Coordinates], Any],
    leaves: Callable[[Coordinates], Any],
) -> list[Coordinates]:
    """Return the greedy choice of each layer, in the order of `layers`."""
    rows_LK = _rows(cuboid, w_LK)
    chosen: list[Coordinates] = []
    for layer in layers:
        candidates = zip(cuboid.candidates(layer), rows_LK[layer], strict=True)
        open_ = [each for each in candidates if state is None or joins(each[0]) == state]
        operation, _ = max(open_, key=lambda each: each[1])  # the first of equals
        state = leaves(operation)
        chosen.append(operation)
    return chosen


def _rows(cuboid: HyperCuboid, w_LK: Weights) -> list[list[float]]:
    rows_LK = np.asarray(w_LK, dtype=float)
    assert rows_LK.shape == cuboid.indices_LK.shape, "a row for each layer, a column for each of its operations"
    assert np.isfinite(rows_LK).all(), "weights are finite"
    return rows_LK.tolist()
