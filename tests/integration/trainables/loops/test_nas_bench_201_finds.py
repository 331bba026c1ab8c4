"""Searches of NAS-Bench-201: the one operation that is necessary is found, and what is favoured takes over."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from trainables.architecture.discretize import derive_nas_bench_201
from trainables.architecture.genotype import read_architecture
from trainables.architecture.nas_bench_201_supernet import MixedCell
from trainables.architecture.spaces import NAS_BENCH_201, NasBench201Space, read_space
from trainables.architecture.weighting import WEIGHTINGS
from trainables.config import SearchConfig
from trainables.data.cache import Split
from trainables.loops.search import SearchRun
from trainables.optimization.bilevel import FirstOrder, SecondOrder

SMALL = {"kind": "nas_bench_201", "cells_per_stage": 1}


class OneCell(nn.Module):
    """One mixed cell on the pixels themselves, ReLU, the mean over the map and a linear layer."""

    def __init__(self, space, weighting, channels, classes):
        super().__init__()
        self.cell = MixedCell(space=space, channels=channels)
        self.classifier = nn.Linear(channels, classes)
        self.alphas = nn.Parameter(1e-3 * torch.randn(6, len(space.primitives)))
        self.weighting = WEIGHTINGS[weighting]

    def mixed(self, x_BCHW, multipliers=None):
        multipliers_EK = self.weighting(self.alphas.softmax(dim=-1)) if multipliers is None else multipliers[0]
        return self.cell(x_BCHW, multipliers_EK.flatten()[self.cell.places])

    def forward(self, x_BCHW):
        return self.classifier(self.mixed(x_BCHW).relu().mean(dim=(2, 3)))

    def weight_parameters(self):
        return [value for value in self.parameters() if value is not self.alphas]

    def alpha_parameters(self):
        return [self.alphas]


def bars(images):
    """Images of a bar of 3 pixels, in turn upright and lying, and which of both: one is the other, transposed.

    Whatever treats rows and columns alike makes the same sums of both: all operations but a 3×3 convolution.
    """
    labels_B = torch.arange(images) % 2
    x_BCHW = torch.zeros(images, 4, 8, 8)
    for image, label in zip(x_BCHW, labels_B.tolist(), strict=True):
        row, column = int(torch.randint(8, ())), int(torch.randint(6, ()))
        image[:, row, column : column + 3] = 1
        if label:
            image.copy_(image.mT.clone())
    return x_BCHW, labels_B


@pytest.mark.parametrize("order", [FirstOrder, SecondOrder])
@pytest.mark.parametrize("weighting", ["scalar", "max_w"])
def test_the_one_operation_that_can_tell_the_classes_apart_is_found(one_thread, weighting, order):
    torch.manual_seed(2)
    network = OneCell(NAS_BENCH_201, weighting, 4, 2)
    settings = {"momentum": 0.9, "weight_decay": 3e-4, "grad_clip": 5.0, "arch_weight_decay": 1e-3}
    bilevel = order(network, **settings, arch_learning_rate=0.1)
    bilevel.set_learning_rate(0.1)
    for _ in range(30):
        weights_batch = bars(16)
        bilevel.alphas_step(bars(16), weights_batch)
        loss, _ = bilevel.weights_step(weights_batch)

    found = derive_nas_bench_201(network.alphas, NAS_BENCH_201.primitives)
    weights = dict(zip(NAS_BENCH_201.primitives, network.alphas.softmax(dim=-1).mean(dim=0).tolist(), strict=True))
    assert "nor_conv_3x3" in found.canonical  # on a way from the input to the output
    assert max(weights, key=weights.__getitem__) == "nor_conv_3x3"
    assert loss < 0.3


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_no_other_operation_can_tell_them_apart(weighting):
    space = NasBench201Space(name="", primitives=("none", "skip_connect", "nor_conv_1x1", "avg_pool_3x3"))
    network = OneCell(space, weighting, 4, 2).double().eval()
    x_BCHW = bars(4)[0].double()

    torch.testing.assert_close(network(x_BCHW), network(x_BCHW.mT), rtol=0, atol=1e-14)


class OnlyIdentitiesPass(OneCell):
    """By construction: its pixels are negative, so that a convolution behind a ReLU makes zeros of them."""

    def __init__(self, config, classes):
        super().__init__(read_space(config.space), config.weighting, 3, classes)

    def reset(self, generator):
        pass

    def forward(self, x_BCHW, multipliers=None):
        return self.classifier(self.mixed(-(x_BCHW - x_BCHW.amin()), multipliers).mean(dim=(2, 3)))


def test_under_scalar_weighting_identities_take_over_where_they_are_favoured_and_the_columns_show_it(
    mini, one_thread, monkeypatch
):
    monkeypatch.setattr("trainables.loops.search.build_supernet", OnlyIdentitiesPass)
    labels = np.arange(64) % 2
    images = np.broadcast_to(np.uint8(40 + 170 * labels)[:, None, None, None], (64, 8, 8, 3))
    config = SearchConfig(
        dataset="cifar10-mini",
        space={**SMALL, "primitives": ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"]},
        batch_size=16,
        epochs=10,
        warmup_epochs=0,
        arch_learning_rate=0.1,
        learning_rate=0.1,
    )
    torch.manual_seed(0)
    run = SearchRun(
        config, seed=0, dataset=replace(mini, train=Split(images=images, labels=labels)), device=torch.device("cpu")
    )
    for _ in run.steps():
        pass

    skips = [epoch["skips"] for epoch in run.outcome().epochs]
    assert skips[0] < skips[-1] == 6
    assert read_architecture(run.outcome().artifacts["genotype"]).kind == "nas_bench_201"
