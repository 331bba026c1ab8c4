"""The cell supernet of DARTS: two cells whose edges hold all primitives at once, repeated to a network.

Shape letters: B = images, C = channels or classes, E = edges of a cell, K = primitives, N = multipliers that a cell
takes, H and W = pixels.
Source: arXiv:1806.09055, sections 2 and 3; arXiv:1903.09900, sections 3 and 4.3.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainables.architecture.blocks import BatchNorm, Classifier, computed_again, factorized_reduce, relu_conv_bn
from trainables.architecture.mixed import MixedEdges
from trainables.architecture.spaces import SearchSpace
from trainables.architecture.weighting import look_up_weighting

NODES = 4
"""Nodes of a cell. Node i has an edge from each of the 2 + i states before it."""
EDGES = sum(2 + node for node in range(NODES))
"""14 edges, numbered node by node, within a node by source state: rows of the alphas."""
STEM_CHANNELS = 3
"""The stem has this many times the channels of the first cell."""
ALPHA_SCALE = 1e-3
"""Standard deviation of the alphas at the start."""


class CellSupernet(nn.Module):
    """A network of mixed cells; cells L // 3 and 2L // 3 of L reduce the size and double the channels.

    The alphas (`alphas_normal`, `alphas_reduce`, both (14, K)) are shared by all cells of a kind.

    Args:
        space: what each edge chooses from.
        weighting: `scalar` or `max_w`.
        channels: channels of the first cell's nodes.
        layers: cells.
        classes: outputs.
        activation_checkpointing: for the backward pass keep only what passes from cell to cell, and compute each cell
            a second time: the same gradients to the last bit, in less memory and more time.

    Raises: UnknownName for an unknown weighting.
    """

    _places_normal_N: Tensor
    _places_reduce_N: Tensor

    def __init__(
        self,
        *,
        space: SearchSpace,
        weighting: str,
        channels: int,
        layers: int,
        classes: int,
        activation_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.space = space
        self.activation_checkpointing = activation_checkpointing
        self._weighting = look_up_weighting(weighting)
        stem_channels = STEM_CHANNELS * channels
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem_channels, 3, padding=1, bias=False), BatchNorm(stem_channels, affine=True)
        )
        self.cells = nn.ModuleList(_cells(space, channels, layers))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = Classifier(NODES * channels * 2 ** len(reductions(layers)), classes)
        # What the cells of a kind take of their multipliers, in their order: one copy for each kind and forward pass,
        # by indices that lie on the device, so that the host never waits for it.
        for kind, reduction in (("normal", False), ("reduce", True)):
            places = next(
                cell.places for cell in self.cells if isinstance(cell, MixedCell) and cell.reduction == reduction
            )
            self.register_buffer(f"_places_{kind}_N", torch.tensor(places), persistent=False)
        self.alphas_normal = nn.Parameter(torch.empty(EDGES, len(space.primitives)))
        self.alphas_reduce = nn.Parameter(torch.empty(EDGES, len(space.primitives)))
        for alphas_EK in self.alpha_parameters():
            nn.init.normal_(alphas_EK, std=ALPHA_SCALE)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the alphas anew, the normal cell's first; the weights stay as they are."""
        with torch.no_grad():
            for alphas_EK in self.alpha_parameters():
                draw_EK = torch.randn(alphas_EK.shape, generator=generator, device=generator.device)
                alphas_EK.copy_(ALPHA_SCALE * draw_EK)

    def weight_parameters(self) -> list[nn.Parameter]:
        """Return all parameters but the alphas."""
        alphas = {id(alphas_EK) for alphas_EK in self.alpha_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in alphas]

    def alpha_parameters(self) -> list[nn.Parameter]:
        """Return the alphas: normal, reduce."""
        return [self.alphas_normal, self.alphas_reduce]

    def forward(self, x_BCHW: Tensor, multipliers: Sequence[Tensor] | None = None) -> Tensor:
        """Return the logits, (B, classes).

        Args:
            multipliers: of the operations, in place of what the weighting makes of the alphas: (14, K) of the normal
                and of the reduction cell, 1 for each operation of a genotype and 0 for all others, say.
        """
        normal_EK, reduce_EK = multipliers or (self._weighted(alphas_EK) for alphas_EK in self.alpha_parameters())
        normal_N = normal_EK.flatten().index_select(0, self._places_normal_N)
        reduce_N = reduce_EK.flatten().index_select(0, self._places_reduce_N)
        s0 = s1 = self.stem(x_BCHW.contiguous(memory_format=torch.channels_last))
        for cell in self.cells:
            assert isinstance(cell, MixedCell)
            inputs = (s0, s1, reduce_N if cell.reduction else normal_N)
            s0, s1 = s1, computed_again(cell, *inputs) if self.activation_checkpointing else cell(*inputs)
        return self.classifier(self.pool(s1).flatten(1))

    def _weighted(self, alphas_EK: Tensor) -> Tensor:
        return self._weighting(alphas_EK.softmax(dim=-1))


class MixedCell(nn.Module):
    """A cell of mixed edges; its output is the concatenation of its nodes.

    Args:
        channels_in: of the cell before the last, and of the last.
        channels: of each node.
        reduction: whether edges from the two inputs halve the size.
        after_reduction: whether the last cell did, so that its predecessor is still twice the size.
    """

    def __init__(
        self,
        *,
        space: SearchSpace,
        channels_in: tuple[int, int],
        channels: int,
        reduction: bool,
        after_reduction: bool,
    ) -> None:
        super().__init__()
        self.reduction = reduction
        fit = factorized_reduce if after_reduction else relu_conv_bn
        self.preprocess0 = fit(channels_in[0], channels, affine=False)
        self.preprocess1 = relu_conv_bn(channels_in[1], channels, affine=False)
        # By source state, not by edge: edges of one state share work and are computed together.
        self.sources = nn.ModuleList(
            MixedEdges(
                space=space,
                channels=channels,
                stride=2 if reduction and state < 2 else 1,
                edges=len(edges_from(state)),
            )
            for state in range(NODES + 1)
        )
        columns = [list(source.columns) for source in self.sources if isinstance(source, MixedEdges)]
        self._shapes = [(len(edges_from(state)), len(of_source)) for state, of_source in enumerate(columns)]
        self.places = [
            edge * len(space.primitives) + column
            for state, of_source in enumerate(columns)
            for edge in edges_from(state)
            for column in of_source
        ]
        """Which of the EDGES × primitives multipliers, flattened, `forward` takes, in which order."""

    def forward(self, s0_BCHW: Tensor, s1_BCHW: Tensor, multipliers_N: Tensor) -> Tensor:
        """Return the nodes, one after the other: (B, 4·C, H, W). Multipliers as `places` says."""
        multipliers = multipliers_N.split([edges * kinds for edges, kinds in self._shapes])
        states = [self.preprocess0(s0_BCHW), self.preprocess1(s1_BCHW)]
        terms: list[list[Tensor]] = [[] for _ in range(NODES)]
        for state, source in enumerate(self.sources):
            outputs = source(states[state], multipliers[state].view(self._shapes[state]))
            for node_terms, output in zip(terms[-len(outputs) :], outputs, strict=True):
                node_terms.append(output)
            if state >= 1:  # every edge of this node has been computed
                node_terms = terms[state - 1]
                states.append(sum(node_terms[1:], start=node_terms[0]))
        return torch.cat(states[2:], dim=1)


def edges_from(state: int) -> list[int]:
    """Return the numbers of the edges that leave a state, in the order of the nodes they enter."""
    return [node * (node + 3) // 2 + state for node in range(max(0, state - 1), NODES)]


def reductions(layers: int) -> Sequence[int]:
    """Return which cells of a network reduce (arXiv:1806.09055: at 1/3 and 2/3 of its depth)."""
    return sorted({layers // 3, 2 * layers // 3})


def _cells(space: SearchSpace, channels: int, layers: int) -> list[MixedCell]:
    cells: list[MixedCell] = []
    before, last = STEM_CHANNELS * channels, STEM_CHANNELS * channels
    for layer in range(layers):
        reduction = layer in reductions(layers)
        channels = 2 * channels if reduction else channels
        cells.append(
            MixedCell(
                space=space,
                channels_in=(before, last),
                channels=channels,
                reduction=reduction,
                after_reduction=layer > 0 and cells[-1].reduction,
            )
        )
        before, last = last, NODES * channels
    return cells
