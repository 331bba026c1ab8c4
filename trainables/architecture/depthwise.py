"""Depthwise convolutions with stride or dilation 2, as plain ones over every second pixel.

On CPUs the gradients of strided and dilated depthwise convolutions take 5 to 20 times as long as those of plain ones.
With the image split into its four phases (rows even or odd, columns even or odd) every stride or dilation of 2 becomes
a plain convolution: the same sums of the same products. Elsewhere, and for odd sizes, the ordinary kernel is used.

Shape letters: B = images, F = channels, H and W = pixels, h and w = half as many, P = the four phases, k = kernel size.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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
        strided, dilated = self.stride[0] == 2, self.dilation[0] == 2
        even = input.shape[-2] % 2 == 0 and input.shape[-1] % 2 == 0
        if not (strided or dilated) or not even or not input.is_cpu:
            return super().forward(input)
        if not strided:
            return _join(_plain(_split(input), self.weight))
        if not dilated:
            return _strided(input, self.weight)
        # Stride 2 skips the odd pixels, dilation 2 never looks at them from an even one.
        even_BFhw = input[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)
        return _plain(even_BFhw, self.weight)


def _plain(x_BFHW: Tensor, weight_F1kk: Tensor) -> Tensor:
    return F.conv2d(x_BFHW, weight_F1kk, padding=weight_F1kk.shape[-1] // 2, groups=len(weight_F1kk))


def _strided(x_BFHW: Tensor, weight_F1kk: Tensor) -> Tensor:
    """Output o sees input 2·o + t for t = -(k-1)/2 .. (k-1)/2; with t = 2·u + r this is pixel o + u of phase r."""
    channels, _, kernel, _ = weight_F1kk.shape
    reach = (kernel + 1) // 4  # the largest |u|
    before, after = 2 * reach - kernel // 2, 2 * reach + 1 - kernel // 2
    padded = F.pad(weight_F1kk, (before, after, before, after))
    by_phase = padded.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).permute(3, 5, 0, 1, 2, 4).flatten(0, 2)
    phases_BPFhw = _phases(x_BFHW).permute(2, 0, 1, 3, 4, 5).flatten(1, 3)
    summands = _plain(phases_BPFhw.contiguous(memory_format=torch.channels_last), by_phase)
    return summands.unflatten(1, (4, channels)).sum(dim=1)


def _split(x_BFHW: Tensor) -> Tensor:
    """Return the four phases as four times as many images: (P·B, F, h, w)."""
    return _phases(x_BFHW).flatten(0, 2).contiguous(memory_format=torch.channels_last)


def _join(phases_PBFhw: Tensor) -> Tensor:
    """Undo `_split`."""
    x_rrBFhw = phases_PBFhw.unflatten(0, (2, 2, -1))
    x_BFHW = x_rrBFhw.permute(2, 3, 4, 0, 5, 1).flatten(4, 5).flatten(2, 3)
    return x_BFHW.contiguous(memory_format=torch.channels_last)


def _phases(x_BFHW: Tensor) -> Tensor:
    """Return a view (row phase, column phase, B, F, h, w)."""
    return x_BFHW.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).permute(3, 5, 0, 1, 2, 4)
