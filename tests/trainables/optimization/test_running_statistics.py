"""Which images the running statistics of a supernet's batch norms see: the weights' and no others, in either order.

They matter where a supernet is evaluated.
"""

import pytest
import torch
from torch import nn

from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.spaces import SearchSpace
from trainables.optimization.bilevel import FirstOrder, SecondOrder

SPACE = SearchSpace(name="", primitives=("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3"), operations="ssc")


@pytest.fixture
def network():
    return CellSupernet(space=SPACE, weighting="max_w", channels=2, layers=3, classes=3)


def statistics(network):
    return {
        f"{name}.{buffer}": value.clone()
        for name, norm in network.named_modules()
        if isinstance(norm, nn.BatchNorm2d)
        for buffer, value in norm.named_buffers()
    }


@pytest.mark.parametrize("order", [FirstOrder, SecondOrder])
def test_only_the_images_of_the_weights_are_seen(network, order):
    steps = order(
        network, momentum=0.9, weight_decay=3e-4, grad_clip=5.0, arch_learning_rate=0.1, arch_weight_decay=1e-3
    )
    steps.set_learning_rate(0.1)
    weights_batch, alphas_batch = ((torch.randn(4, 3, 8, 8), torch.arange(4) % 3) for _ in range(2))
    before = statistics(network)

    steps.alphas_step(alphas_batch, weights_batch)
    after_alphas = statistics(network)
    steps.weights_step(weights_batch)
    after_weights = statistics(network)

    assert len(before) > 100
    assert [name for name, value in before.items() if not torch.equal(value, after_alphas[name])] == []
    assert [name for name, value in before.items() if torch.equal(value, after_weights[name])] == []
