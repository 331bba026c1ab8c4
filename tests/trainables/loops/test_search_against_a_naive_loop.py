"""The search loop, against one that is written out step by step: the same to the last bit.

The networks and what augmentation does to pixels are the project's, and are tested elsewhere. Which images, halves,
orders and draws, which rates, gradients and steps is said here once more, in plain numbers, with every setting that
matters away from its default. Equal bits take the same machine, one thread, and kernels that lie alike in memory.
"""

from functools import partial

import pytest
import torch
from naive_loops import (
    SEED,
    as_they_are,
    augmented,
    channels_last,
    generator,
    loss_and_error,
    of_each_class,
    same,
    wrong,
)
from torch.autograd import grad
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_, get_total_norm

from trainables.config import SearchConfig
from trainables.loops.search import SearchRun
from trainables.loops.supernets import SIZE, build_supernet

SPACES = {
    "cells": ["none", "max_pool_3x3", "skip_connect", "sep_conv_3x3"],
    "multichannel": {"kind": "multichannel", "scales": [2, 3], "blocks": 1, "layers": 2, "head_channels": 4},
    "nas_bench_201": {"kind": "nas_bench_201", "cells_per_stage": 1, "primitives": ["none", "nor_conv_3x3"]},
}
SETTINGS = {
    "dataset": "cifar10-mini",
    "train_images": 20,
    "batch_size": 6,
    "epochs": 4,
    "learning_rate": 0.16,
    "learning_rate_min": 0.01,
    "p": 16,
    "warmup_epochs": 1,
    "momentum": 0.8,
    "weight_decay": 0.02,
    "grad_clip": 0.9,
    "autoaugment": True,
    "cutout": 6,
    "channels": 2,
    "layers": 3,
    "arch_learning_rate": 0.03,
    "arch_weight_decay": 0.2,
    "alpha_start_epoch": 2,
    "alpha_every": 3,
}
RATES = [0.085, 0.16, 0.02, 0.01]
"""0.01 + 0.15 h: h is 1/2 and 1 in the climb, then (16^c - 1) / 15 with c = (1 + cos 120°) / 2 = 1/4, and c = 0."""
BATCHES = [slice(0, 6), slice(6, 10)]
"""Of the ten images of a half, in the order of the epoch."""
ALPHAS_MOVE = [(2, 0), (3, 1)]
"""Epoch and step, from 0: every third of the steps 0 1 | 2 3 | 4 5 of the epochs from the second on."""

draws = partial(generator, "search")


def naive_search(mini, network, gradients_of_alphas):
    """Search; return a row for each epoch, and the norms of the weights' gradients before they were clipped."""
    weights_half, alphas_half = of_each_class(mini.train, 0), of_each_class(mini.train, 1)
    alphas = [value for name, value in network.named_parameters() if name.startswith("alphas")]
    weights = [value for name, value in network.named_parameters() if not name.startswith("alphas")]
    channels_last(weights)
    sgd = torch.optim.SGD(weights, lr=1.0, momentum=0.8, weight_decay=0.02)
    adam = torch.optim.Adam(alphas, lr=0.03, betas=(0.5, 0.999), weight_decay=0.2)
    history, norms = [], []
    for epoch, rate in enumerate(RATES, start=1):
        network.train()
        sgd.param_groups[0]["lr"] = rate
        weights_order = weights_half[torch.randperm(10, generator=draws("order", epoch))]
        alphas_order = alphas_half[torch.randperm(10, generator=draws("alphas order", epoch))]
        steps, alphas_steps = [], []
        for step, part in enumerate(BATCHES):
            batch = augmented(mini, weights_order[part], "search", "weights ", epoch, step)
            if (epoch, step) in ALPHAS_MOVE:
                other = augmented(mini, alphas_order[part], "search", "alphas ", epoch, step)
                statistics = {name: value.clone() for name, value in network.named_buffers()}
                gradients, loss, logits = gradients_of_alphas(network, weights, alphas, sgd, other, batch)
                for alpha, gradient in zip(alphas, gradients, strict=True):
                    alpha.grad = gradient
                adam.step()
                alphas_steps.append((loss, wrong(logits, other[1]), len(logits)))
                for name, value in network.named_buffers():  # they follow the weights' own steps alone
                    value.copy_(statistics[name])
            sgd.zero_grad()
            logits = network(batch[0])
            loss = F.cross_entropy(logits, batch[1])
            loss.backward()
            norms.append(float(clip_grad_norm_(weights, 0.9)))
            sgd.step()
            steps.append((loss, wrong(logits, batch[1]), len(logits)))
        history.append(row_of(epoch, rate, steps, alphas_steps, network, as_they_are(mini, mini.train, alphas_half)))
    return history, norms


def first_order(network, weights, alphas, sgd, other, batch):
    """Return d L_alphas(w) / d alphas, and the loss and logits of the alphas' batch."""
    logits = network(other[0])
    loss = F.cross_entropy(logits, other[1])
    return grad(loss, alphas), loss, logits


def second_order(network, weights, alphas, sgd, other, batch):
    """Return Eq. 7 of arXiv:1806.09055 with Eq. 8 in it, and loss and logits one step of the weights ahead."""
    rate, start = sgd.param_groups[0]["lr"], [w.detach().clone() for w in weights]

    def put(values):
        for weight, value in zip(weights, values, strict=True):
            weight.data.copy_(value)

    gradient = grad(F.cross_entropy(network(batch[0]), batch[1]), weights)
    buffers = [sgd.state[w]["momentum_buffer"] for w in weights]
    decayed = [torch.add(g, w, alpha=0.02) for g, w in zip(gradient, start, strict=True)]
    velocity = [torch.add(d, buffer, alpha=0.8) for d, buffer in zip(decayed, buffers, strict=True)]
    put([w - rate * v for w, v in zip(start, velocity, strict=True)])

    logits = network(other[0])
    loss = F.cross_entropy(logits, other[1])
    direct, v = grad(loss, alphas, retain_graph=True), grad(loss, weights)

    radius = 0.01 / get_total_norm(v)
    put([w + radius * along for w, along in zip(start, v, strict=True)])
    above = grad(F.cross_entropy(network(batch[0]), batch[1]), alphas)
    put([w - radius * along for w, along in zip(start, v, strict=True)])
    below = grad(F.cross_entropy(network(batch[0]), batch[1]), alphas)
    put(start)
    gradients = [d - rate * (a - b) / (2 * radius) for d, a, b in zip(direct, above, below, strict=True)]
    return gradients, loss, logits


def row_of(epoch, rate, steps, alphas_steps, network, validation):
    """Return what the history says of an epoch."""
    network.eval()
    with torch.no_grad():
        logits = network(validation[0])
    loss, error = loss_and_error(steps)
    alphas_loss, alphas_error = loss_and_error(alphas_steps)
    return {
        "epoch": epoch,
        "learning_rate": pytest.approx(rate, rel=1e-12),
        "train_loss": loss,
        "train_error": error,
        "alphas_loss": alphas_loss,
        "alphas_error": alphas_error,
        "search_val_loss": float(F.cross_entropy(logits, validation[1])),
        "search_val_error": 100 * wrong(logits, validation[1]) / 10,
        **{name: value.tolist() for name, value in network.named_parameters() if name.startswith("alphas")},
    }


# Of the eight combinations of two spaces four, among which any two of the choices meet in every way; and a third space.
@pytest.mark.parametrize(
    ("space", "weighting", "order"),
    [
        ("cells", "scalar", 1),
        ("cells", "max_w", 2),
        ("multichannel", "max_w", 1),
        ("multichannel", "scalar", 2),
        ("nas_bench_201", "max_w", 2),
    ],
)
def test_a_search_is_the_naive_one_to_the_last_bit(mini, one_thread, small_cells, monkeypatch, space, weighting, order):
    sizes = dict.fromkeys(SIZE, 0)  # to count them takes a second
    monkeypatch.setattr("trainables.loops.search.size", lambda *_: sizes)
    config = SearchConfig(space=SPACES[space], weighting=weighting, order=order, **SETTINGS)
    run = SearchRun(config, seed=SEED, dataset=mini, device=torch.device("cpu"))
    for _ in run.steps():
        pass

    torch.set_rng_state(draws("initialisation").get_state())
    network = build_supernet(config, 10)
    network.reset(draws("alphas"))
    history, norms = naive_search(mini, network, {1: first_order, 2: second_order}[order])

    found = run.outcome()
    assert [{name: row[name] for name in history[0]} for row in found.epochs] == history
    assert same(run.network.state_dict(), network.state_dict())
    best = min(history[1:], key=lambda row: row["search_val_error"])  # of the epochs since the alphas move
    assert [found.metrics[name] for name in ("best_epoch", "search_val_error_best")] == [
        best[name] for name in ("epoch", "search_val_error")
    ]
    assert [row["alphas_loss"] is None for row in history] == [True, False, False, True]
    assert max(norms) > 0.9, "nothing was clipped"
