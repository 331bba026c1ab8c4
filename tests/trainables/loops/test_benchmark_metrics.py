"""What NAS-Bench-201 knows of the cells that its searches find: metrics of the search, and curves over its epochs."""

import json

import pytest
from small_searches import small_search

from orchestrator.tables.quantities import quantity_of
from trainables.architecture.genotype import NasBench201Cell, read_architecture
from trainables.architecture.nas_bench_201.benchmark import METRICS, benchmark, metrics_of
from trainables.catalog import BENCHMARK, CATALOG
from trainables.config import SearchConfig
from trainables.loops.random_search import RandomRun

SPACE = {"kind": "nas_bench_201", "cells_per_stage": 1}


def finished(run):
    for _ in run.steps():
        pass
    return run.outcome()


@pytest.fixture(scope="module")
def searched(mini):
    """The outcome of a search whose alphas move far in each epoch."""
    settings = {"space": SPACE, "epochs": 3, "arch_learning_rate": 0.5, "layers": 8}
    return finished(small_search(mini, **settings))


def test_a_search_ends_with_what_is_known_of_its_cell(searched):
    cell = read_architecture(searched.artifacts["genotype"])

    assert {name: searched.metrics[name] for name in METRICS} == metrics_of(cell)
    assert searched.metrics["benchmark_cifar10"] == benchmark().entry(cell, "cifar10").accuracy


def test_every_epoch_has_what_is_known_of_the_cell_that_it_would_end_in(searched):
    epochs = [{name: epoch[name] for name in METRICS} for epoch in searched.epochs]

    assert len(epochs) == 3
    assert epochs == [metrics_of(read_architecture(json.loads(epoch["genotype"]))) for epoch in searched.epochs]


def test_a_random_cell_is_looked_up_without_a_search():
    outcome = finished(RandomRun(SearchConfig(strategy="random", space="nas_bench_201"), seed=3))
    cell = read_architecture(outcome.artifacts["genotype"])

    assert {name: outcome.metrics[name] for name in METRICS} == metrics_of(cell)
    assert outcome.epochs[0]["benchmark_cifar10"] == outcome.metrics["benchmark_cifar10"]


def test_of_cells_of_other_spaces_nothing_is_known():
    outcome = finished(RandomRun(SearchConfig(strategy="random", space="darts"), seed=0))

    assert not [name for name in outcome.metrics if name.startswith("benchmark")]


@pytest.mark.parametrize(
    ("digits", "metrics"),
    [
        ("333132", {"benchmark_regret_cifar10": 0, "benchmark_rank_cifar10": 1, "benchmark_marked": 0}),
        ("111111", {"benchmark_cifar10": 39.77, "benchmark_cifar100": 15.03, "benchmark_imagenet16_120": 16.43}),
        ("103030", {"benchmark_marked": 1}),
        ("000100", {"benchmark_marked": 0}),  # computes what 399 others do, and has runs of its own
        ("000000", {"benchmark_marked": 1, "benchmark_regret_cifar10": 91.607 - 9.712}),
    ],
)
def test_metrics_are_of_the_table(digits, metrics):
    found = metrics_of(NasBench201Cell.from_digits(digits))

    assert {name: found[name] for name in metrics} == pytest.approx(metrics, abs=0.006)


def test_tables_and_figures_may_ask_for_each_of_them_and_know_how_it_is_written():
    search = CATALOG["search"]

    assert BENCHMARK == METRICS
    assert set(METRICS) <= set(search.metrics) & set(search.curves)
    assert [name for name in METRICS if quantity_of(name).rising] == list(search.rising)
    assert all(quantity_of(name).title != name for name in METRICS)


@pytest.mark.parametrize("strategy", ["gradient", "random"])
def test_a_search_of_another_space_says_why_it_has_none(strategy):
    settings = {"space": "darts", "strategy": strategy}
    of_benchmark = {**settings, "space": {**SPACE, "primitives": ["skip_connect", "nor_conv_3x3"]}}

    assert CATALOG["search"].why_absent("benchmark_rank_cifar10", settings) == (
        "'benchmark_rank_cifar10' is of cells of NAS-Bench-201 only; say space: nas_bench_201"
    )
    assert CATALOG["search"].why_absent("benchmark_rank_cifar10", of_benchmark) is None
