"""Where the things of a layered graph go."""

from itertools import pairwise

import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.architectures.drawing.layered_layout import Thing, crossings, orders, place


def column(number: int, size: int) -> list[Thing]:
    return [Thing("state", index, number) for index in range(size)]


@st.composite
def graphs(draw_from):
    """Three columns of up to three things, and some links between neighbours."""
    columns = [column(number, draw_from(st.integers(1, 3))) for number in range(3)]
    possible = [(a, b) for left, right in pairwise(columns) for a in left for b in right]
    return columns, draw_from(st.lists(st.sampled_from(possible), unique=True, max_size=8))


def test_two_crossed_links_are_uncrossed():
    left, right = column(0, 2), column(1, 2)
    links = [(left[0], right[1]), (left[1], right[0])]

    assert crossings([left, right], links) == 1
    assert orders([left, right], links) == [[left, [right[1], right[0]]]]


@few(60)
@given(graphs())
def test_no_swap_of_neighbours_makes_it_better(graph):
    columns, links = graph
    every = orders(columns, links)

    assert every
    for found in every:
        fewest = crossings(found, links)
        assert found[0] == columns[0]
        assert [sorted(things) for things in found] == columns
        for number, things in enumerate(found[1:], start=1):
            for index in range(len(things) - 1):
                swapped = [*things[:index], things[index + 1], things[index], *things[index + 2 :]]
                assert crossings([*found[:number], swapped, *found[number + 1 :]], links) >= fewest


@few(20)
@given(graphs())
def test_things_keep_their_order_and_distance(graph):
    columns, links = graph
    height = place(columns, dict.fromkeys(links, 1.0), lambda a, b: 10.0 + b.number, lambda a, b: b.number == 1)

    assert min(height.values()) == 0
    for things in columns:
        for above, below in pairwise(things):
            assert height[below] - height[above] >= 10.0 + below.number - 1e-6


def test_a_thing_stands_between_what_it_is_linked_to():
    left, right = column(0, 2), column(1, 1)
    links = {(left[0], right[0]): 1.0, (left[1], right[0]): 1.0}
    height = place([left, right], links, lambda a, b: 20.0, lambda a, b: False)

    assert [height[thing] for thing in (*left, *right)] == pytest.approx([0, 20, 10], abs=1e-6)


def test_stiff_links_make_one_bend():
    """A chain between things 30 apart in height: all of it in one piece, where soft links would share it."""
    columns = [column(0, 2), column(1, 2), column(2, 2), column(3, 2)]
    anchors = {(a[0], b[0]): 100.0 for a, b in pairwise(columns)}
    chain = [columns[0][0], columns[1][1], columns[2][1], columns[3][1]]
    links = {**anchors, **dict.fromkeys(pairwise(chain), 1.0)}

    def steps(stiff: bool) -> list[float]:
        height = place(columns, links, lambda a, b: 30.0, lambda a, b: stiff and b.number == 1)
        return [abs(height[b] - height[a]) for a, b in pairwise(chain)]

    assert steps(stiff=True) == pytest.approx([30, 0, 0], abs=1.5)
