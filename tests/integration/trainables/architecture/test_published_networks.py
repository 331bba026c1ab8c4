"""Every published architecture takes a step of training, as every network that can be made of it."""

import pytest
import torch

from trainables.architecture.drop_path import draw_keep
from trainables.architecture.final_networks import build_network
from trainables.architecture.genotype import ARCHITECTURES, InvalidGenotype, check_operations
from trainables.architecture.published import PUBLISHED
from trainables.architecture.published_paths import PUBLISHED_PATHS

SIZES = {"channels": 2, "layers": 3, "classes": 3, "mid_channels": 5}


def buildable():
    for name, genotype in PUBLISHED.items():
        for operations in ("ssc", "original"):
            try:
                check_operations(genotype, operations)
            except InvalidGenotype:
                continue
            yield pytest.param(name, operations, id=f"{name}-{operations}")


@pytest.mark.parametrize(("name", "operations"), list(buildable()))
def test_every_published_genotype_takes_a_step(name, operations):
    network = build_network(PUBLISHED[name], network="cifar", operations=operations, auxiliary=True, **SIZES)
    keep_DB = draw_keep(network.droppable, 2, drop_path=0.2, generator=torch.Generator().manual_seed(0))
    before = network.stem[0].weight.clone()

    logits, auxiliary = network(torch.randn(2, 3, 32, 32), keep_DB)
    (logits.sum() + auxiliary.square().sum()).backward()
    torch.optim.SGD(network.parameters(), lr=0.1).step()

    assert logits.shape == auxiliary.shape == (2, 3)
    assert not torch.equal(network.stem[0].weight, before)
    assert all(torch.isfinite(parameter).all() for parameter in network.parameters())


def test_all_published_genotypes_build_with_the_sharp_operations():
    assert [case.values[0] for case in buildable() if case.values[1] == "ssc"] == list(PUBLISHED)


@pytest.mark.parametrize(
    ("name", "network"),
    [
        *((name, "imagenet") for name in PUBLISHED),
        *((name, "multichannel") for name in PUBLISHED_PATHS),
        ("MULTI_CHANNEL_HANDMADE_PATH", "multichannel_released"),
    ],
)
def test_every_published_architecture_takes_a_step(name, network):
    built = build_network(ARCHITECTURES[name], network=network, operations="ssc", auxiliary=False, **SIZES).float()
    before = built.stem[-2].weight.clone()

    size = 32 if network == "imagenet" else 8
    logits, auxiliary = built(torch.randn(3, 3, size, size, dtype=torch.float32))
    logits.square().sum().backward()
    torch.optim.SGD(built.parameters(), lr=0.1).step()

    assert (logits.shape, auxiliary) == ((3, 3), None)
    assert not torch.equal(built.stem[-2].weight, before)
    assert all(torch.isfinite(parameter).all() for parameter in built.parameters())
