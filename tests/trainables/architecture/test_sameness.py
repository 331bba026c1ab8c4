"""When two architectures are the same: to the digit, or in what they compute."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.architectures.comparison import differences
from trainables.architecture.genotype import ARCHITECTURES, Genotype, NasBench201Cell, describe
from trainables.architecture.sameness import as_trained, sameness
from trainables.kinds.likeness import alike_training

DARTS = ARCHITECTURES["DARTS_V2"]


def swapped(genotype, nodes):
    """Return the genotype with the two edges of these nodes of its normal cell the other way round."""
    pairs = [genotype.normal[2 * node : 2 * node + 2][:: -1 if node in nodes else 1] for node in range(4)]
    return Genotype.from_json({**genotype.to_json(), "normal": [list(edge) for pair in pairs for edge in pair]})


ALL = [
    *ARCHITECTURES.values(),
    *map(NasBench201Cell.from_digits, ("103030", "000300", "333132")),
    swapped(DARTS, {1}),
]


@given(st.sets(st.integers(0, 3), min_size=1))
def test_cells_whose_edges_stand_in_another_order_compute_the_same_and_train_to_other_digits(nodes):
    assert sameness(DARTS, swapped(DARTS, nodes)) == "computed"


def test_cells_of_nas_bench_201_that_compute_the_same_are_not_the_same_edge_for_edge():
    one, other = (NasBench201Cell.from_digits(digits) for digits in ("103030", "000300"))

    assert sameness(one, other) == "computed"
    assert sameness(one, one) == "edge for edge"


def test_what_has_no_differences_is_what_computes_the_same():
    for a, b in itertools.product(ALL, repeat=2):
        assert bool(sameness(a, b)) == (a.kind == b.kind and not differences(a, b))


@pytest.mark.parametrize("nodes", [(), (0,)])
def test_trainings_are_alike_exactly_where_their_genotypes_are_the_same_edge_for_edge(nodes):
    written = {"genotype": swapped(DARTS, nodes).to_json(), "operations": "ssc"}
    found = {"genotype": describe(DARTS, "ssc"), "operations": "ssc"}

    assert (alike_training(written) == alike_training(found)) == (not nodes)
    assert alike_training(found)["genotype"] == as_trained(DARTS)
