"""Searches of NAS-Bench-201: cut off and continued, what they find, and what is drawn by chance."""

import json
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_searches import small_search
from torch.nn import functional as F

from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import NasBench201Cell, read_architecture
from trainables.architecture.nas_bench_201.cell import OPERATIONS
from trainables.architecture.sampling import random_architecture
from trainables.architecture.spaces import NasBench201Space, read_space
from trainables.catalog import CATALOG
from trainables.config import SearchConfig
from trainables.data.cache import Split
from trainables.loops.random_search import RandomRun
from trainables.loops.supernets import build_supernet, derive, findings, named_alphas, size

SMALL = {"kind": "nas_bench_201", "cells_per_stage": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"order": 2, "weighting": "max_w"},
        {"precision": "bf16", "activation_checkpointing": True, "alpha_every": 2},
    ],
)
def test_a_search_cut_off_at_every_step_finds_the_same_digits(mini, one_thread, small_evaluations, resumes, changes):
    settings = {"space": SMALL, "arch_learning_rate": 0.1, **changes}
    runs = resumes(lambda: small_search(mini, **settings))
    pauses, uninterrupted = runs.uninterrupted()

    assert runs.in_a_fresh_object_for_every_step() == uninterrupted
    _, artifacts, _, epochs = uninterrupted
    assert [tuple(map(len, (epoch["alphas"], epoch["alphas"][0]))) for epoch in epochs] == [(6, 5), (6, 5)]
    assert epochs[0]["alphas"] != epochs[1]["alphas"]
    best = next(epoch for epoch in epochs if epoch["epoch"] == pauses[-1].metrics["best_epoch"])
    assert artifacts["genotype"] == json.loads(best["genotype"])


def test_the_gap_of_an_epoch_is_of_its_cell_alone_on_the_images_that_move_the_alphas(mini, one_thread):
    """The cell alone is the supernet whose alphas are so far apart that the softmax is 1 or 0."""
    images = replace(mini, train=Split(images=mini.train.images[:, 8:16, 8:16], labels=mini.train.labels))
    run = small_search(images, space=SMALL, train_images=40, epochs=1, arch_learning_rate=0.5)
    list(run.steps())
    (epoch,) = run.outcome().epochs
    labels = np.asarray(mini.train.labels)
    rows = np.concatenate([np.flatnonzero(labels == label)[2:4] for label in range(10)])  # of each class the last half
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (mini.info.mean, mini.info.std))
    x_BCHW = (torch.from_numpy(images.train.images[rows]).permute(0, 3, 1, 2) / 255 - mean) / std
    alone = build_supernet(SearchConfig(space=SMALL, channels=2), 10).train()
    alone.load_state_dict(run.network.state_dict())
    chosen = [OPERATIONS.index(name) for name in json.loads(epoch["genotype"])["operations"]]
    with torch.no_grad():
        alone.alphas.copy_(1000 * torch.eye(len(OPERATIONS))[chosen])
        losses = [F.cross_entropy(net(x_BCHW), torch.from_numpy(labels[rows])) for net in (alone, run.network.train())]

    assert epoch["discretisation_gap"] == pytest.approx(float(losses[0] - losses[1]), abs=1e-4)
    assert abs(epoch["discretisation_gap"]) > 1e-2
    assert run.outcome().metrics["discretisation_gap"] == epoch["discretisation_gap"]


def test_the_strongest_operation_of_each_edge_is_found_and_may_be_none():
    """Equal weights go to the earlier primitive, in the order of the space."""
    space = NasBench201Space(name="", primitives=("nor_conv_3x3", "none", "avg_pool_3x3"))
    alphas = [[0.0, 2.0, 1.0], [3.0, 2.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, -9.0], [-1.0, -2.0, 5.0]]

    found = findings(space, {"alphas": alphas})

    assert found == {"genotype": NasBench201Cell.from_digits("033034").to_json()}
    assert read_architecture(found["genotype"]) == derive(space, {"alphas": alphas})


def test_the_alphas_are_one_table_for_all_cells():
    network = build_supernet(SearchConfig(space=SMALL, channels=2), 4)

    assert {name: tuple(alphas.shape) for name, alphas in named_alphas(network).items()} == {"alphas": (6, 5)}


def test_sizes_are_those_of_the_benchmark_and_its_skips_and_pools_are_counted():
    """1,073,466: what the benchmark says of its best cell on CIFAR-10."""
    cell = NasBench201Cell.from_digits("333132")

    found = size(cell, "ssc")

    assert found["params"] == architecture_cost(cell, network="nas_bench_201").params == 1_073_466
    assert (found["skips"], found["pools"]) == (1, 0)
    assert (size(NasBench201Cell.from_digits("411140"), "ssc")["pools"]) == 2


def test_a_cell_by_chance_takes_each_operation_of_each_edge_equally_often():
    rng = random.Random(0)
    drawn = [random_architecture(read_space({**SMALL, "primitives": OPERATIONS[1:]}), rng) for _ in range(4000)]

    for edge in range(6):
        counts = Counter(cell.operations[edge] for cell in drawn)
        assert set(counts) == set(OPERATIONS[1:])
        assert max(abs(count - 1000) for count in counts.values()) < 110  # four standard deviations


def test_a_random_search_draws_a_cell_within_bounds_and_another_one_for_another_seed():
    def found(seed):
        run = RandomRun(
            SearchConfig(strategy="random", space="nas_bench_201", params_min=300_000, params_max=800_000), seed=seed
        )
        list(run.steps())
        return run.outcome()

    first, second = found(0), found(1)

    assert 300_000 <= first.metrics["params"] <= 800_000
    assert first.artifacts["genotype"]["kind"] == "nas_bench_201"
    assert first.artifacts != second.artifacts


@pytest.mark.parametrize("name", ["genotype_with_none", "genotype_top_down"])
def test_what_such_a_search_does_not_find_is_said(name):
    reason = CATALOG["search"].why_absent(name, {"space": "nas_bench_201", "strategy": "gradient"})

    assert reason == f"a search that ends in a cell of NAS-Bench-201 finds no {name!r}, only genotype"


def test_more_cells_or_channels_are_more_work():
    """So that the longest trials start first."""

    def cost(**settings):
        return CATALOG["search"].expected_cost({"space": SMALL, "channels": 4, "epochs": 1, **settings})

    usual = cost()
    assert cost(space="nas_bench_201") == pytest.approx(5 * usual)
    assert usual < cost(channels=8) < 4 * usual
    assert cost(order=2) > usual
