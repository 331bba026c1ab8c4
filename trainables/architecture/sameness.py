"""Whether two architectures are the same, in either of two degrees.

Edge for edge: trainings of both, all else being equal, end in the same digits; by this a trial takes over the row of
another. Or in what they compute, where the order of a node's two edges does not matter, nor what leads nowhere in a
cell of NAS-Bench-201: but first weights are drawn edge by edge in their order, so that trainings of both may end in
other digits.
"""

from typing import Literal, assert_never

from trainables.architecture.genotype import Architecture, Edges, Genotype, MultiChannelPath, NasBench201Cell
from trainables.trial import JSON

Degree = Literal["edge for edge", "computed", ""]


def sameness(a: Architecture, b: Architecture) -> Degree:
    """Return in which degree two architectures, made of the same operations, are the same; "" where they are not."""
    if as_trained(a) == as_trained(b):
        return "edge for edge"
    return "computed" if a.kind == b.kind and as_computed(a) == as_computed(b) else ""


def as_trained(architecture: Architecture) -> JSON:
    """Return all that training reads of an architecture, in the order in which it does: equal for equal digits."""
    return architecture.to_json()


def as_computed(architecture: Architecture) -> JSON:
    """Return what an architecture computes: equal for those of its kind that compute the same.

    A node is the sum of its edges, in whatever order; of cells of NAS-Bench-201 `NasBench201Cell.canonical` says it.
    """
    match architecture:
        case Genotype():
            cells = architecture.to_json()
            return {**cells, "normal": _sums(architecture.normal), "reduce": _sums(architecture.reduce)}
        case MultiChannelPath():
            return architecture.to_json()
        case NasBench201Cell():
            return architecture.canonical
    assert_never(architecture)


def _sums(edges: Edges) -> list[JSON]:
    """Return the edges of each node, sorted."""
    return [sorted(list(edge) for edge in edges[first : first + 2]) for first in range(0, len(edges), 2)]
