"""The mixed operations of a supernet: every primitive at once, each scaled by its multiplier.

Shape letters: B = images, C = channels, E = edges that leave one state, F = E·C, K = primitives, H and W = pixels.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from trainables.architecture.blocks import BatchNorm, Block, Zero, at_least_float32, without_autocast
from trainables.architecture.operations import OPERATIONS
from trainables.architecture.spaces import SearchSpace


class Mixture(nn.Module):
    """All edges of a cell that leave one state: edge e is the sum over k of multipliers_EK[e, k] · primitive_k(x).

    An edge by itself is the case E = 1. Edges of one state share what does not depend on the edge: the ReLU, the pools
    and what follows them. Their convolutions are copies in one block. `none` adds nothing and is not computed.

    Under any precision multipliers and sums are float32. In half precision what is rounded are the outputs of the
    operations (of a convolution already scaled, since its multiplier is in its batch norm, which computes in float32)
    and in the end the sum. (As half precision has it, a multiplier such as the 0.9996 of Max-W would be 1 in bfloat16:
    of pools and identities alone.)

    Args:
        operations: of each primitive in the order of the alphas' columns: a block that makes the maps of all edges,
            what all edges share, or `Zero`.
        edges: E.
        copied: whether blocks read a copy of the state for each edge, as grouped convolutions do; one for all else.
    """

    def __init__(self, operations: Mapping[str, nn.Module], *, edges: int, copied: bool) -> None:
        super().__init__()
        self.edges = edges
        self.relu = nn.ReLU()
        self.blocks = nn.ModuleDict()
        self.shared = nn.ModuleDict()
        self._copies = edges if copied else 1
        for primitive, operation in operations.items():
            if isinstance(operation, Block):
                self.blocks[primitive] = operation
            elif not isinstance(operation, Zero):
                self.shared[primitive] = operation
        primitives = list(operations)
        self.columns = [primitives.index(primitive) for primitive in (*self.blocks, *self.shared)]
        """What is computed: places in the space's primitives, in the order in which `forward` takes the multipliers."""

    def forward(self, x_BCHW: Tensor, multipliers_EK: Tensor) -> Sequence[Tensor]:
        """Return the E edges' outputs, each (B, C, H, W) of the type of x.

        Args:
            multipliers_EK: float32 (or float64), K in the order of `columns`.
        """
        outputs: list[Sequence[Tensor]] = []
        if self.blocks:
            outputs.append(self._sum_of_blocks(x_BCHW, multipliers_EK[:, : len(self.blocks)]))
        if self.shared:
            outputs.append(self._sum_of_shared(x_BCHW, multipliers_EK[:, len(self.blocks) :]))
        sums = outputs[0] if len(outputs) == 1 else [a + b for a, b in zip(*outputs, strict=True)]
        return [edge_BCHW.to(x_BCHW.dtype) for edge_BCHW in sums]

    def _sum_of_blocks(self, x_BCHW: Tensor, multipliers_EK: Tensor) -> Sequence[Tensor]:
        # The last batch norm of a block multiplies by its gamma in any case: the multiplier takes that place.
        scales_KF = multipliers_EK.T.repeat_interleave(x_BCHW.shape[1], dim=1)
        rectified_BFHW = torch.cat([self.relu(x_BCHW)] * self._copies, dim=1)
        total_BFHW = None
        for block, scale_F in zip(self.blocks.values(), scales_KF, strict=True):
            assert isinstance(block, Block)
            y_BFHW = at_least_float32(block.rectified(rectified_BFHW, scale_F))
            total_BFHW = y_BFHW if total_BFHW is None else total_BFHW + y_BFHW
        assert total_BFHW is not None
        return total_BFHW.unflatten(1, (self.edges, -1)).unbind(1)

    def _sum_of_shared(self, x_BCHW: Tensor, multipliers_EK: Tensor) -> Sequence[Tensor]:
        """Mix maps that all edges see alike: one matrix product over the primitives."""
        maps = [operation(x_BCHW).permute(0, 2, 3, 1) for operation in self.shared.values()]
        maps_KBHWC = at_least_float32(torch.stack(maps))
        with without_autocast(x_BCHW.device):
            mixed_EN = multipliers_EK @ maps_KBHWC.flatten(1)
        return mixed_EN.unflatten(1, maps_KBHWC.shape[1:]).permute(0, 1, 4, 2, 3).unbind(0)


class MixedEdges(Mixture):
    """The edges of a cell that is built from a set of operations.

    Pools are followed by a batch norm here, and only here (arXiv:1806.09055, released code).
    """

    def __init__(self, *, space: SearchSpace, channels: int, stride: int, edges: int) -> None:
        operations: dict[str, nn.Module] = {}
        for primitive in space.primitives:
            operation = OPERATIONS[space.operations][primitive](
                channels_in=channels, channels_out=channels, stride=stride, affine=False, copies=edges
            )
            bare = isinstance(operation, Block | nn.Identity | Zero)
            operations[primitive] = operation if bare else nn.Sequential(operation, BatchNorm(channels, affine=False))
        super().__init__(operations, edges=edges, copied=True)
