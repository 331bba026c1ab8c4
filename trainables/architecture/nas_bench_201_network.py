"""The network of a cell of NAS-Bench-201: what the benchmark trained, and what final training trains.

Shape letters: B = images, C = channels or classes, H and W = pixels.
Source: arXiv:2001.00326, section 2.
"""

import torch
from torch import Tensor, nn

from trainables.architecture.nas_bench_201.cell import EDGES, NODES, NasBench201Cell
from trainables.architecture.nas_bench_201_blocks import KERNELS, Head, average_pool, relu_conv_bn, stages, stem
from trainables.architecture.spaces import NONE


class NasBench201Network(nn.Module):
    """Three stages of one cell, with C, 2C and 4C channels, residual blocks between them.

    An edge is built also where what it makes leads nowhere: the benchmark trained and counted it. What no edge enters
    is zero.

    Args:
        cell: the operation of each edge.
        channels: C; 16 in the benchmark.
        cells_per_stage: 5 in the benchmark.
        classes: outputs.
    """

    droppable = 0
    """Nothing is dropped: the benchmark trained without."""

    def __init__(self, *, cell: NasBench201Cell, channels: int, cells_per_stage: int, classes: int) -> None:
        super().__init__()
        self.stem = stem(channels)
        self.stages = stages(lambda channels: Cell(cell, channels), channels=channels, cells_per_stage=cells_per_stage)
        self.head = Head(4 * channels, classes)

    def forward(self, x_BCHW: Tensor, keep_DB: Tensor | None = None) -> tuple[Tensor, None]:
        """Return the logits, (B, classes), and None for the auxiliary head that there is not."""
        assert keep_DB is None, "check_network refuses drop path"
        x_BCHW = self.stem(x_BCHW.contiguous(memory_format=torch.channels_last))
        for module in self.stages:
            x_BCHW = module(x_BCHW)
        return self.head(x_BCHW), None


class Cell(nn.Module):
    """The operations of a cell, each on its edge."""

    def __init__(self, cell: NasBench201Cell, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict(
            {
                f"{target}_from_{source}": _operation(name, channels)
                for name, (target, source) in zip(cell.operations, EDGES, strict=True)
                if name != NONE
            }
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return node 3, (B, C, H, W)."""
        nodes: list[Tensor] = [x_BCHW]
        for target in range(1, NODES):
            names = [f"{target}_from_{source}" for source in range(target)]
            terms: list[Tensor] = [
                self.edges[name](node) for name, node in zip(names, nodes, strict=True) if name in self.edges
            ]
            nodes.append(sum(terms[1:], start=terms[0]) if terms else torch.zeros_like(x_BCHW))
        return nodes[-1]


def _operation(name: str, channels: int) -> nn.Module:
    if name in KERNELS:
        return relu_conv_bn(channels, channels, KERNELS[name], affine=True)
    return average_pool() if name == "avg_pool_3x3" else nn.Identity()
