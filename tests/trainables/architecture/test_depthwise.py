"""Depthwise convolutions by phases against the ordinary ones."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from trainables.architecture.depthwise import FEW_CHANNELS, Depthwise

SIZES = [(8, 6), (2, 2), (5, 6)]


@pytest.mark.parametrize(("kernel", "stride", "dilation"), list(itertools.product((1, 3, 5), (1, 2), (1, 2))))
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [3, FEW_CHANNELS])
def test_phases_give_the_values_and_gradients_of_the_ordinary_convolution(channels, kernel, stride, dilation, size):
    layer = Depthwise(channels, kernel, stride=stride, dilation=dilation)
    x = torch.randn(2, channels, *size, requires_grad=True)
    expected = F.conv2d(x, layer.weight, None, stride, dilation * (kernel // 2), dilation, channels)

    actual = layer(x)
    upstream = torch.randn_like(expected)

    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)
    for ours, theirs in zip(
        torch.autograd.grad(actual, [x, layer.weight], upstream),
        torch.autograd.grad(expected, [x, layer.weight], upstream),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(4, 1, 1), (3, 3, 1), (3, 1, 3)])
def test_what_phases_cannot_do_is_refused(kernel, stride, dilation):
    with pytest.raises(AssertionError):
        Depthwise(3, kernel, stride=stride, dilation=dilation)
