"""A diagnosis of a search in NAS-Bench-201 against numbers that are made another way: its images, its cells, its τ.

A cell alone is made by alphas so far apart that the softmax is 1 or 0, and its truth is read from the table's file.
"""

import math
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch.nn import functional as F

from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.nas_bench_201.benchmark import FILE
from trainables.architecture.nas_bench_201.cell import OPERATIONS, NasBench201Cell
from trainables.config import DiagnoseConfig, SearchConfig
from trainables.data.cache import Split
from trainables.diagnosis.diagnosis import DiagnoseRun
from trainables.loops.states import weights_file
from trainables.loops.supernets import build_supernet

PRIMITIVES = ["skip_connect", "avg_pool_3x3", "nor_conv_3x3"]
SEARCH = {
    "space": {"kind": "nas_bench_201", "cells_per_stage": 1, "primitives": PRIMITIVES},
    "train_images": 40,
    "channels": 2,
    "weighting": "max_w",
}
CONFIG = {"weights": {"file": "w", "sha256": "0"}, "hessian_images": 20, "cells": 9, "cell_images": 20, **SEARCH}
"""All images of the validation half, so that it does not matter in which order they are drawn."""


@pytest.fixture(scope="module")
def network():
    """A supernet whose alphas and running statistics are of no particular kind."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = build_supernet(SearchConfig(**SEARCH), 10)
        torch.nn.init.normal_(network.alphas)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                assert module.running_mean is not None
                module.running_mean.normal_()
    return network


@pytest.fixture
def images(mini, one_thread):
    """The dataset with a corner of each image."""
    corners = np.ascontiguousarray(mini.train.images[:, 8:16, 8:16])
    return replace(mini, train=Split(images=corners, labels=mini.train.labels))


def run_of(images, network, seed=0, **changes):
    config = DiagnoseConfig(**{"dataset": "cifar10-mini", **CONFIG, **changes})
    weights = weights_file(network.state_dict())
    return DiagnoseRun(config, seed=seed, dataset=images, weights=weights, device=torch.device("cpu"))


def diagnosed(images, network, **changes):
    run = run_of(images, network, **changes)
    for _ in run.steps():
        pass
    return run.outcome()


def validation(images):
    """Return the images that move alphas in a search of 40: of each class, the third and the fourth."""
    labels = np.asarray(images.train.labels)
    rows = np.sort(np.concatenate([np.flatnonzero(labels == label)[2:4] for label in range(10)]))
    pixels = torch.from_numpy(np.array(images.train.images[rows])).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (images.info.mean, images.info.std))
    return (pixels - mean) / std, torch.from_numpy(labels[rows].astype(np.int64))


def alone(network, operations):
    """Return the supernet of scalar weighting whose alphas leave one operation of each edge."""
    one = build_supernet(SearchConfig(**{**SEARCH, "weighting": "scalar"}), 10)
    one.load_state_dict(network.state_dict())
    with torch.no_grad():
        one.alphas.copy_(1000 * torch.eye(len(PRIMITIVES))[[PRIMITIVES.index(name) for name in operations]])
    return one.train()


def operations_of(written):
    return [edge.partition("~")[0] for edge in written.replace("+", "").split("|") if edge]


def truth_of(dataset):
    """Return the mean of the runs of each cell, by its digits."""
    table = pq.ParquetFile(FILE).read(use_threads=False).to_pandas()
    table = table[table["dataset"].astype(str) == dataset]
    return table["val_accuracy"].astype(float).groupby(table["cell"].astype(str).str.zfill(6)).mean()


def tau(first, second):
    """Return τ-b, pair by pair."""
    agreeing, untied = 0, [0, 0]
    for i in range(len(first)):
        for j in range(i):
            one, other = (round(each[i] - each[j], 6) for each in (first, second))
            agreeing += int(np.sign(one) * np.sign(other))
            untied = [untied[0] + (one != 0), untied[1] + (other != 0)]
    return agreeing / math.sqrt(untied[0] * untied[1])


@pytest.mark.parametrize(("dataset", "truth"), [("cifar10-mini", "cifar10"), ("cifar100", "cifar100")])
def test_tau_is_between_what_each_cell_alone_gets_right_and_what_the_table_has(images, network, dataset, truth):
    outcome = diagnosed(images, network, dataset=dataset, hessian_images=2)
    tried = outcome.artifacts["sampled_cells"]
    cells = [operations_of(row["cell"]) for row in tried]
    digits = ["".join(str(OPERATIONS.index(name)) for name in cell) for cell in cells]
    x_BCHW, labels_B = validation(images)
    with torch.no_grad():
        right = [(alone(network, cell)(x_BCHW).argmax(dim=1) == labels_B).float().mean().item() for cell in cells]
    known = truth_of(truth)
    costs = [architecture_cost(NasBench201Cell(operations=tuple(cell)), network="nas_bench_201") for cell in cells]

    assert len(set(digits)) == 9
    assert [row["one_shot_accuracy"] for row in tried] == pytest.approx([100 * each for each in right])
    found = [row[f"benchmark_{truth}"] for row in tried]
    assert found == pytest.approx([known[each] for each in digits], abs=1e-3)
    assert {name: outcome.metrics[name] for name in outcome.metrics if name.startswith("kendall")} == pytest.approx(
        {
            "kendall_tau": tau(right, found),
            "kendall_tau_params": tau([cost.params for cost in costs], found),
            "kendall_tau_addmult": tau([cost.addmult for cost in costs], found),
        }
    )
    assert len({round(value, 6) for value in outcome.metrics.values()}) == 4  # none stands for another


def test_the_eigenvalue_is_of_the_images_that_move_the_alphas(images, network):
    x_BCHW, labels_B = validation(images)
    whole = build_supernet(SearchConfig(**SEARCH), 10)
    whole.load_state_dict(network.state_dict())
    whole.double().train()
    loss = F.cross_entropy(whole(x_BCHW.double()), labels_B)
    (gradient,) = torch.autograd.grad(loss, whole.alphas, create_graph=True)
    rows = [torch.autograd.grad(each, whole.alphas, retain_graph=True)[0].flatten() for each in gradient.flatten()]

    found = diagnosed(images, network, cells=2, cell_images=2).metrics["hessian_eigenvalue"]

    assert found == pytest.approx(float(np.linalg.eigvalsh(torch.stack(rows).numpy())[-1]), rel=1e-3)


def test_another_seed_draws_other_cells(images, network):
    first, again, other = (run_of(images, network, seed)._cells for seed in (0, 0, 1))

    assert first == again
    assert set(first) != set(other)
