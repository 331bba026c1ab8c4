"""Networks of paths: Table 4's sizes, a naive twin, the released form."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from trainables.architecture.complexity import count
from trainables.architecture.path_network import PathNetwork
from trainables.architecture.paths import PATH_OPERATIONS, MultiChannelPath, PathStep
from trainables.architecture.published_paths import PUBLISHED_PATHS

TABLE_4 = [
    # name, operations; parameters, multiply-accumulates and +× in millions, as counted with the released code
    ("MULTI_CHANNEL_GREEDY_SCALAR_TOP_DOWN", 7, 753_578, 22.96, 23.65),  # Scalar: 0.8 and 23
    ("MULTI_CHANNEL_HANDMADE_PATH", 7, 1_035_882, 24.69, 25.32),  # Handmade: 1.0 and 25
    ("MULTI_CHANNEL_GREEDY_MAX_W_TOP_DOWN", 7, 852_170, 30.33, 31.02),  # Max-W: 0.9 and 31
    # the others are not in the paper
    ("MULTI_CHANNEL_SCALAR_PATH", 7, 862_890, 27.12, 27.85),
    ("MULTI_CHANNEL_SCALAR_PATH", 8, 862_890, 17.58, 18.25),
    ("MULTI_CHANNEL_MAX_W_PATH", 7, 1_033_802, 73.06, 74.69),
    ("MULTI_CHANNEL_MAX_W_PATH", 8, 1_033_802, 63.52, 65.09),
    ("MULTI_CHANNEL_HANDMADE_PATH", 8, 1_035_882, 15.14, 15.71),
]


def path_of(*steps):
    return MultiChannelPath(
        steps=tuple(PathStep(operation=o, channels_in=i, channels_out=c, stride=s) for o, i, c, s in steps)
    )


SMALL = path_of(
    ("sep_conv_3x3", 4, 6, 1), ("max_pool_3x3", 6, 3, 2), ("skip_connect", 3, 5, 1), ("dil_flood_conv_3x3", 5, 5, 2)
)


def naive_twin(naive, ours, path, head_channels, classes):
    """The operations in a row, with the numbers of ours."""
    first, last = path[0].channels_in, path[-1].channels_out
    theirs = nn.Sequential(
        nn.Conv2d(3, first, 3, padding=1, bias=False),
        nn.BatchNorm2d(first),
        *(naive.scaling(step.operation, step.channels_in, step.channels_out, step.stride) for step in path),
        naive.separable(last, head_channels, 3, 1, True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(head_channels, classes),
    )
    for source, target in zip(ours.parameters(), theirs.parameters(), strict=True):
        nn.init.normal_(source)
        target.data.copy_(source)
    return theirs


@pytest.mark.parametrize(("name", "operations", "params", "macs", "addmult"), TABLE_4)
def test_the_sizes_of_table_4_come_out(name, operations, params, macs, addmult):
    network = PathNetwork(path=PUBLISHED_PATHS[name], classes=10, released=operations == 7)
    cost = count(network)

    assert len(network.operations) == operations
    assert cost.params == params
    assert (round(cost.macs / 1e6, 2), round(cost.addmult / 1e6, 2)) == (macs, addmult)


@pytest.mark.parametrize("released", [False, True], ids=["full", "released"])
def test_the_network_equals_a_naive_one_to_the_last_digits(naive, released):
    ours = PathNetwork(path=SMALL, classes=3, head_channels=8, released=released)
    theirs = naive_twin(naive, ours, SMALL.steps[: 3 if released else 4], 8, 3)
    x, labels = torch.randn(3, 3, 8, 8), torch.tensor([0, 1, 2])

    logits, auxiliary = ours(x)
    expected = theirs(x)
    gradients = [
        torch.autograd.grad(F.cross_entropy(y, labels), n.parameters()) for y, n in ((logits, ours), (expected, theirs))
    ]

    assert auxiliary is None
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(*gradients, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(naive.statistics(ours), naive.statistics(theirs), rtol=0, atol=1e-10)
    torch.testing.assert_close(ours.eval()(x)[0], theirs.eval()(x), rtol=0, atol=1e-9)


def test_the_released_form_lacks_the_last_operation_and_looks_at_a_map_of_twice_the_size():
    x, seen = torch.randn(2, 3, 8, 8), []
    for released in (False, True):
        network = PathNetwork(path=SMALL, classes=3, head_channels=8, released=released)
        network.last.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0].shape, output.shape)))
        network(x)

    assert seen == [((2, 5, 2, 2), (2, 8, 2, 2)), ((2, 5, 4, 4), (2, 8, 4, 4))]


def test_a_path_of_one_operation_is_released_without_any():
    network = PathNetwork(path=path_of(("sep_conv_3x3", 4, 6, 2)), classes=3, head_channels=8, released=True)

    assert len(network.operations) == 0
    assert network(torch.randn(2, 3, 8, 8))[0].shape == (2, 3)


def test_every_operation_can_stand_in_a_path():
    steps = [(name, 2 + position % 2, 2 + (position + 1) % 2, 1) for position, name in enumerate(PATH_OPERATIONS)]
    network = PathNetwork(path=path_of(*steps), classes=3, head_channels=4)

    assert network(torch.randn(2, 3, 6, 6))[0].isfinite().all()
