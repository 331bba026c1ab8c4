"""The supernet of each kind of space."""

from typing import TypeAlias

from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.hypercuboid_supernet import MultiChannelSupernet
from trainables.architecture.nas_bench_201_supernet import NasBench201Supernet
from trainables.architecture.spaces import MultiChannelSpace, NasBench201Space, SearchSpace, Space

Supernet: TypeAlias = CellSupernet | MultiChannelSupernet | NasBench201Supernet
"""What a search trains. All map x_BCHW to logits and have reset, weight_parameters and alpha_parameters."""


def space_supernet(
    space: Space,
    *,
    weighting: str,
    channels: int,
    layers: int,
    classes: int,
    prune_below: float | None = None,
    activation_checkpointing: bool = False,
) -> Supernet:
    """Return the supernet of a space.

    Args:
        channels: of the first cells; a MultiChannelNet has its own.
        layers: cells, of a space of cells alone.
        prune_below: in a MultiChannelNet.

    Raises: UnknownName for an unknown weighting.
    """
    match space:
        case SearchSpace():
            return CellSupernet(
                space=space,
                weighting=weighting,
                channels=channels,
                layers=layers,
                classes=classes,
                activation_checkpointing=activation_checkpointing,
            )
        case MultiChannelSpace():
            return MultiChannelSupernet(
                space=space,
                weighting=weighting,
                classes=classes,
                prune_below=prune_below,
                activation_checkpointing=activation_checkpointing,
            )
        case NasBench201Space():
            return NasBench201Supernet(
                space=space,
                weighting=weighting,
                channels=channels,
                classes=classes,
                activation_checkpointing=activation_checkpointing,
            )
