"""A cell of NAS-Bench-201: written and read in every notation, and what it computes."""

import functools
import itertools
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.architecture.genotype import read_architecture, read_declared
from trainables.architecture.nas_bench_201.cell import NODES, OPERATIONS, NasBench201Cell
from trainables.errors import SharptuneError

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
CELLS = st.lists(st.sampled_from(OPERATIONS), min_size=6, max_size=6).map(
    lambda operations: NasBench201Cell(operations=tuple(operations))
)


@given(CELLS)
def test_every_notation_is_read_back(cell):
    assert NasBench201Cell.from_string(cell.to_string()) == cell
    assert NasBench201Cell.from_digits(cell.digits) == cell
    assert read_architecture(cell.to_json()) == cell
    assert read_declared(cell.to_string(), base=Path()) == (cell, {})


def test_the_notations_are_those_of_the_benchmark():
    cell = NasBench201Cell.from_digits("333132")

    assert cell.to_string() == BEST
    assert cell.to_json() == {
        "kind": "nas_bench_201",
        "operations": ["nor_conv_3x3", "nor_conv_3x3", "nor_conv_3x3", "skip_connect", "nor_conv_3x3", "nor_conv_1x1"],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is written |operation~0|+"),
        (BEST[:-1], "is written"),
        (BEST.replace("~2", "~1"), "is written"),
        (BEST.replace("|+|", "||", 1), "is written"),
        (BEST + "+|none~0|", "is written"),
        (BEST.replace("nor_conv_1x1", "nor_conv_1x7"), "'nor_conv_1x7'; did you mean 'nor_conv_1x1'"),
    ],
)
def test_a_string_that_is_no_cell_is_one_sentence(text, said):
    with pytest.raises(SharptuneError) as raised:
        NasBench201Cell.from_string(text)

    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("digits", ["33313", "3331322", "333135", "33313२", "33313\n", ""])
def test_digits_that_are_no_cell_are_one_sentence(digits):
    with pytest.raises(SharptuneError, match="is six digits from 0 to 4, got"):
        NasBench201Cell.from_digits(digits)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"kind": "nas_bench_201"}, "needs the key 'operations'"),
        ({"kind": "nas_bench_201", "operations": "none"}, "needs the key 'operations'"),
        ({"kind": "nas_bench_201", "operations": ["none"] * 5}, "has 6 operations, one for each edge, got 5"),
        ({"kind": "nas_bench_201", "operations": ["none"] * 5 + ["max_pool_3x3"]}, "did you mean 'avg_pool_3x3'"),
        ({"kind": "nas_bench_201", "operations": ["none"] * 6, "edges": []}, "key of a cell of NAS-Bench-201 'edges'"),
    ],
)
def test_json_that_is_no_cell_is_one_sentence(data, said):
    with pytest.raises(SharptuneError) as raised:
        read_architecture(data)

    assert said in str(raised.value)


@pytest.mark.parametrize(
    "cells",
    [
        ("333030", "340030", "300030", "314030"),  # nothing leads on from node 2
        ("000300", "003300", "000320", "000304", "003330"),  # nothing leads to nodes 1 and 2
        ("100030", "000300", "010003"),  # identities are what they lead on
    ],
)
def test_what_leads_nowhere_or_comes_from_nothing_does_not_count(cells):
    assert len({NasBench201Cell.from_digits(digits).canonical for digits in cells}) == 1


def test_cells_are_told_apart_by_what_they_compute_and_by_nothing_else():
    """Each operation stands for a function of numbers of which no two agree, and which makes nothing of nothing."""

    def value(operations):
        values = [1]
        for node in range(1, NODES):
            into = itertools.islice(operations, node)
            values.append(sum(computed(name, source) for name, source in zip(into, values, strict=True)))
        return values[-1]

    @functools.cache
    def computed(name, number):
        if name == "none" or number == 0:
            return 0
        return number if name == "skip_connect" else random.Random(f"{name} {number}").getrandbits(64)

    by_value, by_canonical = {}, {}
    for operations in itertools.product(OPERATIONS, repeat=6):
        cell = NasBench201Cell(operations=operations)
        by_value.setdefault(value(iter(operations)), []).append(cell.digits)
        by_canonical.setdefault(cell.canonical, []).append(cell.digits)

    assert sorted(by_value.values()) == sorted(by_canonical.values())
    assert by_canonical["0"][0] == "000000"
    assert by_canonical["4 x"] == ["111111"]
