"""Exact costs: the published sizes, and two independent ways of counting."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from trainables.architecture.cell_network import CellNetwork
from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.complexity import count, genotype_cost, supernet_cost
from trainables.architecture.published import PUBLISHED
from trainables.architecture.spaces import SPACES

GOLDENS = json.loads((Path(__file__).parent / "goldens" / "costs.json").read_text())


@pytest.mark.parametrize(
    "golden", GOLDENS["genotypes"], ids=lambda g: f"{g['genotype']}-{g['operations']}-{g['layers']}"
)
def test_the_published_sizes_come_out(golden):
    cost = genotype_cost(
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


@pytest.mark.parametrize("golden", GOLDENS["supernets"], ids=lambda golden: golden["space"])
def test_the_supernets_have_the_released_size(golden):
    cost = supernet_cost(SPACES[golden["space"]], channels=golden["channels"], layers=golden["layers"])

    assert (cost.params, cost.macs) == (golden["params"], golden["macs"])


def counted_by_hooks(network, x):
    """Add up, on real numbers, what each layer of a naive network does."""
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


@pytest.mark.parametrize(("name", "operations"), [("AmoebaNet", "original"), ("SHARPER_MAX_W", "ssc")])
def test_a_naive_network_counted_by_hooks_costs_the_same(naive, name, operations):
    theirs = naive.Network(PUBLISHED[name], operations, 4, 3, 10)
    cost = genotype_cost(PUBLISHED[name], operations=operations, channels=4, layers=3)

    assert counted_by_hooks(theirs, torch.zeros(1, 3, 32, 32)) == (cost.macs, cost.addmult)
    assert cost.params_with_auxiliary == sum(parameter.numel() for parameter in theirs.parameters())
    auxiliary = sum(parameter.numel() for parameter in theirs.auxiliary.parameters())
    assert cost.params == cost.params_with_auxiliary - auxiliary


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

    assert cost == genotype_cost(PUBLISHED["DARTS_V2"], operations="ssc", channels=4, layers=3)
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
