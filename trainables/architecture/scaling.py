"""Operations from one number of channels to another: what a MultiChannelNet is made of.

Convolutions do so by themselves. Pools and identities keep the number of channels; where it is to change they get a
1×1 convolution. Source: arXiv:1903.09900, section 4.1 and Figure 6, and the released code's ResizablePool.

Shape letters: B = images, C = channels, H and W = pixels.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from torch import Tensor, nn

from trainables.architecture.blocks import (
    BatchNorm,
    Block,
    Classifier,
    at_least_float32,
    factorized_reduce,
    pointwise,
    relu_conv_bn,
    sharp_sep_conv,
)
from trainables.architecture.operations import OPERATIONS

POOL_EPSILON = 1e-3
"""Of the batch norm after a pool, as in the released code."""


class ResizablePool(nn.Module):
    """A pool, a 1×1 convolution to another number of channels, batch norm."""

    def __init__(self, pool: nn.Module, channels_in: int, channels_out: int, *, affine: bool) -> None:
        super().__init__()
        self.pool = pool
        self.resize = pointwise(channels_in, channels_out)
        self.norm = BatchNorm(channels_out, eps=POOL_EPSILON, affine=affine)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.pooled(self.pool(x_BCHW))

    def pooled(self, x_BCHW: Tensor, scale_C: Tensor | None = None) -> Tensor:
        """Go on from an input that has been through the pool, which all that begin with it share."""
        return self.norm(self.resize(x_BCHW), scale_C)


def scaling_operation(name: str, *, channels_in: int, channels_out: int, stride: int, affine: bool = True) -> nn.Module:
    """Return an operation of the `ssc` set that may change the number of channels.

    A pool that does is a ResizablePool. An identity that does is a ReLU, a 1×1 convolution and a batch norm; at stride
    2 it halves the size as in a cell. Everything else is as in `OPERATIONS["ssc"]`.
    """

    def build(channels_out: int) -> nn.Module:
        return OPERATIONS["ssc"][name](channels_in=channels_in, channels_out=channels_out, stride=stride, affine=affine)

    if channels_in == channels_out:
        return build(channels_out)
    if name in ("max_pool_3x3", "avg_pool_3x3"):
        return ResizablePool(build(channels_in), channels_in, channels_out, affine=affine)
    if name == "skip_connect":
        resize = factorized_reduce if stride == 2 else relu_conv_bn
        return resize(channels_in, channels_out, affine=affine)
    return build(channels_out)


def image_stem(channels: int) -> nn.Sequential:
    """Return the 3×3 convolution and batch norm that lead from an image to the first map."""
    return nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), BatchNorm(channels, affine=True))


def last_convolution(channels: int, head_channels: int) -> Block:
    """Return the SharpSepConv that leads from a path's end to what the classifier looks at."""
    return sharp_sep_conv(channels, head_channels, 3, stride=1, affine=True)


def map_classifier(head_channels: int, classes: int) -> nn.Sequential:
    """Return the mean over all pixels and a linear layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(1), Classifier(head_channels, classes))


@dataclass(frozen=True, slots=True)
class Parts:
    """How an operation begins, and how it goes on."""

    key: Hashable
    """Equal exactly where operations begin alike: what reads the same map needs to begin only once."""
    begin: nn.Module
    go_on: Callable[[Tensor, Tensor], Tensor]
    """From what it began and its multiplier, a single number in float32, to the operation's output times that.

    Where an operation ends with a batch norm, the multiplication is that of its gamma, and no further map is kept.
    """


def parts(operation: nn.Module) -> Parts:
    """Take an operation of `scaling_operation` apart."""
    match operation:
        case Block():
            return Parts(
                "relu",
                operation.relu,
                lambda x_BCHW, scale: operation.rectified(x_BCHW, _each(scale, operation.norm)),
            )
        case ResizablePool():
            return Parts(
                _pool_key(operation.pool),
                operation.pool,
                lambda x_BCHW, scale: operation.pooled(x_BCHW, _each(scale, operation.norm)),
            )
        case nn.MaxPool2d() | nn.AvgPool2d():
            return Parts(_pool_key(operation), operation, _multiplied)
        case _:
            return Parts("identity", nn.Identity(), lambda x_BCHW, scale: _multiplied(operation(x_BCHW), scale))


def _pool_key(pool: nn.Module) -> Hashable:
    """Return all that a pool's output depends on, which its `repr` does not say."""
    match pool:
        case nn.MaxPool2d():
            return "max", pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode
        case nn.AvgPool2d():
            counted = (pool.count_include_pad, pool.divisor_override)
            return "mean", pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode, counted
        case _:
            raise AssertionError(f"{pool} is no pool")


def _multiplied(x_BCHW: Tensor, scale: Tensor) -> Tensor:
    """Multiply in float32 or more: in half precision the number itself would be rounded, 0.9996 to 1 in bfloat16."""
    return at_least_float32(x_BCHW) * scale


def _each(scale: Tensor, norm: BatchNorm) -> Tensor:
    """Return the same number for each channel."""
    return scale.repeat(norm.num_features)
