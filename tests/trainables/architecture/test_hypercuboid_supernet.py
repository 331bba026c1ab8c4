"""Supernets of HyperCuboids other than MultiChannelNet; Max-W's own property."""

import itertools

import pytest
import torch
from torch import nn

from trainables.architecture.derive_path import greedy_bottom_up, greedy_top_down, longest_path
from trainables.architecture.hypercuboid import HyperCuboid
from trainables.architecture.hypercuboid_supernet import HyperCuboidSupernet
from trainables.optimization.bilevel import FirstOrder

CUBOID = HyperCuboid(axes={"kernel": (1, 3, 5), "depth": (0, 1, 2), "activation": ("relu", "tanh")}, depth=("depth",))
"""No axis names a state: each layer reads what the one before it writes."""


@pytest.fixture
def batch():
    return torch.randn(3, 3, 8, 8), torch.tensor([0, 1, 2])


def convolution(at):
    activation = nn.ReLU() if at["activation"] == "relu" else nn.Tanh()
    kernel = at["kernel"]
    return nn.Sequential(activation, nn.Conv2d(4, 4, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(4))


def supernet(operation=convolution, weighting="scalar", **changes):
    arguments = {
        "cuboid": CUBOID,
        "stem": lambda state: nn.Conv2d(3, 4, 3, padding=1),
        "tail": lambda state: nn.ReLU(),
        "classifier": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
    }
    return HyperCuboidSupernet(operation=operation, weighting=weighting, **{**arguments, **changes})


@pytest.mark.parametrize("weighting", ["scalar", "max_w"])
def test_a_second_cuboid_is_built_searched_a_step_and_derived(batch, weighting):
    network = supernet(weighting=weighting)
    network.reset(torch.Generator().manual_seed(1))
    before = network.alphas.detach().clone()
    steps = FirstOrder(
        network, momentum=0.9, weight_decay=3e-4, grad_clip=5.0, arch_learning_rate=0.1, arch_weight_decay=1e-3
    )
    steps.set_learning_rate(0.1)
    loss, _ = steps.alphas_step(batch, batch)
    steps.weights_step(batch)
    w_LK = network.weights_after_softmax().tolist()
    paths = [derive(CUBOID, w_LK) for derive in (longest_path, greedy_top_down, greedy_bottom_up)]

    assert network.alphas.shape == (3, 3, 2)
    assert sum(len(layer.operations) for layer in network.layers) == CUBOID.weights == 18
    assert loss.isfinite()
    assert ((network.alphas - before).abs() > 0.05).all()  # one step of Adam at a rate of 0.1
    best = network.alphas.permute(1, 0, 2).flatten(1).argmax(dim=1).tolist()
    assert paths == [tuple(CUBOID.candidates(layer)[k] for layer, k in enumerate(best))] * 3


@pytest.mark.parametrize("weighting", ["scalar", "max_w"])
def test_a_second_cuboid_computes_what_a_loop_over_its_coordinates_does(batch, weighting):
    made = {}

    def operation(at):
        return made.setdefault((at["kernel"], at["depth"], at["activation"]), convolution(at))

    network = supernet(operation, weighting).eval()
    nn.init.normal_(network.alphas)
    y = network.stems[0](batch[0])
    for depth in range(3):
        w = network.alphas[:, depth].flatten().softmax(0).reshape(3, 2)
        factors = w if weighting == "scalar" else 1 - w.max() + w
        points = itertools.product(enumerate((1, 3, 5)), enumerate(("relu", "tanh")))
        y = sum(factors[i, j] * made[kernel, depth, name](y) for (i, kernel), (j, name) in points)

    torch.testing.assert_close(network(batch[0]), network.classifier(y.relu()), rtol=0, atol=1e-12)


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


def test_under_max_w_the_leading_operation_counts_fully_and_its_output_moves_no_alpha():
    """Scalar weighting is the counterexample: there the leading output does move the alphas."""

    def alphas_gradient(weighting, leading):
        cuboid = HyperCuboid(axes={"depth": (0,), "kernel": (1, 3), "activation": ("relu", "tanh")}, depth=("depth",))
        network = supernet(
            lambda at: Times(leading if (at["kernel"], at["activation"]) == (3, "relu") else at["kernel"]),
            weighting,
            cuboid=cuboid,
            stem=lambda state: nn.Identity(),
            tail=lambda state: nn.Identity(),
            classifier=nn.Flatten(),
        )
        with torch.no_grad():
            network.alphas.copy_(torch.tensor([[[0.1, 0.2], [0.9, -0.3]]]))
        y = network(torch.ones(1, 3, 1, 1)).sum()
        y.backward()
        return network.alphas.grad, y.detach()

    (one, less), (two, more) = alphas_gradient("max_w", 5.0), alphas_gradient("max_w", 50.0)
    torch.testing.assert_close(one, two, rtol=0, atol=1e-13)
    torch.testing.assert_close(more - less, torch.tensor(3 * 45.0))
    assert one.abs().min() > 1e-2
    assert not torch.allclose(alphas_gradient("scalar", 5.0)[0], alphas_gradient("scalar", 50.0)[0])


def test_pools_that_count_the_border_differently_are_two_operations():
    """They are written alike: nn.AvgPool2d does not say in its repr what it counts."""
    cuboid = HyperCuboid(axes={"depth": (0,), "counted": (True, False)}, depth=("depth",))

    def pool(at):
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=at["counted"])

    network = supernet(
        pool, cuboid=cuboid, stem=lambda state: nn.Identity(), tail=lambda state: nn.Identity(), classifier=nn.Flatten()
    )
    nn.init.normal_(network.alphas)
    x, w = torch.randn(2, 3, 4, 4), network.alphas.softmax(dim=-1)[0]

    expected = w[0] * pool({"counted": True})(x) + w[1] * pool({"counted": False})(x)

    assert repr(pool({"counted": True})) == repr(pool({"counted": False}))
    torch.testing.assert_close(network(x), expected.flatten(1), rtol=0, atol=1e-12)
