"""The kinds of architecture, and what is true of all of a kind: whatever asks for it looks here.

What must be computed for each kind (a supernet, a derivation, a draw, a network) is a `match` over the classes, so that
the type checker finds a kind that nobody thought of. Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trainables.architecture.cells import Genotype
from trainables.architecture.nas_bench_201.cell import NasBench201Cell
from trainables.architecture.paths import MultiChannelPath


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """All architectures of one kind, and the searches that end in them."""

    words: str
    """What such an architecture is, in a sentence."""
    artifacts: tuple[str, ...]
    """What a search by gradient finds; a random choice finds the first."""
    unread: Mapping[str, str]
    """Settings of a search that such a space has no use for, and why."""


_SIZES = "a MultiChannelNet's sizes stand in its space (scales, blocks, layers); leave this out"

FAMILIES: Mapping[str, Family] = {
    Genotype.kind: Family(
        words="cells",
        artifacts=("genotype", "genotype_with_none"),
        unread={"prune_below": "only a MultiChannelNet is pruned, and this space is one of cells; leave it out"},
    ),
    MultiChannelPath.kind: Family(
        words="a path",
        artifacts=("genotype", "genotype_top_down", "genotype_bottom_up"),
        unread={"channels": _SIZES, "layers": _SIZES},
    ),
    NasBench201Cell.kind: Family(
        words="a cell of NAS-Bench-201",
        # In a derivation `none` competes like any other operation: there is no second one that it is left out of.
        artifacts=("genotype",),
        unread={
            "layers": "the cells of NAS-Bench-201 are counted in its space (cells_per_stage); leave this out",
            "prune_below": "only a MultiChannelNet is pruned, and this space is NAS-Bench-201; leave it out",
        },
    ),
}
"""By kind of genotype: `Genotype.kind`, `SearchSpace.finds`."""
