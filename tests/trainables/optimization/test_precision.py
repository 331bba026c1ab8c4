"""Precisions: which numbers are rounded, which are not, and that float16 survives an overflow and an interruption."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parameters_to_vector

from trainables.optimization.descent import descend
from trainables.optimization.precision import Precision

CPU = torch.device("cpu")


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(8, 6, generator=generator), torch.arange(8) % 3


def step(network, batch, optimizer, precision, *, factor=1.0):
    x, labels = batch
    with precision.compute():
        logits = network(x)
    loss = factor * F.cross_entropy(logits.float(), labels, reduction="sum") / len(labels)
    descend(loss, list(network.parameters()), optimizer, grad_clip=5.0, precision=precision)


def sgd(network):
    return torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)


@pytest.mark.parametrize("name", ["fp32", "tf32"])
def test_full_precision_on_a_cpu_is_plain_float32(network, batch, name):
    plain = copy.deepcopy(network)
    step(network, batch, sgd(network), Precision(name, CPU))

    optimizer = sgd(plain)
    x, labels = batch
    descend(F.cross_entropy(plain(x), labels, reduction="sum") / 8, list(plain.parameters()), optimizer, grad_clip=5.0)
    assert torch.equal(parameters_to_vector(network.parameters()), parameters_to_vector(plain.parameters()))


@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_half_precision_rounds_activations_and_keeps_parameters_in_float32(network, batch, name, dtype):
    precision = Precision(name, CPU)
    with precision.compute():
        assert network(batch[0]).dtype == dtype
    full = copy.deepcopy(network)

    step(network, batch, sgd(network), precision)
    step(full, batch, sgd(full), Precision("fp32", CPU))

    for rounded, exact in zip(network.parameters(), full.parameters(), strict=True):
        assert rounded.dtype == torch.float32
        assert torch.allclose(rounded, exact, atol=5e-3)


def test_an_overflow_in_float16_leaves_the_step_out_and_lowers_the_scale(network, batch):
    precision, before = Precision("fp16", CPU), copy.deepcopy(network)
    scale = precision.state()["scale"]

    step(network, batch, sgd(network), precision, factor=1e36)

    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), before.parameters(), strict=True))
    assert precision.state()["scale"] == scale / 2


def test_the_scale_is_part_of_the_state(network, batch):
    first = Precision("fp16", CPU)
    step(network, batch, sgd(network), first, factor=1e36)

    second = Precision("fp16", CPU)
    second.load(first.state())

    assert second.state() == first.state()
    Precision("fp32", CPU).load(Precision("fp32", CPU).state())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["tf32", "bf16", "fp16"])
def test_each_precision_steps_on_a_gpu(network, batch, name):
    device = torch.device("cuda")
    network, batch = network.to(device), tuple(part.to(device) for part in batch)
    precision = Precision(name, device)
    precision.set_up()
    before = copy.deepcopy(network)

    step(network, batch, sgd(network), precision)

    assert any(not torch.equal(a, b) for a, b in zip(network.parameters(), before.parameters(), strict=True))
