"""The networks of a genotype: what final training trains. One for small images, one that is made for 224 × 224.

Shape letters: B = images, C = channels or classes, D = edges that drop path may drop, H and W = pixels.
Source: arXiv:1806.09055, section 3; arXiv:1903.09900, section 4.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainables.architecture.blocks import BatchNorm, Classifier, factorized_reduce, relu_conv_bn
from trainables.architecture.cell_supernet import STEM_CHANNELS, reductions
from trainables.architecture.genotype import Edges, Genotype, check_operations
from trainables.architecture.operations import CHOKE_CHANNELS, OPERATIONS
from trainables.errors import TrialFailure

AUXILIARY_KERNEL = 5
"""Of the pool of the auxiliary head."""


class StackedCells(nn.Module):
    """Cells of a genotype on top of stems; cells L // 3 and 2L // 3 of L reduce the size and double the channels.

    Each edge that is no identity may be dropped: whoever trains with drop path gives every pass a factor for each of
    the `droppable` edges and each image (see `drop_path.py`).

    Args:
        stem: makes the last of the two inputs of the first cell out of images, or out of what `first_stem` returns.
        first_stem: makes the other input, at twice the size; without it the two are one.
        stem_channels: channels of either.
        genotype: the two cells.
        operations: `ssc` or `original`.
        channels: of the first cell's nodes.
        layers: cells.
        classes: outputs.
        auxiliary: whether a second classifier looks at the cell at 2/3 of the depth while training.
        mid_channels: channels in the middle of choke_conv.

    Raises: UnknownName, InvalidGenotype when the set of operations cannot build the genotype.
    """

    auxiliary_stride = 3
    """Stride of the pool of the auxiliary head."""
    shrinks = 4
    """How many times fewer rows the auxiliary head sees than the images have: stems and both reductions."""

    def __init__(
        self,
        *,
        stem: nn.Module,
        first_stem: nn.Module | None = None,
        stem_channels: int,
        genotype: Genotype,
        operations: str,
        channels: int,
        layers: int,
        classes: int,
        auxiliary: bool,
        mid_channels: int,
    ) -> None:
        super().__init__()
        check_operations(genotype, operations)
        self.first_stem = first_stem
        self.stem = stem
        self.cells = nn.ModuleList()
        self._auxiliary_layer = 2 * layers // 3
        self.auxiliary: AuxiliaryHead | None = None
        before = last = stem_channels
        after_reduction = first_stem is not None
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
                self.auxiliary = AuxiliaryHead(last, classes, stride=self.auxiliary_stride, shrunk=self.shrinks)
        self._droppable = [cell.droppable for cell in self.cells if isinstance(cell, Cell)]
        self.droppable = sum(self._droppable)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = Classifier(last, classes)

    def forward(self, x_BCHW: Tensor, keep_DB: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return the logits, and those of the auxiliary head while training with one; each (B, classes).

        Args:
            keep_DB: what each droppable edge is multiplied by for each image; nothing is dropped without it.

        Raises: TrialFailure for images too small for the auxiliary head.
        """
        keep_of_cells = [None] * len(self.cells) if keep_DB is None else keep_DB.split(self._droppable)
        auxiliary_logits = None
        x_BCHW = x_BCHW.contiguous(memory_format=torch.channels_last)
        if self.first_stem is None:
            s0 = s1 = self.stem(x_BCHW)
        else:
            s0 = self.first_stem(x_BCHW)
            s1 = self.stem(s0)
        for layer, (cell, keep_of_cell_DB) in enumerate(zip(self.cells, keep_of_cells, strict=True)):
            s0, s1 = s1, cell(s0, s1, keep_of_cell_DB)
            if self.training and self.auxiliary is not None and layer == self._auxiliary_layer:
                auxiliary_logits = self.auxiliary(s1)
        return self.classifier(self.pool(s1).flatten(1)), auxiliary_logits


class CellNetwork(StackedCells):
    """The network for small images such as CIFAR's. Arguments and Raises as of `StackedCells`."""

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
        stem_channels = STEM_CHANNELS * channels
        super().__init__(
            stem=_conv_bn(3, stem_channels, stride=1),
            stem_channels=stem_channels,
            genotype=genotype,
            operations=operations,
            channels=channels,
            layers=layers,
            classes=classes,
            auxiliary=auxiliary,
            mid_channels=mid_channels,
        )


class ImageNetNetwork(StackedCells):
    """The network for images of 224 × 224, or of others: stems divide their size by eight before the first cell.

    The first stem stops at a quarter of the size, so the first cell takes its two inputs as after a reduction.
    Arguments and Raises as of `StackedCells`.

    Two things where releases differ: the auxiliary head has its second batch norm, as the code of arXiv:1903.09900 has
    and that of arXiv:1806.09055 has not; and a normal cell's output is its `normal_concat`, where both codes take
    `reduce_concat`, which is the same for all published genotypes but NASNet's and AmoebaNet's.
    """

    auxiliary_stride = 2
    shrinks = 32

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
        half = max(1, channels // 2)
        super().__init__(
            first_stem=nn.Sequential(*_conv_bn(3, half, stride=2), nn.ReLU(), *_conv_bn(half, channels, stride=2)),
            stem=nn.Sequential(nn.ReLU(), *_conv_bn(channels, channels, stride=2)),
            stem_channels=channels,
            genotype=genotype,
            operations=operations,
            channels=channels,
            layers=layers,
            classes=classes,
            auxiliary=auxiliary,
            mid_channels=mid_channels,
        )


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
                # Half precision would round the factor, one way for all images; and the product is float32, as all maps
                # behind it would be.
                y_BCHW = (y_BCHW * next(factors)).to(y_BCHW.dtype)
            outputs.append(y_BCHW)
            if len(outputs) % 2 == 0:
                states.append(outputs[-2] + outputs[-1])
        return torch.cat([states[state] for state in self._concat], dim=1)


class AuxiliaryHead(nn.Module):
    """A second classifier in the middle of the network. Its parameters are not counted in a network's size.

    The mean over what is left of the image is over one pixel for the images a network is made for, as in the released
    code.

    Args:
        stride: of the pool: 3 for maps of 8 × 8 (CIFAR), 2 for 7 × 7 (ImageNet).
        shrunk: how many times smaller the maps are than the images.
    """

    def __init__(self, channels: int, classes: int, *, stride: int, shrunk: int) -> None:
        super().__init__()
        self._shrunk = shrunk
        self._least = AUXILIARY_KERNEL + stride  # so that the pool leaves the 2 × 2 of the convolution after it
        self.features = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(AUXILIARY_KERNEL, stride=stride, count_include_pad=False),
            nn.Conv2d(channels, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            nn.BatchNorm2d(768),
            nn.ReLU(),
        )
        self.classifier = Classifier(768, classes)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return logits, (B, classes). Raises: TrialFailure when the maps are too small."""
        if min(x_BCHW.shape[-2:]) < self._least:
            least = (self._least - 1) * self._shrunk + 1  # each halving rounds up
            raise TrialFailure(
                f"the auxiliary head needs images of {least}×{least} pixels or more; set auxiliary: false"
            )
        return self.classifier(self.features(x_BCHW).mean(dim=(2, 3)))


def _conv_bn(channels_in: int, channels_out: int, *, stride: int) -> nn.Sequential:
    """Return a 3×3 convolution and a batch norm: what stems are made of."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False),
        BatchNorm(channels_out, affine=True),
    )
