"""The supernet of NAS-Bench-201 against a naive one in double precision, and against the networks of single cells."""

import pytest
import torch
from torch import nn

from trainables.architecture.final_networks import build_network
from trainables.architecture.nas_bench_201.cell import EDGES, OPERATIONS, NasBench201Cell
from trainables.architecture.spaces import NasBench201Space
from trainables.architecture.supernets import space_supernet
from trainables.optimization.bilevel import FirstOrder, SecondOrder


@pytest.fixture(autouse=True)
def double_precision(in_double_precision):
    torch.manual_seed(0)


def supernet(weighting="scalar", primitives=OPERATIONS, cells=1, **settings):
    space = NasBench201Space(name="", primitives=primitives, cells_per_stage=cells)
    return space_supernet(space, weighting=weighting, channels=2, layers=3, classes=3, **settings)


def batch(images=5):
    return torch.randn(images, 3, 8, 8), torch.arange(images) % 3


def relu_conv_bn(c_in, c_out, kernel, affine, stride=1):
    convolution = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm2d(c_out, affine=affine))


class NaiveEdge(nn.Module):
    def __init__(self, primitives, c):
        super().__init__()
        every = {
            "none": lambda: None,
            "skip_connect": nn.Identity,
            "nor_conv_1x1": lambda: relu_conv_bn(c, c, 1, affine=False),
            "nor_conv_3x3": lambda: relu_conv_bn(c, c, 3, affine=False),
            "avg_pool_3x3": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        }
        self.choices = nn.ModuleList([every[name]() for name in primitives])

    def forward(self, x, multipliers):
        made = [0 * x if choice is None else choice(x) for choice in self.choices]
        return sum(multiplier * each for multiplier, each in zip(multipliers, made, strict=True))


class NaiveCell(nn.Module):
    def __init__(self, primitives, c):
        super().__init__()
        self.edges = nn.ModuleDict({f"{to} {of}": NaiveEdge(primitives, c) for to, of in EDGES})

    def forward(self, x, multipliers_EK):
        m = dict(zip(EDGES, multipliers_EK, strict=True))
        one = self.edges["1 0"](x, m[1, 0])
        two = self.edges["2 0"](x, m[2, 0]) + self.edges["2 1"](one, m[2, 1])
        return self.edges["3 0"](x, m[3, 0]) + self.edges["3 1"](one, m[3, 1]) + self.edges["3 2"](two, m[3, 2])


class NaiveResidual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.long = nn.Sequential(relu_conv_bn(c, 2 * c, 3, True, stride=2), relu_conv_bn(2 * c, 2 * c, 3, True))
        self.short = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(c, 2 * c, 1, bias=False))

    def forward(self, x):
        return self.long(x) + self.short(x)


class NaiveSupernet(nn.Module):
    def __init__(self, primitives, weighting, c, cells, classes):
        super().__init__()
        self.weighting = weighting
        self.alphas = nn.Parameter(torch.zeros(6, len(primitives)))
        self.stem = nn.Sequential(nn.Conv2d(3, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))
        self.body = nn.ModuleList()
        for stage in range(3):
            if stage:
                self.body.append(NaiveResidual(c))
                c *= 2
            self.body.extend(NaiveCell(primitives, c) for _ in range(cells))
        self.head = nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(c, classes)

    def forward(self, x):
        w = torch.exp(self.alphas) / torch.exp(self.alphas).sum(dim=1, keepdim=True)
        multipliers = w if self.weighting == "scalar" else 1 - w.max(dim=1, keepdim=True).values + w
        x = self.stem(x)
        for module in self.body:
            x = module(x, multipliers) if isinstance(module, NaiveCell) else module(x)
        return self.classifier(self.head(x))

    def alpha_parameters(self):
        return [self.alphas]

    def weight_parameters(self):
        return [value for value in self.parameters() if value is not self.alphas]


def copy_weights(ours, naive):
    """Give the naive network the weights of ours, whose convolutions of several edges lie in one kernel."""
    naive.alphas.data.copy_(ours.alphas)
    pairs = [*zip(ours.stem.parameters(), naive.stem.parameters(), strict=True)]
    pairs += zip([*ours.head.parameters()], [*naive.head.parameters(), *naive.classifier.parameters()], strict=True)
    for module, twin in zip(ours.stages, naive.body, strict=True):
        if isinstance(twin, NaiveResidual):
            own = [*module.first.parameters(), *module.second.parameters(), *module.shortcut.parameters()]
            pairs += zip(own, twin.parameters(), strict=True)
            continue
        for node, source in enumerate(module.sources):
            leaving = [to for to, of in EDGES if of == node]
            for name, block in source.blocks.items():
                for kernel, to in zip(block.body.weight.chunk(len(leaving)), leaving, strict=True):
                    choice = twin.edges[f"{to} {node}"].choices[ours.space.primitives.index(name)]
                    pairs.append((kernel, choice[1].weight))
    assert sum(value.numel() for value, _ in pairs) == sum(value.numel() for value in naive.weight_parameters())
    for value, target in pairs:
        target.data.copy_(value)


@pytest.mark.parametrize("order", [FirstOrder, SecondOrder])
@pytest.mark.parametrize(
    ("weighting", "primitives", "cells"),
    [
        ("scalar", OPERATIONS, 1),
        ("max_w", OPERATIONS, 2),
        ("max_w", ("avg_pool_3x3", "nor_conv_3x3"), 1),
        ("scalar", ("nor_conv_1x1", "none"), 1),
        ("max_w", ("none", "skip_connect"), 1),
    ],
)
def test_the_supernet_is_a_naive_one(weighting, primitives, cells, order):
    ours = supernet(weighting, primitives, cells)
    nn.init.normal_(ours.alphas)
    naive = NaiveSupernet(primitives, weighting, 2, cells, 3)
    copy_weights(ours, naive)
    alphas_batch, weights_batch = batch(), batch()

    found = []
    for network in (ours, naive):
        settings = {"momentum": 0.9, "weight_decay": 0.01, "grad_clip": None, "arch_weight_decay": 0.0}
        bilevel = order(network, **settings, arch_learning_rate=0.1)
        bilevel.set_learning_rate(0.1)
        _, logits = bilevel.alphas_step(alphas_batch, weights_batch)
        found.append((logits, network.alphas.grad))

    logits, gradients = zip(*found, strict=True)
    torch.testing.assert_close(*logits, rtol=0, atol=1e-12)
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)
    assert gradients[0].abs().max() > 1e-5


@pytest.mark.parametrize("digits", ["333132", "111111", "000000", "010234", "243410"])
def test_the_network_of_a_cell_is_the_supernet_in_which_nothing_else_counts(digits):
    cell = NasBench201Cell.from_digits(digits)
    network = supernet(cells=2)
    chosen = torch.eye(len(OPERATIONS))[[int(digit) for digit in digits]]
    network._weighting = lambda _: chosen
    final = build_network(
        cell, network="nas_bench_201", operations="ssc", channels=2, layers=6, classes=3, auxiliary=False
    )
    final.stem.load_state_dict(network.stem.state_dict())
    final.head.load_state_dict(network.head.state_dict())
    for module, twin in zip(network.stages, final.stages, strict=True):
        if not hasattr(twin, "edges"):
            twin.load_state_dict(module.state_dict())
            continue
        for (to, of), name in zip(EDGES, cell.operations, strict=True):
            if "conv" in name:
                leaving = [target for target, source in EDGES if source == of]
                kernels = module.sources[of].blocks[name].body.weight.chunk(len(leaving))
                twin.edges[f"{to}_from_{of}"].body.weight.data.copy_(kernels[leaving.index(to)])
    x, _ = batch()

    logits, nothing = final(x)

    assert nothing is None
    torch.testing.assert_close(logits, network(x), rtol=0, atol=1e-12)


def test_activations_computed_twice_give_the_same_gradients_to_the_last_bit():
    x, labels = batch()
    found = []
    for again in (False, True):
        torch.manual_seed(0)
        network = supernet("max_w", activation_checkpointing=again)
        nn.functional.cross_entropy(network(x), labels).backward()
        found.append([*(value.grad for value in network.parameters()), *network.buffers()])

    kept, computed = found
    assert len(kept) > 50
    assert [torch.equal(one, other) for one, other in zip(kept, computed, strict=True)] == [True] * len(kept)


@pytest.mark.parametrize("size", [5, 6, 7])
def test_images_of_any_size_are_halved_twice(size):
    network = supernet()

    assert network(torch.randn(2, 3, size, size)).shape == (2, 3)
