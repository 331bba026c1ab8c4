"""Exact costs of whole networks: the published sizes, and two independent ways of counting."""

import json
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.complexity import count, count_unbuilt, supernet_cost
from trainables.architecture.final_networks import architecture_cost, build_network
from trainables.architecture.published import PUBLISHED
from trainables.architecture.spaces import MULTICHANNEL_SPACES, SPACES, look_up_space

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


@pytest.mark.parametrize("network", ["cifar", "imagenet"])
@pytest.mark.parametrize(
    ("name", "operations"),
    [*((name, "ssc") for name in PUBLISHED), ("AmoebaNet", "original"), ("DARTS_V2", "original")],
)
def test_a_naive_network_counted_by_hooks_costs_the_same(naive, name, operations, network):
    theirs = naive.Network(PUBLISHED[name], operations, 2, 3, 10, middle=7, imagenet=network == "imagenet")
    build = partial(build_network, PUBLISHED[name], network=network, operations=operations, mid_channels=7)
    cost = count_unbuilt(lambda: build(channels=2, layers=3, classes=10, auxiliary=True))

    assert naive.counted_by_hooks(theirs, torch.zeros(1, 3, 32, 32)) == (cost.macs, cost.addmult)
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


def test_the_default_multichannelnet_has_the_released_size():
    cost = supernet_cost(MULTICHANNEL_SPACES["multichannel"])

    assert (cost.alphas, cost.params, cost.macs) == (256, 8_930_122, 1_310_334_336)
