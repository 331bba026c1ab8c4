"""Kendall's τ against a count of all pairs, and the cells that are drawn for it."""

import math
import random

import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st

from trainables.architecture.spaces import SPACES, read_space
from trainables.diagnosis.ranking import draw_cells, kendall_tau

FEW_VALUES = st.integers(0, 4)
"""So that there are ties."""


@few(100)
@given(st.lists(st.tuples(FEW_VALUES, FEW_VALUES), min_size=2, max_size=12))
def test_tau_is_what_counting_pairs_gives(pairs):
    first, second = zip(*pairs, strict=True)
    expected = counted(first, second)

    found = kendall_tau(first, second)

    assert found == (None if expected is None else pytest.approx(expected, abs=1e-12))


def counted(first, second):
    """Return τ-b, pair by pair."""
    agreeing = untied_first = untied_second = 0
    for i in range(len(first)):
        for j in range(i):
            one, other = first[i] - first[j], second[i] - second[j]
            agreeing += (one * other > 0) - (one * other < 0)
            untied_first += one != 0
            untied_second += other != 0
    return agreeing / math.sqrt(untied_first * untied_second) if untied_first * untied_second else None


def test_the_same_order_is_1_and_the_opposite_one_is_minus_1():
    assert kendall_tau([1.0, 2.5, 7.0], [10, 20, 30]) == pytest.approx(1)
    assert kendall_tau([1.0, 2.5, 7.0], [30, 20, 10]) == pytest.approx(-1)


def test_cells_are_different_and_consist_of_what_the_space_has():
    space = read_space({"kind": "nas_bench_201", "primitives": ["skip_connect", "nor_conv_3x3"]})

    some, all_ = draw_cells(space, 10, random.Random(0)), draw_cells(space, 100, random.Random(0))

    assert (len(set(some)), len(set(all_))) == (10, 2**6)
    assert {operation for cell in all_ for operation in cell.operations} == set(space.primitives)
    assert some == draw_cells(space, 10, random.Random(0))


def test_no_cell_is_drawn_where_no_table_knows_any():
    assert draw_cells(SPACES["darts"], 10, random.Random(0)) == []
