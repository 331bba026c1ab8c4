"""Exact costs: the published sizes, and two independent ways of counting."""

import json
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from trainables.architecture.cell_network import CellNetwork
from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.complexity import count, count_unbuilt, supernet_cost
from trainables.architecture.final_networks import architecture_cost, build_network
from trainables.architecture.published import PUBLISHED
from trainables.architecture.published_paths import PUBLISHED_PATHS
from trainables.architecture.spaces import SPACES, look_up_space

GOLDENS = json.loads((Path(__file__).parent / "goldens" / "costs.json").read_text())


@pytest.mark.parametrize(
    "golden", GOLDENS["genotypes"], ids=lambda g: f"{g['genotype']}-{g['operations']}-{g['layers']}"
)
def test_the_published_sizes_come_out(golden):
    cost = architecture_cost(
        PUBLISHED[golden["genotype"]],
        operations=golden["operations"],
        channels=golden["channels"],
        layers=golden["layers"],
        mid_channels=golden["mid_channels"],
    )

    for name in ("params", "params_with_auxiliary", "macs", "addmult"):
        assert getattr(cost, name) == golden[name], name
    for name, millions in golden["millions"].items():
        if millions is not None:
            assert (Decimal(golden[name]) / 10**6).quantize(Decimal(millions)) == Decimal(millions), name


@pytest.mark.parametrize("golden", GOLDENS["imagenet"], ids=lambda g: f"{g['genotype']}-{g['mid_channels']}")
def test_the_published_sizes_of_imagenet_networks_come_out(golden):
    cost = architecture_cost(
        PUBLISHED[golden["genotype"]],
        network="imagenet",
        operations=golden["operations"],
        mid_channels=golden["mid_channels"],
    )

    for name in ("params", "params_with_auxiliary", "macs", "addmult"):
        assert getattr(cost, name) == golden[name], name
    for name, millions in golden["millions"].items():
        assert (Decimal(golden[name]) / 10**6).quantize(Decimal(millions)) == Decimal(millions), name


@pytest.mark.parametrize("golden", GOLDENS["supernets"], ids=lambda golden: golden["space"])
def test_the_supernets_have_the_released_size(golden):
    size = {name: golden[name] for name in ("channels", "layers") if name in golden}
    cost = supernet_cost(look_up_space(golden["space"]), **size)

    assert (cost.params, cost.macs, cost.alphas) == (golden["params"], golden["macs"], golden["alphas"])
    assert cost.params_with_auxiliary == cost.params


def counted_by_hooks(network, x):
    """Add up what each layer of a naive network does."""
    total = {"macs": 0, "others": 0}

    def hook(module, inputs, output):
        if isinstance(module, nn.Conv2d):
            height, width = module.kernel_size
            total["macs"] += output.numel() * height * width * module.in_channels // module.groups
        elif isinstance(module, nn.Linear):
            total["macs"] += module.in_features * module.out_features
        elif isinstance(module, nn.ReLU):
            total["others"] += output.numel()
        elif "Pool" in type(module).__name__:
            total["others"] += inputs[0].numel()
        elif isinstance(module, nn.BatchNorm2d):
            total["others"] += 2 * inputs[0].numel()

    for module in network.modules():
        module.register_forward_hook(hook)
    with torch.no_grad():
        network.eval()(x)
    return total["macs"], total["macs"] + total["others"]


@pytest.mark.parametrize("network", ["cifar", "imagenet"])
@pytest.mark.parametrize(
    ("name", "operations"),
    [*((name, "ssc") for name in PUBLISHED), ("AmoebaNet", "original"), ("DARTS_V2", "original")],
)
def test_a_naive_network_counted_by_hooks_costs_the_same(naive, name, operations, network):
    theirs = naive.Network(PUBLISHED[name], operations, 2, 3, 10, middle=7, imagenet=network == "imagenet")
    build = partial(build_network, PUBLISHED[name], network=network, operations=operations, mid_channels=7)
    cost = count_unbuilt(lambda: build(channels=2, layers=3, classes=10, auxiliary=True))

    assert counted_by_hooks(theirs, torch.zeros(1, 3, 32, 32)) == (cost.macs, cost.addmult)
    assert cost.params_with_auxiliary == sum(parameter.numel() for parameter in theirs.parameters())
    auxiliary = sum(parameter.numel() for parameter in theirs.auxiliary.parameters())
    assert cost.params == cost.params_with_auxiliary - auxiliary


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

    assert counted_by_hooks(theirs.float(), torch.zeros(1, 3, 32, 32).float()) == (cost.macs, cost.addmult)
    assert cost.params == cost.params_with_auxiliary == sum(parameter.numel() for parameter in theirs.parameters())


def test_torch_counts_the_same_multiplications():
    network = CellSupernet(space=SPACES["darts_ssc"], weighting="max_w", channels=2, layers=3, classes=10)
    cost = count(network, (3, 16, 16))
    network = network.eval().to("meta")  # where depthwise convolutions are not taken apart into phases
    x = torch.zeros(1, 3, 16, 16, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x)
    mixing = sum(flops for name, flops in counter.get_flop_counts()["Global"].items() if name is torch.ops.aten.mm)

    assert (counter.get_total_flops() - mixing) // 2 == cost.macs


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
