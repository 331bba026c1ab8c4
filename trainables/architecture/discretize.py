"""From alphas to a genotype: what a search has found.

Shape letters: E = edges, K = primitives.
"""

import math
from collections.abc import Sequence

from torch import Tensor

from trainables.architecture.genotype import Edges, Genotype
from trainables.architecture.spaces import NONE


def derive_genotype(alphas_normal_EK: Tensor, alphas_reduce_EK: Tensor, primitives: Sequence[str]) -> Genotype:
    """Return the cells of the strongest edges and operations (arXiv:1806.09055, section 2.4).

    An edge is as strong as its strongest operation other than `none`, by weight after the softmax over all of them.
    Each node keeps its two strongest edges, stronger first, each with its strongest operation; ties go to the lower
    source state and to the earlier primitive. A cell's output is the concatenation of all its nodes.
    """
    normal, reduce = (_derive_cell(alphas.tolist(), primitives) for alphas in (alphas_normal_EK, alphas_reduce_EK))
    return Genotype(
        normal=normal,
        normal_concat=_concat(normal),
        reduce=reduce,
        reduce_concat=_concat(reduce),
    )


def _concat(edges: Edges) -> tuple[int, ...]:
    return tuple(range(2, 2 + len(edges) // 2))


def _derive_cell(alphas_EK: Sequence[Sequence[float]], primitives: Sequence[str]) -> Edges:
    best = [_strongest(_softmax(row), primitives) for row in alphas_EK]
    cell: list[tuple[str, int]] = []
    first, states = 0, 2
    while first < len(best):
        edges = best[first : first + states]
        by_strength = sorted(range(states), key=lambda state: -edges[state][0])  # stable: ties to the lower state
        cell += [(edges[state][1], state) for state in by_strength[:2]]
        first, states = first + states, states + 1
    return tuple(cell)


def _strongest(w_K: Sequence[float], primitives: Sequence[str]) -> tuple[float, str]:
    candidates = [pair for pair in zip(w_K, primitives, strict=True) if pair[1] != NONE]
    return max(candidates, key=lambda pair: pair[0])


def _softmax(alphas_K: Sequence[float]) -> list[float]:
    """Return weights that do not depend on the order of the alphas, so that equal edges tie exactly."""
    largest = max(alphas_K)
    exponentials = [math.exp(alpha - largest) for alpha in alphas_K]
    total = math.fsum(exponentials)
    return [exponential / total for exponential in exponentials]
