"""The building blocks of cells: convolutions between a ReLU and a batch norm.

A block may hold several independent *copies* of itself side by side: copy e reads channels e·C_in .. (e+1)·C_in and
writes channels e·C_out .. (e+1)·C_out. One block of E copies computes exactly what E blocks would, in one call for each
layer, which is what makes small supernets fast. All convolutions are without bias.

Shape letters: B = images, C = channels of one copy, E = copies, F = E·C, H and W = pixels.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from trainables.architecture.depthwise import Depthwise


class BatchNorm(nn.BatchNorm2d):
    """Batch norm whose outputs can be scaled from outside, for the price of the gamma that is computed anyway."""

    frozen = False
    """Whether training leaves the running statistics alone: `frozen_statistics` sets it."""

    def forward(self, input: Tensor, scale_F: Tensor | None = None) -> Tensor:
        """Normalise, with the norm's own gamma and beta if any; multiply by `scale_F`, one number for each channel."""
        if scale_F is None and not self.frozen:
            return super().forward(input)
        assert self.momentum is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        mean_F, var_F = self.running_mean, self.running_var
        if self.training and self.frozen:
            # Copies take the update. (Passing none at all would change what autograd saves, which is not allowed to
            # differ where activations are computed a second time.)
            mean_F, var_F = mean_F.clone(), var_F.clone()
        elif self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        gamma_F, beta_F = self.weight, self.bias
        if scale_F is not None:
            gamma_F = gamma_F * scale_F if self.affine else scale_F
            beta_F = beta_F * scale_F if self.affine else None
        return F.batch_norm(input, mean_F, var_F, gamma_F, beta_F, self.training, self.momentum, self.eps)


class Modular(Protocol):
    """A module, as far as its parts can be listed."""

    def modules(self) -> Iterator[nn.Module]: ...


@contextmanager
def frozen_statistics(module: Modular) -> Iterator[None]:
    """Leave the running statistics of all batch norms in `module` alone while it computes in training mode.

    They normalise by the batch as ever, to the same bit, and neither running means and variances nor the count of
    batches move. In eval mode nothing changes. May be nested.
    """
    norms = [norm for norm in module.modules() if isinstance(norm, BatchNorm)]
    before = [norm.frozen for norm in norms]
    for norm in norms:
        norm.frozen = True
    try:
        yield
    finally:
        for norm, was in zip(norms, before, strict=True):
            norm.frozen = was


def computed_again(module: nn.Module, *inputs: Tensor) -> Tensor:
    """Return module(*inputs), keeping the inputs alone for the backward pass, which computes all else a second time.

    Gradients and running statistics are the same to the last bit. The module must draw no random numbers.
    """
    return checkpoint(
        module,
        *inputs,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (nullcontext(), frozen_statistics(module)),
    )


class Block(nn.Module):
    """ReLU, a body of convolutions, batch norm."""

    def __init__(self, body: nn.Module, channels_out: int, *, affine: bool, copies: int = 1, eps: float = 1e-5) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.body = body
        self.norm = BatchNorm(copies * channels_out, eps=eps, affine=affine)

    def forward(self, x_BFHW: Tensor) -> Tensor:
        return self.rectified(self.relu(x_BFHW))

    def rectified(self, x_BFHW: Tensor, scale_F: Tensor | None = None) -> Tensor:
        """Go on from an input that has been through the ReLU, which the edges of a state share."""
        return self.norm(self.body(x_BFHW), scale_F)


def at_least_float32(x: Tensor) -> Tensor:
    """Return numbers in half precision as float32, and others as they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def without_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """Return the context in which products on the device are computed as precisely as what is multiplied."""
    if not torch.amp.is_autocast_available(device.type) or not torch.is_autocast_enabled(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def pointwise(channels_in: int, channels_out: int, *, copies: int = 1) -> nn.Conv2d:
    """Return a 1×1 convolution."""
    return nn.Conv2d(copies * channels_in, copies * channels_out, 1, groups=copies, bias=False)


def relu_conv_bn(channels_in: int, channels_out: int, *, affine: bool) -> Block:
    """Return ReLU, 1×1 convolution, batch norm: how a cell takes in the outputs of the two before it."""
    return Block(pointwise(channels_in, channels_out), channels_out, affine=affine)


def sharp_sep_conv(
    channels_in: int,
    channels_out: int,
    kernel: int,
    *,
    stride: int,
    affine: bool,
    dilation: int = 1,
    middle: int | None = None,
    copies: int = 1,
) -> Block:
    """Return two separable convolutions in a row, with `middle` channels between them (`channels_out` when None).

    Stride and dilation act on the first depthwise convolution only. With channels_in = middle = channels_out it is the
    sep_conv of DARTS. Source: arXiv:1903.09900, section 3.1 and Figures 1 and 3.
    """
    middle = channels_out if middle is None else middle
    body = nn.Sequential(
        Depthwise(copies * channels_in, kernel, stride=stride, dilation=dilation),
        pointwise(channels_in, middle, copies=copies),
        BatchNorm(copies * middle, affine=affine),
        nn.ReLU(),
        Depthwise(copies * middle, kernel),
        pointwise(middle, channels_out, copies=copies),
    )
    return Block(body, channels_out, affine=affine, copies=copies)


def dil_conv(
    channels_in: int, channels_out: int, kernel: int, *, stride: int, affine: bool, dilation: int = 2, copies: int = 1
) -> Block:
    """Return one dilated separable convolution: half the depth of `sharp_sep_conv` (arXiv:1806.09055)."""
    body = nn.Sequential(
        Depthwise(copies * channels_in, kernel, stride=stride, dilation=dilation),
        pointwise(channels_in, channels_out, copies=copies),
    )
    return Block(body, channels_out, affine=affine, copies=copies)


def conv_1x7_7x1(
    channels_in: int, channels_out: int, *, stride: int, affine: bool, eps: float = 1e-5, copies: int = 1
) -> Block:
    """Return a dense 7×7 receptive field in two one-dimensional steps (arXiv:1802.01548)."""
    wide_in, wide_out = copies * channels_in, copies * channels_out
    body = nn.Sequential(
        nn.Conv2d(wide_in, wide_out, (1, 7), stride=(1, stride), padding=(0, 3), groups=copies, bias=False),
        nn.Conv2d(wide_out, wide_out, (7, 1), stride=(stride, 1), padding=(3, 0), groups=copies, bias=False),
    )
    return Block(body, channels_out, affine=affine, copies=copies, eps=eps)


def factorized_reduce(channels_in: int, channels_out: int, *, affine: bool, copies: int = 1) -> Block:
    """Return ReLU, a halving of the size that looks at even and at odd pixels, batch norm."""
    body = _EvenAndOdd(channels_in, channels_out, copies=copies)
    return Block(body, channels_out, affine=affine, copies=copies)


class _EverySecond(nn.Conv2d):
    """A convolution of 1 × 1 pixels, of every second pixel, in each copy."""

    def __init__(self, channels_in: int, channels_out: int, *, copies: int) -> None:
        super().__init__(copies * channels_in, copies * channels_out, 1, stride=2, groups=copies, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """Return (B, F, ⌈H/2⌉, ⌈W/2⌉) for (B, F, H, W)."""
        # On CPUs oneDNN's gradient of a stride of 2 writes beyond its memory where a vector has more lanes than there
        # are channels (torch 2.15; with AVX2 on maps of any size, with AVX-512 on large ones or in several threads).
        # To pick the pixels first is safe there, and faster.
        if input.device.type != "cpu":
            return super().forward(input)
        return F.conv2d(_from_pixel(input, 0, step=2), self.weight, groups=self.groups)


def _from_pixel(x_BFHW: Tensor, first: int, *, step: int = 1) -> Tensor:
    """Return every `step`-th row and column from the `first` on; gradients lie channels last, as the maps do."""
    return x_BFHW.permute(0, 2, 3, 1)[:, first::step, first::step].permute(0, 3, 1, 2)


class _EvenAndOdd(nn.Module):
    """Half of a copy's outputs see every second pixel from (0, 0) on, the other half every second from (1, 1) on."""

    def __init__(self, channels_in: int, channels_out: int, *, copies: int) -> None:
        super().__init__()
        self.copies = copies
        self.even = _EverySecond(channels_in, channels_out // 2, copies=copies)
        self.odd = _EverySecond(channels_in, channels_out - channels_out // 2, copies=copies)

    def forward(self, x_BFHW: Tensor) -> Tensor:
        height, width = x_BFHW.shape[-2:]
        # An odd size has one even pixel more than odd ones; a line of zeros stands in for the missing one.
        padded = F.pad(x_BFHW, (0, width % 2, 0, height % 2)) if height % 2 or width % 2 else x_BFHW
        even, odd = self.even(x_BFHW), self.odd(_from_pixel(padded, 1))
        if self.copies == 1:
            return torch.cat([even, odd], dim=1)
        halves = [half.unflatten(1, (self.copies, -1)) for half in (even, odd)]
        return torch.cat(halves, dim=2).flatten(1, 2).contiguous(memory_format=torch.channels_last)


class Classifier(nn.Linear):
    """The linear layer that ends a network. Its logits are float32 under any precision.

    In half precision some logits are equal that are not, and the answer of an image hangs on the order of the classes.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return (B, classes) of (B, C)."""
        with without_autocast(input.device):
            return super().forward(at_least_float32(input))


class Zero(nn.Module):
    """Nothing, of the right size."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x_BFHW: Tensor) -> Tensor:
        return torch.zeros_like(x_BFHW[:, :, :: self.stride, :: self.stride])
