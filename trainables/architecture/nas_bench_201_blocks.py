"""What the networks of NAS-Bench-201 are made of beside their cells, the supernet and each cell's own alike.

Shape letters: B = images, C = channels, E = edges that leave one node, H and W = pixels.
Source: arXiv:2001.00326, section 2.
"""

from collections.abc import Callable

from torch import Tensor, nn

from trainables.architecture.blocks import BatchNorm, Block, Classifier
from trainables.architecture.nas_bench_201.cell import STAGES

KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
"""The convolutions: ReLU, convolution, batch norm."""


def stem(channels: int) -> nn.Sequential:
    """Return a 3×3 convolution of an image and a batch norm."""
    return nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), BatchNorm(channels, affine=True))


def relu_conv_bn(
    channels_in: int, channels_out: int, kernel: int, *, affine: bool, stride: int = 1, edges: int = 1
) -> Block:
    """Return ReLU, convolution, batch norm; of several edges that leave one node, one beside the other: (B, E·C, H, W).

    All of them read the same map, so one convolution computes them.
    """
    body = nn.Conv2d(channels_in, edges * channels_out, kernel, stride=stride, padding=kernel // 2, bias=False)
    return Block(body, channels_out, affine=affine, copies=edges)


def average_pool() -> nn.AvgPool2d:
    """Return the 3×3 average pool of an edge, whose mean is over pixels of the image alone."""
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


class ResidualBlock(nn.Module):
    """What lies between two stages: half the size, twice the channels (arXiv:1512.03385)."""

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        channels_out = 2 * channels_in
        self.first = relu_conv_bn(channels_in, channels_out, 3, affine=True, stride=2)
        self.second = relu_conv_bn(channels_out, channels_out, 3, affine=True)
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, stride=2, ceil_mode=True), nn.Conv2d(channels_in, channels_out, 1, bias=False)
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return (B, 2·C, H/2, W/2)."""
        return self.shortcut(x_BCHW) + self.second(self.first(x_BCHW))


class Head(nn.Module):
    """Batch norm, ReLU, the mean over the map, and a linear layer."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = BatchNorm(channels, affine=True)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = Classifier(channels, classes)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return logits, (B, classes)."""
        return self.classifier(self.pool(self.relu(self.norm(x_BCHW))).flatten(1))


def stages(cell: Callable[[int], nn.Module], *, channels: int, cells_per_stage: int) -> nn.ModuleList:
    """Return three stages of cells with C, 2C and 4C channels, and the two residual blocks between them, in order.

    Args:
        cell: makes a cell of so many channels.
    """
    modules = nn.ModuleList()
    for stage in range(STAGES):
        if stage:
            modules.append(ResidualBlock(channels))
            channels *= 2
        modules.extend(cell(channels) for _ in range(cells_per_stage))
    return modules
