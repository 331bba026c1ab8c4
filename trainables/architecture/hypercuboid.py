"""HyperCuboids: search spaces whose architecture weights fill a box with named axes.

Some axes order the layers; the rest say what a layer chooses from, so that each point of the box is one operation in
one layer. Two axes may name the state an operation reads and the state it writes: an operation then follows one that
has written what it reads. Each path takes one operation of each layer, so all paths are equally long, and there are as
many weights as the product of the axes. Source: arXiv:1903.09900, section 4.1 and Figure 6.

MultiChannelNet is one instance. Nothing here imports torch. Shape letters: L = layers, K = operations of a layer.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from trainables.architecture.spaces import InvalidSpace, MultiChannelSpace
from trainables.errors import unknown_name

if TYPE_CHECKING:
    import numpy as np

Coordinates: TypeAlias = Mapping[str, Any]
"""One operation: axis -> value. Those of a layer have its depth axes only."""


@dataclass(frozen=True, kw_only=True)
class HyperCuboid:
    """A box of architecture weights. All weights of a layer share one softmax.

    Raises: InvalidSpace, UnknownName when the axes make no box, or no paths.
    """

    axes: Mapping[str, tuple[Any, ...]]
    """Name -> the different values there; in the order of the alphas' dimensions."""
    depth: tuple[str, ...]
    """The axes that order the layers, outermost first."""
    source: str | None = None
    """The axis that names the state an operation reads; None when layers read all that is written before them."""
    target: str | None = None
    """The axis that names the state it writes: the same values as `source`, or None like it."""

    def __post_init__(self) -> None:
        for name, values in self.axes.items():
            if not values or len(set(values)) != len(values):
                raise InvalidSpace(f"the axis {name!r} needs different values, got {list(values)}")
        for name in (*self.depth, self.source, self.target):
            if name is not None and name not in self.axes:
                raise unknown_name("axis", name, self.axes)
        if (self.source is None) != (self.target is None):
            raise InvalidSpace("source and target go together: name both axes, or neither")
        special = [name for name in (*self.depth, self.source, self.target) if name is not None]
        if repeated := [name for name in special if special.count(name) > 1]:
            raise InvalidSpace(f"the axis {repeated[0]!r} cannot be two of depth, source and target")
        if self.source and self.target and self.axes[self.source] != self.axes[self.target]:
            raise InvalidSpace(f"the axes {self.source!r} and {self.target!r} must have the same values")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the alphas."""
        return tuple(map(len, self.axes.values()))

    @property
    def weights(self) -> int:
        """The number of architecture weights: the product of the axes."""
        return math.prod(self.shape)

    @property
    def layers(self) -> tuple[Coordinates, ...]:
        """The layers in the order of a path, each by its values on the depth axes."""
        return tuple(_points(self.axes, self.depth))

    @property
    def choice(self) -> tuple[str, ...]:
        """The axes that are not depth: what a layer chooses from."""
        return tuple(name for name in self.axes if name not in self.depth)

    @property
    def states(self) -> tuple[Any, ...]:
        """What an operation may read or write; a single None when the axes name no states."""
        return (None,) if self.source is None else self.axes[self.source]

    @property
    def permutation(self) -> tuple[int, ...]:
        """The alphas' dimensions in the order of a path: `alphas.permute(permutation).reshape(L, K)`."""
        names = list(self.axes)
        return tuple(names.index(name) for name in (*self.depth, *self.choice))

    @property
    def indices_LK(self) -> "np.ndarray":
        """Where the operations stand in the flattened alphas: row l in the order of `candidates(l)`."""
        import numpy as np  # what a space has in it can be listed without

        positions = np.arange(self.weights).reshape(self.shape)
        return positions.transpose(self.permutation).reshape(len(self.layers), -1)

    def candidates(self, layer: int) -> tuple[Coordinates, ...]:
        """Return the operations a layer (0 is the first) chooses from, by all their coordinates."""
        return tuple({**self.layers[layer], **point} for point in _points(self.axes, self.choice))

    def reads(self, operation: Coordinates) -> Any:
        """Return the state that an operation reads; None when the axes name no states."""
        return None if self.source is None else operation[self.source]

    def writes(self, operation: Coordinates) -> Any:
        """Return the state that an operation writes; None when the axes name no states."""
        return None if self.target is None else operation[self.target]


def _points(axes: Mapping[str, tuple[Any, ...]], names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return all points of some of the axes; the last axis runs fastest."""
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(axes[name] for name in names))]


def multichannel_cuboid(space: MultiChannelSpace) -> HyperCuboid:
    """Return a MultiChannelNet's box.

    Axes: `layer`, the position in a block, of which the last halves height and width; `block`; `channels_in` and
    `channels_out`; `primitive`. In this order they are the released code's stride, layer, input, output, operation.
    """
    return HyperCuboid(
        axes={
            "layer": tuple(range(space.layers)),
            "block": tuple(range(space.blocks)),
            "channels_in": space.scales,
            "channels_out": space.scales,
            "primitive": space.primitives,
        },
        depth=("block", "layer"),
        source="channels_in",
        target="channels_out",
    )


def multichannel_stride(cuboid: HyperCuboid, operation: Coordinates) -> int:
    """Return the stride of an operation, or of a layer, of a MultiChannelNet: 2 in the last layer of each block."""
    return 2 if operation["layer"] == cuboid.axes["layer"][-1] else 1
