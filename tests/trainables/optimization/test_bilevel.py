"""A first-order step, against its definition written out with a toy network of two levels."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from trainables.optimization.bilevel import FirstOrder
from trainables.optimization.descent import descend, set_learning_rate


class ToyNet(nn.Module):
    """Two linear operations, mixed by the softmax of two alphas."""

    def __init__(self):
        super().__init__()
        self.operations = nn.ModuleList([nn.Linear(6, 3), nn.Linear(6, 3)])
        self.alphas = nn.Parameter(1e-3 * torch.randn(2))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        mix = self.alphas.softmax(0)
        return sum(mix[k] * operation(x.flatten(1)) for k, operation in enumerate(self.operations))

    def weight_parameters(self):
        return list(self.operations.parameters())

    def alpha_parameters(self):
        return [self.alphas]


@pytest.fixture
def network():
    torch.manual_seed(0)
    return ToyNet()


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(8, 6, generator=generator), torch.arange(8) % 3


def first_order(network, grad_clip=5.0):
    bilevel = FirstOrder(
        network,
        momentum=0.9,
        weight_decay=3e-4,
        grad_clip=grad_clip,
        arch_learning_rate=3e-4,
        arch_weight_decay=1e-3,
    )
    bilevel.set_learning_rate(0.1)
    return bilevel


def values(parameters):
    return [parameter.detach().clone() for parameter in parameters]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_alphas_step_moves_only_the_alphas_by_adam(network, batch):
    expected = copy.deepcopy(network)
    adam = torch.optim.Adam([expected.alphas], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    bilevel = first_order(network)

    for _ in range(3):
        loss, logits_BC = bilevel.alphas_step(batch, batch)
        expected_loss = F.cross_entropy(expected(batch[0]), batch[1])
        adam.zero_grad()
        expected_loss.backward()
        adam.step()

        assert torch.equal(loss, expected_loss.detach())
        assert logits_BC.shape == (8, 3)
    assert torch.equal(network.alphas, expected.alphas)
    assert same(network.weight_parameters(), expected.weight_parameters())


def test_the_weights_step_moves_only_the_weights_by_clipped_sgd(network, batch):
    expected = copy.deepcopy(network)
    sgd = torch.optim.SGD(expected.weight_parameters(), lr=0.1, momentum=0.9, weight_decay=3e-4)
    bilevel = first_order(network, grad_clip=0.01)

    for _ in range(3):
        loss, logits_BC = bilevel.weights_step(batch)
        expected_loss = F.cross_entropy(expected(batch[0]), batch[1])
        sgd.zero_grad()
        expected_loss.backward()
        nn.utils.clip_grad_norm_(expected.weight_parameters(), 0.01)
        sgd.step()

        assert torch.equal(loss, expected_loss.detach())
        assert not logits_BC.requires_grad
    assert same(network.weight_parameters(), expected.weight_parameters())
    assert torch.equal(network.alphas, expected.alphas)


def test_each_level_computes_gradients_of_its_own_parameters_only(network, batch):
    bilevel = first_order(network)

    bilevel.alphas_step(batch, batch)
    assert network.alphas.grad is not None
    assert all(weight.grad is None for weight in network.weight_parameters())

    network.alphas.grad = None
    bilevel.weights_step(batch)
    assert network.alphas.grad is None
    assert all(weight.grad is not None for weight in network.weight_parameters())


def test_each_level_takes_one_forward_pass(network, batch):
    bilevel = first_order(network)
    bilevel.alphas_step(batch, batch)
    bilevel.weights_step(batch)

    assert network.calls == 2


def test_the_learning_rate_is_that_of_the_weights_alone(network):
    bilevel = first_order(network)
    bilevel.set_learning_rate(0.03)

    assert [group["lr"] for group in bilevel.weights_optimizer.param_groups] == [0.03]
    assert [group["lr"] for group in bilevel.alphas_optimizer.param_groups] == [3e-4]


def test_a_clipped_step_is_no_longer_than_the_bound():
    parameter = nn.Parameter(torch.zeros(4))
    optimizer = torch.optim.SGD([parameter], lr=0.0)
    set_learning_rate(optimizer, 2.0)
    descend((100 * parameter).sum(), [parameter], optimizer, grad_clip=0.5)

    assert parameter.norm().item() == pytest.approx(2.0 * 0.5, rel=1e-4)
