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


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("size", [(32, 32), (31, 34)])
def test_in_half_precision_gradients_of_wide_maps_are_right_and_the_same_at_every_call(dtype, autocast, size):
    """PyTorch's own of dilated ones are neither, in bfloat16."""
    layer = Depthwise(4, 3, dilation=2).float()
    x = torch.randn(2, 4, *size, dtype=torch.float32).to(memory_format=torch.channels_last)
    upstream = torch.randn_like(x).to(dtype)
    expected = torch.autograd.grad(layer(x), layer.weight, upstream.float())[0]

    if not autocast:
        layer, x = layer.to(dtype), x.to(dtype)
    found = []
    for _ in range(3):
        torch.full((100_000,), torch.nan)  # what lies about in memory
        with torch.autocast("cpu", dtype, enabled=autocast):
            y = layer(x)
        assert y.dtype == dtype
        found.append(torch.autograd.grad(y, layer.weight, upstream)[0].float())

    torch.testing.assert_close(found[0], expected, rtol=0.02, atol=0.5)
    assert all(torch.equal(again, found[0]) for again in found)
