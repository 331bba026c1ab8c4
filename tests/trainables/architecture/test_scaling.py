"""Operations between different numbers of channels against their naive twins."""

import pytest
import torch
from torch import nn

from trainables.architecture.blocks import Block
from trainables.architecture.paths import PATH_OPERATIONS
from trainables.architecture.scaling import ResizablePool, parts, scaling_operation


@pytest.mark.parametrize("channels", [(3, 5), (4, 2), (4, 4)], ids=str)
@pytest.mark.parametrize("name", PATH_OPERATIONS)
def test_an_operation_computes_what_its_naive_twin_does(naive, name, channels):
    c_in, c_out = channels
    for stride in (1, 2):
        theirs = naive.scaling(name, c_in, c_out, stride)
        ours = scaling_operation(name, channels_in=c_in, channels_out=c_out, stride=stride)
        for parameter, twin in zip(ours.parameters(), theirs.parameters(), strict=True):
            nn.init.normal_(parameter)
            twin.data.copy_(parameter)
        x = torch.randn(3, c_in, 6, 6, requires_grad=True)

        actual, expected = ours(x), theirs(x)
        upstream = torch.randn_like(expected)
        gradients = [torch.autograd.grad(y, [x], upstream)[0] for y in (actual, expected)]

        assert actual.shape == (3, c_out, 6 // stride, 6 // stride)
        torch.testing.assert_close(actual, expected, rtol=0, atol=1e-10)
        torch.testing.assert_close(*gradients, rtol=0, atol=1e-9)
        torch.testing.assert_close(naive.statistics(ours), naive.statistics(theirs), rtol=0, atol=1e-10)
        torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=0, atol=1e-9)


@pytest.mark.parametrize("channels", [(3, 5), (4, 4)], ids=str)
@pytest.mark.parametrize("name", PATH_OPERATIONS)
def test_the_two_parts_of_an_operation_are_the_whole_times_a_number(name, channels):
    for stride in (1, 2):
        operation = scaling_operation(name, channels_in=channels[0], channels_out=channels[1], stride=stride).eval()
        x, number = torch.randn(2, channels[0], 6, 6), torch.tensor(0.3)
        apart = parts(operation)

        torch.testing.assert_close(apart.go_on(apart.begin(x), number), 0.3 * operation(x), rtol=0, atol=1e-12)
        assert not list(apart.begin.parameters())


def test_equal_beginnings_have_equal_keys_and_different_ones_have_not():
    def beginning(name, channels_out=4, stride=1):
        return parts(scaling_operation(name, channels_in=4, channels_out=channels_out, stride=stride)).key

    assert beginning("max_pool_3x3") == beginning("max_pool_3x3", channels_out=8)
    assert beginning("sep_conv_3x3") == beginning("flood_conv_5x5", channels_out=8, stride=2)
    different = [beginning(name, stride=stride) for name in ("max_pool_3x3", "avg_pool_3x3") for stride in (1, 2)]
    assert len({*different, beginning("sep_conv_3x3"), beginning("skip_connect")}) == 6


def test_pools_and_identities_get_a_convolution_only_where_the_channels_change():
    def build(name, channels_out, stride=1):
        return scaling_operation(name, channels_in=4, channels_out=channels_out, stride=stride)

    assert isinstance(build("max_pool_3x3", 4), nn.MaxPool2d)
    assert isinstance(build("skip_connect", 4), nn.Identity)
    pool = build("max_pool_3x3", 8)
    assert isinstance(pool, ResizablePool)
    assert (pool.norm.eps, pool.norm.affine) == (1e-3, True)
    assert isinstance(build("skip_connect", 8), Block)
