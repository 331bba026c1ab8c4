"""Depthwise convolutions of dilation 2, as plain ones over every second pixel.

On CPUs the gradients of dilated depthwise convolutions take several times as long as those of plain ones. With the
image split into its four phases (rows even or odd, columns even or odd) a dilation of 2 becomes a plain convolution of
each phase: the same sums of the same products. Elsewhere the ordinary kernel is used, as it is for odd sizes, and for
few channels, where the copying costs more than it saves; but in half precision never at stride 1: from about 30 pixels
on, its bfloat16 gradients of the weights are then wrong, and others at every call, NaN among them (PyTorch 2.15).

Shape letters: B = images, C = channels, H and W = pixels, h and w = half as many, P = the four phases, k = kernel size.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEW_CHANNELS = 8
"""Below this many, phases do not pay."""


class Depthwise(nn.Conv2d):
    """A convolution of each channel by itself, without bias; it keeps the size at stride 1.

    Args:
        channels: inputs and outputs.
        kernel: an odd size.
        stride, dilation: 1 or 2.
    """

    def __init__(self, channels: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> None:
        assert kernel % 2 == 1, "an even kernel does not keep the size"
        assert {stride, dilation} <= {1, 2}, "phases are for 2"
        super().__init__(
            channels,
            channels,
            kernel,
            stride=stride,
            padding=dilation * (kernel - 1) // 2,
            dilation=dilation,
            groups=channels,
            bias=False,
        )

    def forward(self, input: Tensor) -> Tensor:
        if self.dilation[0] == 1 or not input.is_cpu:
            return super().forward(input)
        height, width = input.shape[-2:]
        if self.stride[0] == 1 and _in_half(input):
            padded = F.pad(input, (0, width % 2, 0, height % 2))
            return _join(_plain(_split(padded), self.weight))[:, :, :height, :width]
        if height % 2 or width % 2:
            return super().forward(input)
        if self.stride[0] == 2:
            # Stride 2 skips the odd pixels, dilation 2 never looks at them from an even one.
            even_BChw = input[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)
            return _plain(even_BChw, self.weight)
        if self.in_channels < FEW_CHANNELS:
            return super().forward(input)
        return _join(_plain(_split(input), self.weight))


def _in_half(x: Tensor) -> bool:
    """Say whether a convolution of x is computed in half precision."""
    return torch.is_autocast_enabled(x.device.type) or x.dtype in (torch.bfloat16, torch.float16)


def _plain(x_BCHW: Tensor, weight_C1kk: Tensor) -> Tensor:
    return F.conv2d(x_BCHW, weight_C1kk, padding=weight_C1kk.shape[-1] // 2, groups=len(weight_C1kk))


# Both copy whole pixels, channels last, which is the order they lie in.


def _split(x_BCHW: Tensor) -> Tensor:
    """Return the four phases as four times as many images: (P·B, C, h, w)."""
    x_BhrwrC = x_BCHW.permute(0, 2, 3, 1).unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
    return x_BhrwrC.permute(2, 4, 0, 1, 3, 5).flatten(0, 2).permute(0, 3, 1, 2)


def _join(phases_PBChw: Tensor) -> Tensor:
    """Undo `_split`."""
    x_rrBhwC = phases_PBChw.permute(0, 2, 3, 1).unflatten(0, (2, 2, -1))
    return x_rrBhwC.permute(2, 3, 0, 4, 1, 5).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)
