"""Batch norms that leave their running statistics alone, and halvings of the size."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from trainables.architecture.blocks import BatchNorm, factorized_reduce, frozen_statistics, sharp_sep_conv


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("affine", [True, False])
def test_frozen_norms_compute_the_same_bits_and_gradients_and_keep_their_statistics(affine):
    block = sharp_sep_conv(4, 4, 3, stride=1, affine=affine)
    twin = copy.deepcopy(block)
    scale_F = torch.randn(4)
    x = torch.randn(3, 4, 6, 6)
    before = state(block)

    with frozen_statistics(block):
        actual = block.rectified(x, scale_F)
    expected = twin.rectified(x, scale_F)
    actual.square().sum().backward()
    expected.square().sum().backward()

    assert torch.equal(actual, expected)
    for parameter, other in zip(block.parameters(), twin.parameters(), strict=True):
        assert torch.equal(parameter.grad, other.grad)
    assert same(state(block), before)
    assert not same(state(twin), before)


def test_statistics_move_again_afterwards_also_after_an_error():
    norm = BatchNorm(2)
    with pytest.raises(ZeroDivisionError), frozen_statistics(nn.Sequential(norm)), frozen_statistics(norm):
        raise ZeroDivisionError
    norm(torch.randn(3, 2, 4, 4))

    assert norm.num_batches_tracked == 1


def test_leaving_an_inner_freeze_leaves_the_outer_one():
    norm = BatchNorm(2)
    with frozen_statistics(norm):
        with frozen_statistics(norm):
            pass
        norm(torch.randn(3, 2, 4, 4))

    assert norm.num_batches_tracked == 0


def test_in_eval_mode_a_frozen_norm_uses_its_running_statistics():
    norm = BatchNorm(2).eval()
    x = 3 + torch.randn(3, 2, 4, 4)
    with frozen_statistics(norm):
        torch.testing.assert_close(norm(x), x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_a_scaled_norm_is_the_norm_times_the_scale(affine, training):
    norm = BatchNorm(4, affine=affine).train(training)
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    plain = copy.deepcopy(norm)
    x, scale_F = torch.randn(3, 4, 6, 6), torch.randn(4)

    actual, expected = norm(x, scale_F), plain(x) * scale_F[:, None, None]

    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-13)
    assert same(state(norm), state(plain))


@pytest.fixture
def threads(request):
    """Some intra-op threads, and the process's own number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


class StridesOfConvolutions(TorchDispatchMode):
    """Notes those of all convolutions that are computed."""

    def __init__(self):
        super().__init__()
        self.noted = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.convolution.default:
            self.noted.append(args[3])
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("threads", [1, 2], indirect=True)
@pytest.mark.parametrize("size", [8, 31, 56])
@pytest.mark.parametrize("channels", [1, 4, 8, 16, 36])
def test_on_a_cpu_every_second_pixel_is_picked_before_its_convolution(channels, size, threads):
    """Always: a library's gradients of stride 2 are wrong or worse for few channels, of which it depends on the CPU."""
    halving = factorized_reduce(channels, 6, affine=True).body.float().to(memory_format=torch.channels_last)
    x = torch.randn(2, channels, size, size, dtype=torch.float32).contiguous(memory_format=torch.channels_last)
    with StridesOfConvolutions() as strides, torch.no_grad():
        halving(x)
    assert strides.noted == [[1, 1], [1, 1]]

    x.requires_grad_()
    weight = halving.even.weight
    actual, expected = halving.even(x), F.conv2d(x[:, :, ::2, ::2], weight)
    upstream = torch.randn_like(expected)

    assert torch.equal(actual, expected)
    for ours, theirs in zip(
        torch.autograd.grad(actual, [x, weight], upstream),
        torch.autograd.grad(expected, [x, weight], upstream),
        strict=True,
    ):
        assert torch.equal(ours, theirs)
