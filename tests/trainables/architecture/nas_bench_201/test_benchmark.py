"""The table of NAS-Bench-201 that ships with the package: what is looked up, and that it agrees with itself."""

import hashlib
import math
from collections import defaultdict

import numpy as np
import pytest

from trainables.architecture.nas_bench_201.benchmark import (
    CELLS,
    DATASETS,
    FILE,
    SHA256,
    Benchmark,
    benchmark,
    cell_at,
    digits_XE,
    params_of,
)
from trainables.architecture.nas_bench_201.cell import OPERATIONS, NasBench201Cell
from trainables.errors import DataError

NONE, SKIP = OPERATIONS.index("none"), OPERATIONS.index("skip_connect")


@pytest.fixture(scope="module")
def table() -> Benchmark:
    return benchmark()


def entry(table, digits, dataset="cifar10"):
    return table.entry(NasBench201Cell.from_digits(digits), dataset)


@pytest.mark.parametrize(
    ("dataset", "best", "accuracy"),
    [("cifar10", "333132", 91.61), ("cifar100", "333133", 73.49), ("imagenet16_120", "322133", 46.73)],
)
def test_the_best_cell_of_each_dataset_is_the_published_one(table, dataset, best, accuracy):
    found = entry(table, best, dataset)

    assert table.best(dataset).digits == best
    assert round(found.accuracy, 2) == accuracy
    assert (found.rank, found.regret) == (1, 0)


def test_all_skips_and_all_none_are_as_bad_as_reported(table):
    skips = [round(entry(table, "111111", dataset).accuracy, 2) for dataset in DATASETS]
    nothing = [entry(table, "000000", dataset).accuracy for dataset in DATASETS]

    assert skips == [39.77, 15.03, 16.43]
    assert nothing == pytest.approx([100 / 10, 100 / 100, 100 / 120], abs=0.3)


def test_an_entry_has_each_run_and_their_mean(table):
    found = entry(table, "333132")

    assert len(found.runs) == 3
    assert found.accuracy == pytest.approx(sum(found.runs) / 3)
    assert all(math.isclose(run * 250, round(run * 250)) for run in found.runs)  # of 25,000 images
    assert found.train_seconds > 100
    assert 0 < found.latency_seconds < 1
    assert found.cell == "333132"


def test_some_cells_were_trained_twice_only(table):
    few = [len(table.entry(cell_at(x), "cifar10").runs) for x in range(0, CELLS, 100)]

    assert set(few) == {2, 3}


@pytest.mark.parametrize("dataset", DATASETS)
def test_ranks_and_regrets_are_those_of_a_plain_sort(table, dataset):
    everyone = table.mean_XD[:, DATASETS.index(dataset)].tolist()
    some = [table.entry(cell_at(x), dataset) for x in range(0, CELLS, 997)]

    assert [each.rank for each in some] == [1 + sum(other > each.accuracy for other in everyone) for each in some]
    assert [each.regret for each in some] == pytest.approx([max(everyone) - each.accuracy for each in some], abs=1e-8)


def test_the_best_without_an_operation_has_none_of_it(table):
    found = table.best("cifar10", ("none", "skip_connect", "avg_pool_3x3"))

    assert not {"nor_conv_1x1", "nor_conv_3x3"} & set(found.operations)
    assert entry(table, found.digits).accuracy >= entry(table, "111111").accuracy
    assert entry(table, found.digits).regret > 5


def test_what_must_not_matter_does_not(table):
    """The order of edges and operations is right: an edge from or into what is nowhere used changes nothing."""
    cifar10_X = table.mean_XD[:, 0].reshape((len(OPERATIONS),) * 6)

    def spread(of, axes):
        return float(np.median(of.std(axis=axes, ddof=1)))

    into_a_node_that_nothing_leaves = spread(cifar10_X[:, :, :, :, :, NONE], (1, 2))
    out_of_a_node_that_nothing_enters = spread(cifar10_X[NONE].reshape(5, 5, 5, 5, 5), (1, 3))

    assert into_a_node_that_nothing_leaves < 0.3
    assert out_of_a_node_that_nothing_enters < 0.3
    assert spread(cifar10_X, (0, 1)) > 1


def test_parameters_agree_with_the_digits_of_all_cells_but_150(table):
    own_XD = np.stack([params_of(digits_XE(), classes=classes) for classes in (10, 100, 120)], axis=1)
    excess_XD = table.params_XD - own_XD

    assert (excess_XD == table.params_excess_X[:, None]).all()
    values, counts = np.unique(table.params_excess_X, return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {
        0: 15_475,
        -243_040: 62,
        -28_000: 60,
        28_000: 13,
        243_040: 15,
    }


def test_an_entry_with_other_parameters_is_of_a_cell_that_computes_the_same(table):
    """What the marks say of the 150: there is such a cell, with just the parameters that the table has."""
    own = params_of(digits_XE(), classes=10)
    alike = defaultdict(set)
    for x in range(CELLS):
        alike[cell_at(x).canonical].add(int(own[x]))
    odd = np.flatnonzero(table.params_excess_X)

    assert len(odd) == 150
    assert all(int(table.params_XD[x, 0]) in alike[cell_at(int(x)).canonical] for x in odd)


def test_cells_that_share_their_runs_compute_the_same(table):
    groups = table.shared_entries

    assert len(groups) == 37
    assert sum(map(len, groups)) == 413
    assert all(len({cell.canonical for cell in group}) == 1 for group in groups)
    assert {entry(table, cell.digits).runs for cell in max(groups, key=len)} == {(9.712,) * 3}


def test_others_whose_two_runs_on_cifar10_are_the_same_agree_by_chance(table):
    """71 groups have the same runs there: the 37 that compute the same, and 34 that differ on the other datasets."""
    runs = defaultdict(list)
    for x, values in enumerate(np.nan_to_num(table.accuracy_XDR)):
        runs[values[0].tobytes()].append((x, values[1:]))
    groups = [group for group in runs.values() if len(group) > 1]
    chance = [group for group in groups if len({cell_at(x).canonical for x, _ in group}) > 1]

    assert (len(groups), sum(map(len, groups)), len(chance)) == (71, 481, 34)
    assert all((one != other).any(axis=1).all() for (_, one), (_, other) in chance)


@pytest.mark.parametrize(
    ("digits", "sentences"),
    [
        ("333132", []),
        ("000000", ["its runs on CIFAR-10 are those of 340 other cells, which compute the same"]),
        (
            "103030",
            [
                "its entry has one 3×3 convolution less, as another cell has that computes the same",
            ],
        ),
    ],
)
def test_a_cell_whose_entry_is_not_its_own_is_marked(table, digits, sentences):
    assert [mark.sentence for mark in table.marks(NasBench201Cell.from_digits(digits))] == sentences


def test_every_marked_cell_says_so_and_no_other(table):
    listed = {cell.digits for group in table.shared_entries for cell in group}
    listed |= {cell_at(int(x)).digits for x in np.flatnonzero(table.params_excess_X)}
    some = {cell_at(x).digits for x in range(0, CELLS, 499)} | set(sorted(listed)[::40])

    assert {each for each in some if table.marks(NasBench201Cell.from_digits(each))} == some & listed
    assert some - listed


def test_a_table_that_is_not_the_one_that_was_shipped_is_refused():
    content = FILE.read_bytes()

    assert hashlib.sha256(content).hexdigest() == SHA256
    assert SHA256 in FILE.with_suffix(".md").read_text()
    assert len(content) < 2**20
    with pytest.raises(DataError, match=r"is not the file that ships with sharptune; install it again"):
        Benchmark(content[:-1])
