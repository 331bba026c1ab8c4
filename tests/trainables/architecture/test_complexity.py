"""How costs are counted: as by hooks on a naive network, and without a trace on the network."""

import pytest
import torch
from torch import nn

from trainables.architecture.cell_network import CellNetwork
from trainables.architecture.complexity import count
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.published import PUBLISHED
from trainables.architecture.published_paths import PUBLISHED_PATHS


@pytest.mark.parametrize("network", ["multichannel", "multichannel_released"])
@pytest.mark.parametrize("name", PUBLISHED_PATHS)
def test_a_naive_path_counted_by_hooks_costs_the_same(naive, name, network):
    steps = PUBLISHED_PATHS[name].steps[: 7 if network == "multichannel_released" else 8]
    first, last = steps[0].channels_in, steps[-1].channels_out
    theirs = nn.Sequential(
        nn.Conv2d(3, first, 3, padding=1, bias=False),
        nn.BatchNorm2d(first),
        *(naive.scaling(step.operation, step.channels_in, step.channels_out, step.stride) for step in steps),
        naive.separable(last, 768, 3, 1, True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(768, 10),
    )
    cost = architecture_cost(PUBLISHED_PATHS[name], network=network)

    assert naive.counted_by_hooks(theirs.float(), torch.zeros(1, 3, 32, 32).float()) == (cost.macs, cost.addmult)
    assert cost.params == cost.params_with_auxiliary == sum(parameter.numel() for parameter in theirs.parameters())


def build(auxiliary):
    return CellNetwork(
        genotype=PUBLISHED["DARTS_V2"], operations="ssc", channels=4, layers=3, classes=10, auxiliary=auxiliary
    )


def test_counting_a_network_leaves_it_alone():
    network = build(auxiliary=True)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    hooks = sum(len(module._forward_hooks) for module in network.modules())

    cost = count(network)

    assert cost == architecture_cost(PUBLISHED["DARTS_V2"], operations="ssc", channels=4, layers=3)
    assert network.training
    assert sum(len(module._forward_hooks) for module in network.modules()) == hooks == 0
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_without_an_auxiliary_head_both_counts_of_parameters_agree():
    cost = count(build(auxiliary=False))

    assert cost.params == cost.params_with_auxiliary == count(build(auxiliary=True)).params


def test_arithmetic_grows_with_the_image_and_parameters_do_not():
    small, large = count(build(auxiliary=False), (3, 16, 16)), count(build(auxiliary=False), (3, 32, 32))

    assert large.params == small.params
    assert 3.9 < large.macs / small.macs <= 4
