"""From alphas to a genotype: what a search has found.

Shape letters: E = edges, K = primitives.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

from torch import Tensor

from trainables.architecture.genotype import Edges, Genotype, NasBench201Cell
from trainables.architecture.spaces import NONE

Alphas: TypeAlias = Sequence[Sequence[float]]
"""Alphas, (E, K)."""


def derive_genotype(
    alphas_normal_EK: Tensor | Alphas,
    alphas_reduce_EK: Tensor | Alphas,
    primitives: Sequence[str],
    *,
    keep_none: bool = False,
) -> Genotype:
    """Return the cells of the strongest edges and operations (arXiv:1806.09055, section 2.4).

    An edge is as strong as its strongest operation other than `none`, by weight after the softmax over all of them.
    Each node keeps its two strongest edges, stronger first, each with its strongest operation; ties go to the lower
    source state and to the earlier primitive. A cell's output is the concatenation of all its nodes.

    Args:
        keep_none: let `none` compete like any other operation, for an edge's strength and for its place in the cell.
    """
    candidates = [name for name in primitives if keep_none or name != NONE]
    normal, reduce = (
        _derive_cell(alphas.tolist() if isinstance(alphas, Tensor) else alphas, primitives, candidates)
        for alphas in (alphas_normal_EK, alphas_reduce_EK)
    )
    return Genotype(
        normal=normal,
        normal_concat=_concat(normal),
        reduce=reduce,
        reduce_concat=_concat(reduce),
    )


def derive_nas_bench_201(alphas_EK: Tensor | Alphas, primitives: Sequence[str]) -> NasBench201Cell:
    """Return the cell of each edge's strongest operation, which may be `none`; ties go to the earlier primitive.

    So the benchmark's searches derive (arXiv:2001.00326): a cell has all six edges, and one of `none` is how it leaves
    an edge out.
    """
    rows = alphas_EK.tolist() if isinstance(alphas_EK, Tensor) else alphas_EK
    return NasBench201Cell(operations=tuple(_strongest(softmax(row), primitives, primitives)[1] for row in rows))


def _concat(edges: Edges) -> tuple[int, ...]:
    return tuple(range(2, 2 + len(edges) // 2))


def _derive_cell(alphas_EK: Alphas, primitives: Sequence[str], candidates: Sequence[str]) -> Edges:
    best = [_strongest(softmax(row), primitives, candidates) for row in alphas_EK]
    cell: list[tuple[str, int]] = []
    first, states = 0, 2
    while first < len(best):
        edges = best[first : first + states]
        by_strength = sorted(range(states), key=lambda state: -edges[state][0])  # stable: ties to the lower state
        cell += [(edges[state][1], state) for state in by_strength[:2]]
        first, states = first + states, states + 1
    return tuple(cell)


def _strongest(w_K: Sequence[float], primitives: Sequence[str], candidates: Sequence[str]) -> tuple[float, str]:
    pairs = [(w, name) for w, name in zip(w_K, primitives, strict=True) if name in candidates]
    return max(pairs, key=lambda pair: pair[0])


def softmax(alphas_K: Sequence[float]) -> list[float]:
    """Return weights that do not depend on the order of the alphas, so that equal edges tie exactly."""
    largest = max(alphas_K)
    exponentials = [math.exp(alpha - largest) for alpha in alphas_K]
    total = math.fsum(exponentials)
    return [exponential / total for exponential in exponentials]
