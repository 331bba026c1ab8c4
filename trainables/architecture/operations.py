"""How each named operation of a cell is built: `OPERATIONS["ssc"]["sep_conv_3x3"](channels_in=..., ...)`.

`ssc` makes every separable convolution a SharpSepConv (arXiv:1903.09900, Table 1); `original` are the operations of
DARTS (arXiv:1806.09055). They differ in dil_conv, in what avg_pool counts at the border, and in the epsilon of one
batch norm; only `ssc` has flood and choke. To add an operation: its name in `spaces.py`, one line here.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from torch import nn

from trainables.architecture.blocks import Block, Zero, conv_1x7_7x1, dil_conv, factorized_reduce, sharp_sep_conv
from trainables.architecture.spaces import NONE

CHOKE_CHANNELS = 32
"""Channels in the middle of a choke_conv where nothing else is asked for."""
FLOOD = 4
"""A flood_conv has this many times its output channels in the middle."""


class Builder(Protocol):
    """Make one operation, or `copies` of it side by side (see `blocks.py`).

    Args:
        channels_in, channels_out: of one copy.
        stride: 1, or 2 to halve height and width.
        affine: whether batch norms learn a scale and a shift.
        mid_channels: channels in the middle of a choke_conv; other operations take no notice.
    """

    def __call__(
        self,
        *,
        channels_in: int,
        channels_out: int,
        stride: int,
        affine: bool,
        mid_channels: int | None = None,
        copies: int = 1,
    ) -> nn.Module: ...


def _conv(make: Callable[..., Block]) -> Builder:
    """Make a builder of a block that has no use for `mid_channels`."""

    def build(
        *,
        channels_in: int,
        channels_out: int,
        stride: int,
        affine: bool,
        mid_channels: int | None = None,
        copies: int = 1,
    ) -> Block:
        return make(channels_in, channels_out, stride=stride, affine=affine, copies=copies)

    return build


def _flood(kernel: int, dilation: int = 1) -> Builder:
    def make(channels_in: int, channels_out: int, *, stride: int, affine: bool, copies: int) -> Block:
        return sharp_sep_conv(
            channels_in,
            channels_out,
            kernel,
            stride=stride,
            affine=affine,
            dilation=dilation,
            middle=FLOOD * channels_out,
            copies=copies,
        )

    return _conv(make)


def _choke(kernel: int, dilation: int = 1) -> Builder:
    def build(
        *,
        channels_in: int,
        channels_out: int,
        stride: int,
        affine: bool,
        mid_channels: int | None = None,
        copies: int = 1,
    ) -> Block:
        return sharp_sep_conv(
            channels_in,
            channels_out,
            kernel,
            stride=stride,
            affine=affine,
            dilation=dilation,
            middle=CHOKE_CHANNELS if mid_channels is None else mid_channels,
            copies=copies,
        )

    return build


def _without_channels(make: Callable[[int], nn.Module]) -> Builder:
    """Make a builder of something that only depends on the stride and works on any number of copies."""

    def build(
        *,
        channels_in: int,
        channels_out: int,
        stride: int,
        affine: bool,
        mid_channels: int | None = None,
        copies: int = 1,
    ) -> nn.Module:
        assert channels_in == channels_out, "zeros, pools and identities keep the number of channels"
        return make(stride)

    return build


def _skip_connect(
    *,
    channels_in: int,
    channels_out: int,
    stride: int,
    affine: bool,
    mid_channels: int | None = None,
    copies: int = 1,
) -> nn.Module:
    if stride == 1:
        assert channels_in == channels_out, "an identity keeps the number of channels"
        return nn.Identity()
    return factorized_reduce(channels_in, channels_out, affine=affine, copies=copies)


def _max_pool(stride: int) -> nn.Module:
    return nn.MaxPool2d(3, stride=stride, padding=1)


def _avg_pool(stride: int, *, count_include_pad: bool) -> nn.Module:
    return nn.AvgPool2d(3, stride=stride, padding=1, count_include_pad=count_include_pad)


def _sep(kernel: int, dilation: int = 1) -> Builder:
    return _conv(partial(sharp_sep_conv, kernel=kernel, dilation=dilation))


_COMMON: Mapping[str, Builder] = {
    NONE: _without_channels(Zero),
    "max_pool_3x3": _without_channels(_max_pool),
    "skip_connect": _skip_connect,
    "sep_conv_3x3": _sep(3),
    "sep_conv_5x5": _sep(5),
    "sep_conv_7x7": _sep(7),
}

OPERATIONS: Mapping[str, Mapping[str, Builder]] = {
    "ssc": {
        **_COMMON,
        # Zeros beyond the border count in the mean, as in the code that trained the published networks.
        "avg_pool_3x3": _without_channels(partial(_avg_pool, count_include_pad=True)),
        "dil_conv_3x3": _sep(3, dilation=2),
        "dil_conv_5x5": _sep(5, dilation=2),
        "flood_conv_3x3": _flood(3),
        "flood_conv_5x5": _flood(5),
        "dil_flood_conv_3x3": _flood(3, dilation=2),
        # The released code pads this one with 2 instead of 4, which shrinks the image and cannot be summed.
        "dil_flood_conv_5x5": _flood(5, dilation=2),
        "choke_conv_3x3": _choke(3),
        "dil_choke_conv_3x3": _choke(3, dilation=2),
        "conv_7x1_1x7": _conv(partial(conv_1x7_7x1, eps=1e-3)),
    },
    "original": {
        **_COMMON,
        "avg_pool_3x3": _without_channels(partial(_avg_pool, count_include_pad=False)),
        "dil_conv_3x3": _conv(partial(dil_conv, kernel=3)),
        "dil_conv_5x5": _conv(partial(dil_conv, kernel=5)),
        "conv_7x1_1x7": _conv(conv_1x7_7x1),
    },
}
"""The builders of each set of operations, by name."""
