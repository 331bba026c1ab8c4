"""Search spaces as lists of names: which primitives an edge chooses from, and how those primitives are built.

Nothing here imports torch; `operations.py` builds what is named here, and a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from trainables.errors import unknown_name

OperationSet = Literal["ssc", "original"]
"""`ssc`: separable and dilated primitives are SharpSepConv blocks; `original`: those of DARTS (arXiv:1806.09055)."""

NONE = "none"
"""The primitive that outputs zero: it takes part in the softmax of a search and is never chosen by a derivation."""

_COMMON = (
    NONE,
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "conv_7x1_1x7",
)

OPERATION_SETS: Mapping[str, tuple[str, ...]] = {
    "ssc": (
        *_COMMON,
        "flood_conv_3x3",
        "flood_conv_5x5",
        "dil_flood_conv_3x3",
        "dil_flood_conv_5x5",
        "choke_conv_3x3",
        "dil_choke_conv_3x3",
    ),
    "original": _COMMON,
}
"""The names each set of operations can build."""

OPERATION_NAMES: tuple[str, ...] = OPERATION_SETS["ssc"]
"""The names of all operations: a genotype may use these and no others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchSpace:
    """What an edge of a supernet chooses from. The order of `primitives` is the order of the alphas' columns."""

    name: str
    primitives: tuple[str, ...]
    operations: OperationSet


_DARTS_PRIMITIVES = (
    NONE,
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)

SPACES: Mapping[str, SearchSpace] = {
    "darts": SearchSpace(name="darts", primitives=_DARTS_PRIMITIVES, operations="original"),
    "darts_ssc": SearchSpace(name="darts_ssc", primitives=_DARTS_PRIMITIVES, operations="ssc"),
}
"""`darts` is the space of arXiv:1806.09055; `darts_ssc` the same built from SharpSepConv (arXiv:1903.09900, 4.2)."""


def look_up_space(name: str) -> SearchSpace:
    """Return the space of that name. Raises: UnknownName."""
    if name not in SPACES:
        raise unknown_name("space", name, SPACES)
    return SPACES[name]
