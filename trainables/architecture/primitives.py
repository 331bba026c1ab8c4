"""What each primitive is, in numbers: the columns of Table 1 of arXiv:1903.09900.

Nothing here imports torch; `operations.py` builds what is described here, and a test holds the two together. The table
prints a kernel of 1 for the pools, which are 3×3, and a stride of 2 for one choke_conv: the stride is that of the edge,
1 in normal cells and 2 where a reduction cell reads its inputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trainables.architecture.spaces import NONE, OperationSet, Space


@dataclass(frozen=True, kw_only=True, slots=True)
class Primitive:
    """A row of Table 1; None where nothing is to be said."""

    kernel: int | None = None
    stride: int | None = 1
    """In a normal cell."""
    dilation: int | None = 1
    """Of the first convolution; the second one's is always 1."""
    middle: int | None = None
    """Channels between the two halves of a block, where they are fixed; `mid_channels` of final training."""
    multiplier: int | None = None
    """The same as a multiple of the output's channels."""


def _separable(kernel: int, dilation: int = 1, multiplier: int = 1) -> Primitive:
    return Primitive(kernel=kernel, dilation=dilation, multiplier=multiplier)


_COMMON = {
    NONE: Primitive(stride=None, dilation=None),
    "max_pool_3x3": Primitive(kernel=3),
    "avg_pool_3x3": Primitive(kernel=3),
    "skip_connect": Primitive(kernel=1),
    "sep_conv_3x3": _separable(3),
    "sep_conv_5x5": _separable(5),
    "sep_conv_7x7": _separable(7),
    "conv_7x1_1x7": Primitive(kernel=7),
}

PRIMITIVES: Mapping[OperationSet, Mapping[str, Primitive]] = {
    "ssc": {
        **_COMMON,
        "dil_conv_3x3": _separable(3, dilation=2),
        "dil_conv_5x5": _separable(5, dilation=2),
        "flood_conv_3x3": _separable(3, multiplier=4),
        "flood_conv_5x5": _separable(5, multiplier=4),
        "dil_flood_conv_3x3": _separable(3, dilation=2, multiplier=4),
        "dil_flood_conv_5x5": _separable(5, dilation=2, multiplier=4),
        "choke_conv_3x3": Primitive(kernel=3, middle=32),
        "dil_choke_conv_3x3": Primitive(kernel=3, dilation=2, middle=32),
    },
    "original": {
        **_COMMON,
        # Half a block: there is no middle.
        "dil_conv_3x3": Primitive(kernel=3, dilation=2),
        "dil_conv_5x5": Primitive(kernel=5, dilation=2),
    },
}
"""By set of operations and name."""

_NAS_BENCH_201: Mapping[str, Primitive] = {
    **{name: _COMMON[name] for name in (NONE, "skip_connect", "avg_pool_3x3")},
    "nor_conv_1x1": Primitive(kernel=1),
    "nor_conv_3x3": Primitive(kernel=3),
}


def primitives_of(space: Space) -> Mapping[str, Primitive]:
    """Return what each operation is that such a space can choose from, by name."""
    return _NAS_BENCH_201 if space.operations is None else PRIMITIVES[space.operations]
