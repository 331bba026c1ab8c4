"""The derived network inside its supernet, and what it costs a search to be discretised, against naive networks."""

import random
from contextlib import nullcontext

import pytest
import torch
from naive_networks import in_double_precision
from torch.nn import functional as F

from trainables.architecture.sampling import random_architecture
from trainables.architecture.spaces import MultiChannelSpace, NasBench201Space
from trainables.config import SearchConfig
from trainables.loops.derived import discretisation_gap, multipliers_of
from trainables.loops.supernets import build_supernet, derive, named_alphas
from trainables.trial import Step

__all__ = ["in_double_precision"]

SPACES = {
    "cells": ["none", "max_pool_3x3", "skip_connect", "sep_conv_3x3"],
    "nas_bench_201": {"kind": "nas_bench_201", "cells_per_stage": 1},
    "path": {"kind": "multichannel", "scales": [2, 3], "blocks": 2, "layers": 2, "head_channels": 4},
}
HERE = Step(epoch=1, step=2, steps=2)


class FewImages:
    """Five images in memory, as a search holds its half."""

    def __init__(self):
        self.x_BCHW, self.labels_N = torch.randn(5, 3, 8, 8), torch.tensor([0, 1, 2, 0, 1])

    def __len__(self):
        return len(self.labels_N)

    def batch(self, rows_B):
        return self.x_BCHW[rows_B], self.labels_N[rows_B]


def supernet(space, weighting):
    network = build_supernet(SearchConfig(space=space, weighting=weighting, channels=2, layers=3), 3)
    for alphas in network.alpha_parameters():
        torch.nn.init.normal_(alphas)
    return network


def found(network):
    return derive(network.space, {name: alphas.tolist() for name, alphas in named_alphas(network).items()})


def chosen_alone(network, architecture, x_BCHW):
    """Return the logits of what is chosen, operation by operation: no other one is looked at."""
    if isinstance(network.space, NasBench201Space):
        return chosen_alone_of_nas_bench_201(network, architecture, x_BCHW)
    if isinstance(network.space, MultiChannelSpace):
        states = dict(zip(network.cuboid.states, [stem(x_BCHW) for stem in network.stems], strict=True))
        y = states[architecture.steps[0].channels_in]
        for layer, step in enumerate(architecture.steps):
            for at, operation in zip(network.cuboid.candidates(layer), network.layers[layer].operations, strict=True):
                names = (at["primitive"], at["channels_in"], at["channels_out"])
                y_next = operation(y) if names == (step.operation, step.channels_in, step.channels_out) else None
                if y_next is not None:
                    y = y_next
                    break
        return network.classifier(network.tails[network.cuboid.states.index(step.channels_out)](y))
    s0 = s1 = network.stem(x_BCHW)
    for cell in network.cells:
        chosen = architecture.reduce if cell.reduction else architecture.normal
        states = [cell.preprocess0(s0), cell.preprocess1(s1)]
        for node in range(4):
            total = 0
            for primitive, state in chosen[2 * node : 2 * node + 2]:
                total = total + one_edge(cell, primitive, state, node, states[state])
            states.append(total)
        s0, s1 = s1, torch.cat(states[2:], dim=1)
    return network.classifier(s1.mean(dim=(2, 3)))


def chosen_alone_of_nas_bench_201(network, cell, x_BCHW):
    y = network.stem(x_BCHW)
    for module in network.stages:
        if not hasattr(module, "sources"):
            y = module(y)
            continue
        nodes = [y, *[torch.zeros_like(y) for _ in range(3)]]
        for node in range(1, 4):
            for primitive, source in cell.edges_into(node):
                if primitive != "none":
                    mixture, copy = module.sources[source], node - source - 1
                    nodes[node] = nodes[node] + of_mixture(mixture, primitive, copy, nodes[source], read=1)
        y = nodes[3]
    return network.head(y)


def one_edge(cell, primitive, state, node, x):
    """Return what one operation makes of a state, out of the block that holds it beside the other edges' copies."""
    return of_mixture(cell.sources[state], primitive, node - max(0, state - 1), x, read=cell.sources[state].edges)


def of_mixture(source, primitive, copy, x, read):
    """Return what one edge makes of a state whose copies, so many, the block reads side by side."""
    if primitive in source.shared:
        return source.shared[primitive](x)
    return source.blocks[primitive](torch.cat([x] * read, dim=1)).unflatten(1, (source.edges, -1))[:, copy]


@pytest.mark.parametrize("space", SPACES)
def test_multipliers_of_an_architecture_leave_it_alone_of_the_supernet(space):
    network = supernet(SPACES[space], "scalar")
    x_BCHW = torch.randn(2, 3, 16, 16)
    for seed in range(3):
        architecture = random_architecture(network.space, random.Random(seed))

        logits_BC = network(x_BCHW, multipliers_of(network.space, architecture))

        torch.testing.assert_close(logits_BC, chosen_alone(network, architecture, x_BCHW), rtol=0, atol=1e-11)


@pytest.mark.parametrize(("space", "weighting"), [("cells", "scalar"), ("nas_bench_201", "max_w"), ("path", "scalar")])
def test_the_gap_is_the_loss_of_the_chosen_operations_less_that_of_all(space, weighting, monkeypatch):
    monkeypatch.setattr("trainables.loops.evaluation.EVALUATION_BATCH", 3)
    network, images = supernet(SPACES[space], weighting).eval(), FewImages()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    architecture = found(network)

    pauses, gap = taken(discretisation_gap(*asked(network, architecture, images)))

    assert (pauses, network.training) == ([HERE] * 2, False)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    network.train()
    losses = []
    for rows in torch.arange(5).split(3):
        x_BCHW, labels_B = images.batch(rows)
        for logits in (chosen_alone(network, architecture, x_BCHW), network(x_BCHW)):
            losses.append(F.cross_entropy(logits, labels_B, reduction="sum").item())
    assert gap == pytest.approx((losses[0] - losses[1] + losses[2] - losses[3]) / 5, abs=1e-10)
    assert abs(gap) > 1e-3


def test_the_images_of_the_gap_are_drawn_and_the_same_for_every_search(monkeypatch):
    monkeypatch.setattr("trainables.loops.derived.GAP_IMAGES", 20)
    looked_at = []

    class ManyImages(FewImages):
        def __len__(self):
            return 1000

        def batch(self, rows_B):
            looked_at.append(rows_B.tolist())
            return super().batch(rows_B % 5)

    for space in ("path", "nas_bench_201"):
        network = supernet(SPACES[space], "scalar")
        taken(discretisation_gap(*asked(network, found(network), ManyImages())))

    one, other = looked_at
    assert one == other == sorted(set(one))
    assert (len(one), max(one) > 500) == (20, True)  # not the first ones


def test_a_supernet_of_nothing_but_its_choice_has_no_gap():
    network = supernet(["none", "skip_connect"], "scalar")
    with torch.no_grad():
        for alphas_EK in network.alpha_parameters():
            alphas_EK.zero_()
            alphas_EK[:, 1] = 99.0
            alphas_EK[[4, 7, 8, 11, 12, 13], 0] = 999.0  # of each node all edges but two
    chosen = found(network)

    _, gap = taken(discretisation_gap(*asked(network, chosen, FewImages())))

    assert gap == pytest.approx(0, abs=1e-12)


def test_a_loss_that_is_no_number_leaves_the_gap_out():
    network = supernet(SPACES["cells"], "scalar")
    chosen = found(network)
    with torch.no_grad():
        network.classifier.bias.fill_(float("nan"))

    assert taken(discretisation_gap(*asked(network, chosen, FewImages())))[1] is None


def asked(network, architecture, images):
    multipliers = multipliers_of(network.space, architecture)
    return network, multipliers, images, lambda x_BCHW: x_BCHW, nullcontext, HERE


def taken(work):
    """Return the pauses of a generator, and what it returns."""
    pauses = []
    while True:
        try:
            pauses.append(next(work))
        except StopIteration as end:
            return pauses, end.value
