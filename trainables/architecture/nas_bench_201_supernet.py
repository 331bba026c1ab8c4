"""The supernet of NAS-Bench-201: one cell, whose six edges hold all operations at once, repeated to a network.

Shape letters: B = images, C = channels or classes, E = edges of a cell, K = primitives, N = multipliers that a cell
takes, H and W = pixels.
Source: arXiv:2001.00326, section 2; the search is that of arXiv:1806.09055.
"""

import torch
from torch import Tensor, nn

from trainables.architecture.blocks import Zero, computed_again
from trainables.architecture.cell_supernet import ALPHA_SCALE
from trainables.architecture.mixed import Mixture
from trainables.architecture.nas_bench_201.cell import EDGES, NODES
from trainables.architecture.nas_bench_201_blocks import KERNELS, Head, average_pool, relu_conv_bn, stages, stem
from trainables.architecture.spaces import NONE, NasBench201Space
from trainables.architecture.weighting import look_up_weighting


class NasBench201Supernet(nn.Module):
    """A network of mixed cells: three stages of C, 2C and 4C channels, residual blocks between them.

    `alphas`, (6, K), are shared by all cells; rows are the edges 1←0, 2←0, 2←1, 3←0, 3←1, 3←2. Batch norms of the
    edges learn no scale and no shift, those of all else do; pools and identities have none.

    Args:
        space: what each edge chooses from, and the cells of a stage.
        weighting: `scalar` or `max_w`.
        channels: C.
        classes: outputs.
        activation_checkpointing: for the backward pass keep only what passes from cell to cell, and compute each cell
            a second time: the same gradients to the last bit, in less memory and more time.

    Raises: UnknownName for an unknown weighting.
    """

    _places_N: Tensor

    def __init__(
        self,
        *,
        space: NasBench201Space,
        weighting: str,
        channels: int,
        classes: int,
        activation_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.space = space
        self.activation_checkpointing = activation_checkpointing
        self._weighting = look_up_weighting(weighting)
        self.stem = stem(channels)
        self.stages = stages(
            lambda channels: MixedCell(space=space, channels=channels),
            channels=channels,
            cells_per_stage=space.cells_per_stage,
        )
        self.head = Head(4 * channels, classes)
        # What every cell takes of the multipliers, in its order: one copy for each forward pass.
        places = next(module.places for module in self.stages if isinstance(module, MixedCell))
        self.register_buffer("_places_N", torch.tensor(places), persistent=False)
        self.alphas = nn.Parameter(torch.empty(len(EDGES), len(space.primitives)))
        nn.init.normal_(self.alphas, std=ALPHA_SCALE)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the alphas anew; the weights stay as they are."""
        with torch.no_grad():
            draw_EK = torch.randn(self.alphas.shape, generator=generator, device=generator.device)
            self.alphas.copy_(ALPHA_SCALE * draw_EK)

    def weight_parameters(self) -> list[nn.Parameter]:
        """Return all parameters but the alphas."""
        return [parameter for parameter in self.parameters() if parameter is not self.alphas]

    def alpha_parameters(self) -> list[nn.Parameter]:
        """Return the alphas."""
        return [self.alphas]

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the logits, (B, classes)."""
        multipliers_N = self._weighting(self.alphas.softmax(dim=-1)).flatten().index_select(0, self._places_N)
        x_BCHW = self.stem(x_BCHW.contiguous(memory_format=torch.channels_last))
        for module in self.stages:
            if not isinstance(module, MixedCell):
                x_BCHW = module(x_BCHW)
            elif self.activation_checkpointing:
                x_BCHW = computed_again(module, x_BCHW, multipliers_N)
            else:
                x_BCHW = module(x_BCHW, multipliers_N)
        return self.head(x_BCHW)


class MixedCell(nn.Module):
    """A cell of mixed edges: node 0 is its input, each further node the sum of its edges, node 3 the output."""

    def __init__(self, *, space: NasBench201Space, channels: int) -> None:
        super().__init__()
        # By node that is left, not by edge: edges that leave one node share work and are computed together.
        self.sources = nn.ModuleList(
            Mixture(
                {name: _operation(name, channels, edges=len(edges_from(node))) for name in space.primitives},
                edges=len(edges_from(node)),
                copied=False,
            )
            for node in range(NODES - 1)
        )
        columns = [list(source.columns) for source in self.sources if isinstance(source, Mixture)]
        self._shapes = [(len(edges_from(node)), len(of_source)) for node, of_source in enumerate(columns)]
        self.places = [
            edge * len(space.primitives) + column
            for node, of_source in enumerate(columns)
            for edge in edges_from(node)
            for column in of_source
        ]
        """Which of the edges × primitives multipliers, flattened, `forward` takes, in which order."""

    def forward(self, x_BCHW: Tensor, multipliers_N: Tensor) -> Tensor:
        """Return node 3, (B, C, H, W). Multipliers as `places` says."""
        multipliers = multipliers_N.split([edges * kinds for edges, kinds in self._shapes])
        nodes: list[Tensor | None] = [x_BCHW, *[None] * (NODES - 1)]
        for node, source in enumerate(self.sources):
            outputs = source(nodes[node], multipliers[node].view(self._shapes[node]))
            for target, output in enumerate(outputs, start=node + 1):
                before = nodes[target]
                nodes[target] = output if before is None else before + output
        found = nodes[-1]
        assert found is not None, "each node has edges"
        return found


def edges_from(node: int) -> list[int]:
    """Return the numbers of the edges that leave a node, in the order of the nodes they enter."""
    return [edge for edge, (_, source) in enumerate(EDGES) if source == node]


def _operation(name: str, channels: int, *, edges: int) -> nn.Module:
    if name in KERNELS:
        return relu_conv_bn(channels, channels, KERNELS[name], affine=False, edges=edges)
    return _OTHERS[name]()


_OTHERS = {NONE: lambda: Zero(stride=1), "skip_connect": nn.Identity, "avg_pool_3x3": average_pool}
