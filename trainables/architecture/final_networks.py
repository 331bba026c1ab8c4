"""Build and count the final networks: cells for CIFAR and for ImageNet, paths of a MultiChannelNet, NAS-Bench-201."""

import functools
from typing import TypeAlias

from trainables.architecture.cell_network import CellNetwork, ImageNetNetwork, StackedCells
from trainables.architecture.complexity import Cost, count_unbuilt
from trainables.architecture.genotype import (
    Architecture,
    Genotype,
    MultiChannelPath,
    NasBench201Cell,
    check_operations,
)
from trainables.architecture.nas_bench_201.cell import STAGES
from trainables.architecture.nas_bench_201_network import NasBench201Network
from trainables.architecture.networks import check_network, look_up_network
from trainables.architecture.operations import CHOKE_CHANNELS
from trainables.architecture.path_network import PathNetwork
from trainables.errors import InvalidGenotype

Network: TypeAlias = StackedCells | PathNetwork | NasBench201Network


def build_network(
    architecture: Architecture,
    *,
    network: str,
    operations: str,
    channels: int,
    layers: int,
    classes: int,
    auxiliary: bool,
    mid_channels: int = CHOKE_CHANNELS,
) -> Network:
    """Return a network that maps images to (logits, logits of the auxiliary head or None), each (B, classes).

    Args:
        architecture: what the network is made of, of the kind that it takes.
        network: a name of NETWORKS.
        operations: how a genotype's operations are built; `ssc` for a path.
        channels, layers: for cells, also those of NAS-Bench-201; a path has its own.
        mid_channels: for a genotype's cells.
        classes: outputs.
        auxiliary: whether there is a second classifier while training; only a genotype's cells have a place for one.

    Raises: UnknownName, InvalidGenotype when they do not go together, or channels are too few.
    """
    check_network(architecture, network, auxiliary=auxiliary)
    match architecture:
        case Genotype():
            least = look_up_network(network).least_channels
            if channels < least:
                raise InvalidGenotype(f"the network {network!r} needs {least} channels at least, got {channels}")
            build = ImageNetNetwork if network == "imagenet" else CellNetwork
            return build(
                genotype=architecture,
                operations=operations,
                channels=channels,
                layers=layers,
                classes=classes,
                auxiliary=auxiliary,
                mid_channels=mid_channels,
            )
        case MultiChannelPath():
            check_operations(architecture, operations)
            return PathNetwork(path=architecture, classes=classes, released=network == "multichannel_released")
        case NasBench201Cell():
            cells_per_stage, left_over = divmod(layers, STAGES)
            if left_over or not cells_per_stage:
                raise InvalidGenotype(
                    f"the network {network!r} has {STAGES} stages of equally many cells, got {layers}"
                )
            return NasBench201Network(
                cell=architecture, channels=channels, cells_per_stage=cells_per_stage, classes=classes
            )


def architecture_cost(
    architecture: Architecture,
    *,
    network: str = "cifar",
    operations: str = "ssc",
    channels: int | None = None,
    layers: int | None = None,
    mid_channels: int = CHOKE_CHANNELS,
    classes: int | None = None,
    image_size: int | None = None,
) -> Cost:
    """Return the cost of a final network, of cells with an auxiliary head, for one image.

    Channels, layers, classes and the image's side are by default those of the paper's tables (`NETWORKS`). Counted once
    in a process.

    Raises: UnknownName, InvalidGenotype as `build_network` does.
    """
    usual = look_up_network(network)
    return _count(
        architecture,
        network,
        operations,
        channels or usual.channels or 0,
        layers or usual.layers or 0,
        mid_channels,
        classes or usual.classes,
        image_size or usual.image_size,
    )


@functools.lru_cache(maxsize=1024)
def _count(
    architecture: Architecture,
    network: str,
    operations: str,
    channels: int,
    layers: int,
    mid_channels: int,
    classes: int,
    image_size: int,
) -> Cost:
    usual = look_up_network(network)

    def build() -> Network:
        return build_network(
            architecture,
            network=network,
            operations=operations,
            channels=channels,
            layers=layers,
            classes=classes,
            auxiliary=usual.cells,
            mid_channels=mid_channels,
        )

    return count_unbuilt(build, (3, image_size, image_size))
