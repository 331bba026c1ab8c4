"""Derivation of a genotype against trying every choice."""

import itertools
import math

import torch
from few import few
from hypothesis import given
from hypothesis import strategies as st

from trainables.architecture.discretize import derive_genotype
from trainables.architecture.genotype import Genotype
from trainables.architecture.spaces import SPACES

PRIMITIVES = SPACES["darts"].primitives
TIED = st.sampled_from([-1.0, 0.0, 0.5])
"""So few values that edges and operations often tie."""
ALPHAS = st.lists(st.lists(TIED | st.floats(-5, 5, width=32), min_size=8, max_size=8), min_size=14, max_size=14).map(
    lambda rows: torch.tensor(rows, dtype=torch.float64)
)


def weight(row, k):
    """The softmax of a row at k, whatever the order of the row."""
    largest = max(row)
    return math.exp(row[k] - largest) / math.fsum(math.exp(alpha - largest) for alpha in row)


def best_cell(alphas, primitives, keep_none=False):
    """Of all pairs of edges with all pairs of operations, the one that ranks first, node by node."""
    cell, first = [], 0
    for states in (2, 3, 4, 5):
        rows = alphas[first : first + states]
        kept = [k for k in range(len(primitives)) if keep_none or primitives[k] != "none"]
        edges = [(state, k) for state in range(states) for k in kept]

        def rank(pair, rows=rows):
            return tuple((-weight(rows[state], k), state, k) for state, k in pair)

        pairs = [pair for pair in itertools.permutations(edges, 2) if pair[0][0] != pair[1][0]]
        cell += [(primitives[k], state) for state, k in min(pairs, key=rank)]
        first += states
    return tuple(cell)


@few(15)
@given(ALPHAS, ALPHAS, st.booleans())
def test_the_derived_cells_are_the_best_of_all_choices(normal, reduce, keep_none):
    genotype = derive_genotype(normal, reduce, PRIMITIVES, keep_none=keep_none)

    assert genotype == Genotype(
        normal=best_cell(normal.tolist(), PRIMITIVES, keep_none),
        normal_concat=(2, 3, 4, 5),
        reduce=best_cell(reduce.tolist(), PRIMITIVES, keep_none),
        reduce_concat=(2, 3, 4, 5),
    )


def test_ties_go_to_the_lower_state_and_the_earlier_primitive():
    genotype = derive_genotype(torch.zeros(14, 8), torch.zeros(14, 8), PRIMITIVES)

    assert genotype.normal == (("max_pool_3x3", 0), ("max_pool_3x3", 1)) * 4


def test_none_is_never_chosen_but_weakens_its_edge():
    alphas = torch.zeros(14, 8)
    alphas[:, 0] = 9.0
    alphas[1, 0], alphas[1, 4] = 0.0, 0.1
    genotype = derive_genotype(alphas, alphas, PRIMITIVES)

    assert genotype.normal[:2] == (("sep_conv_3x3", 1), ("max_pool_3x3", 0))
    assert all(name != "none" for name, _ in genotype.normal)


def test_none_is_chosen_where_it_is_kept_and_strongest():
    alphas = torch.zeros(14, 8)
    alphas[0, 0], alphas[1, 4] = 2.0, 1.0
    genotype = derive_genotype(alphas, alphas, PRIMITIVES, keep_none=True)

    assert genotype.normal[:2] == (("none", 0), ("sep_conv_3x3", 1))


@few(30)
@given(
    st.lists(st.lists(st.integers(-500, 500), min_size=8, max_size=8, unique=True), min_size=14, max_size=14),
    st.permutations(range(8)),
)
def test_permuting_the_primitives_changes_nothing_where_there_are_no_ties(rows, order):
    alphas = torch.tensor(rows, dtype=torch.float64) / 100
    permuted = [PRIMITIVES[k] for k in order]

    assert derive_genotype(alphas, alphas, PRIMITIVES) == derive_genotype(alphas[:, order], alphas[:, order], permuted)


def test_alphas_may_need_gradients_and_may_be_huge():
    alphas = torch.full((14, 8), 1e4, requires_grad=True)

    assert len(derive_genotype(alphas, alphas, PRIMITIVES).normal) == 8
