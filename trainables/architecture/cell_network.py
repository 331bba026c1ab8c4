"""The CIFAR network of a genotype: what final training trains.

Shape letters: B = images, C = channels or classes, D = edges that drop path may drop, H and W = pixels.
Source: arXiv:1806.09055, section 3.1; arXiv:1903.09900, section 4.1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainables.architecture.blocks import BatchNorm, factorized_reduce, relu_conv_bn
from trainables.architecture.cell_supernet import STEM_CHANNELS, reductions
from trainables.architecture.genotype import Edges, Genotype, check_operations
from trainables.architecture.operations import CHOKE_CHANNELS, OPERATIONS
from trainables.errors import TrialFailure

AUXILIARY_MINIMUM = 8
"""Smallest height and width the auxiliary head can take; images must have four times as many pixels a side."""


class CellNetwork(nn.Module):
    """A network of a genotype's cells; cells L // 3 and 2L // 3 of L reduce the size and double the channels.

    Drop path: while training with `drop_path` = p > 0, each edge that is no identity is, for each image, zero with
    probability p and scaled by 1 / (1 - p) otherwise. What is dropped is drawn from `drop_path_generator`, all of a
    forward pass in one draw, so whoever trains sets a fresh generator for each step.

    Args:
        genotype: the two cells.
        operations: `ssc` or `original`.
        channels: of the first cell's nodes.
        layers: cells.
        classes: outputs.
        auxiliary: whether a second classifier looks at the cell at 2/3 of the depth while training.
        mid_channels: channels in the middle of choke_conv.

    Raises: UnknownName, InvalidGenotype when the set of operations cannot build the genotype.
    """

    def __init__(
        self,
        *,
        genotype: Genotype,
        operations: str,
        channels: int,
        layers: int,
        classes: int,
        auxiliary: bool,
        mid_channels: int = CHOKE_CHANNELS,
    ) -> None:
        super().__init__()
        check_operations(genotype, operations)
        self.drop_path = 0.0
        self.drop_path_generator: torch.Generator | None = None
        stem_channels = STEM_CHANNELS * channels
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem_channels, 3, padding=1, bias=False), BatchNorm(stem_channels, affine=True)
        )
        self.cells = nn.ModuleList()
        self._auxiliary_layer = 2 * layers // 3
        self.auxiliary: AuxiliaryHead | None = None
        before = last = stem_channels
        after_reduction = False
        for layer in range(layers):
            reduction = layer in reductions(layers)
            channels = 2 * channels if reduction else channels
            cell = Cell(
                edges=genotype.reduce if reduction else genotype.normal,
                concat=genotype.reduce_concat if reduction else genotype.normal_concat,
                operations=operations,
                channels_in=(before, last),
                channels=channels,
                reduction=reduction,
                after_reduction=after_reduction,
                mid_channels=mid_channels,
            )
            self.cells.append(cell)
            before, last, after_reduction = last, cell.channels_out, reduction
            if auxiliary and layer == self._auxiliary_layer:
                self.auxiliary = AuxiliaryHead(last, classes)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(last, classes)

    def forward(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the logits, and those of the auxiliary head while training with one; each (B, classes).

        Raises: TrialFailure for images too small for the auxiliary head.
        """
        keep_DB = self._draw_keep(x_BCHW)
        auxiliary_logits = None
        s0 = s1 = self.stem(x_BCHW.contiguous(memory_format=torch.channels_last))
        for layer, cell in enumerate(self.cells):
            assert isinstance(cell, Cell)
            s0, s1 = s1, cell(s0, s1, None if keep_DB is None else keep_DB[: cell.droppable])
            keep_DB = None if keep_DB is None else keep_DB[cell.droppable :]
            if self.training and self.auxiliary is not None and layer == self._auxiliary_layer:
                auxiliary_logits = self.auxiliary(s1)
        return self.classifier(self.pool(s1).flatten(1)), auxiliary_logits

    def _draw_keep(self, x_BCHW: Tensor) -> Tensor | None:
        """Return a factor for each droppable edge and image, 0 or 1 / (1 - p); None where nothing is dropped."""
        if not self.training or self.drop_path == 0.0:
            return None
        generator = self.drop_path_generator
        assert generator is not None, "drop path needs a generator of its own"
        droppable = sum(cell.droppable for cell in self.cells if isinstance(cell, Cell))
        keep = 1.0 - self.drop_path
        keep_DB = torch.empty(droppable, len(x_BCHW), device=generator.device).bernoulli_(keep, generator=generator)
        return (keep_DB / keep).to(device=x_BCHW.device, dtype=x_BCHW.dtype)


class Cell(nn.Module):
    """A cell of a genotype: each node is the sum of two edges, the output the concatenation of some states.

    `droppable` is the number of edges that are no identity; `channels_out` the channels of the output.
    """

    def __init__(
        self,
        *,
        edges: Edges,
        concat: Sequence[int],
        operations: str,
        channels_in: tuple[int, int],
        channels: int,
        reduction: bool,
        after_reduction: bool,
        mid_channels: int,
    ) -> None:
        super().__init__()
        fit = factorized_reduce if after_reduction else relu_conv_bn
        self.preprocess0 = fit(channels_in[0], channels, affine=True)
        self.preprocess1 = relu_conv_bn(channels_in[1], channels, affine=True)
        self.operations = nn.ModuleList(
            OPERATIONS[operations][operation](
                channels_in=channels,
                channels_out=channels,
                stride=2 if reduction and state < 2 else 1,
                affine=True,
                mid_channels=mid_channels,
            )
            for operation, state in edges
        )
        self.channels_out = len(concat) * channels
        self.droppable = sum(not isinstance(operation, nn.Identity) for operation in self.operations)
        self._states = [state for _, state in edges]
        self._concat = list(concat)

    def forward(self, s0_BCHW: Tensor, s1_BCHW: Tensor, keep_DB: Tensor | None = None) -> Tensor:
        states = [self.preprocess0(s0_BCHW), self.preprocess1(s1_BCHW)]
        factors = iter(() if keep_DB is None else keep_DB[:, :, None, None, None])
        outputs: list[Tensor] = []
        for operation, state in zip(self.operations, self._states, strict=True):
            y_BCHW = operation(states[state])
            if keep_DB is not None and not isinstance(operation, nn.Identity):
                y_BCHW = y_BCHW * next(factors)
            outputs.append(y_BCHW)
            if len(outputs) % 2 == 0:
                states.append(outputs[-2] + outputs[-1])
        return torch.cat([states[state] for state in self._concat], dim=1)


class AuxiliaryHead(nn.Module):
    """A second classifier in the middle of the network. Its parameters are not counted in a network's size.

    The mean over what is left of the image is over one pixel for images of 32 × 32, as in the released code.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(5, stride=3, count_include_pad=False),
            nn.Conv2d(channels, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            nn.BatchNorm2d(768),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, classes)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return logits, (B, classes). Raises: TrialFailure when the maps are too small."""
        if min(x_BCHW.shape[-2:]) < AUXILIARY_MINIMUM:
            least = 4 * AUXILIARY_MINIMUM
            raise TrialFailure(
                f"the auxiliary head needs images of {least}×{least} pixels or more; set auxiliary: false"
            )
        return self.classifier(self.features(x_BCHW).mean(dim=(2, 3)))
