"""The final networks by name: what each is made of, and its size where nothing else is said.

Nothing here imports torch; `final_networks.py` builds what is named here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trainables.architecture.genotype import Architecture, Genotype
from trainables.errors import InvalidGenotype, unknown_name


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalNetwork:
    """A way to build a network of an architecture, and the images it is made for."""

    title: str
    cells: bool
    """Whether it is made of a genotype's cells; of a path otherwise, whose channels and layers are its own."""
    channels: int | None = None
    """Of the first cell, in the paper's tables."""
    layers: int | None = None
    """Cells, in the paper's tables."""
    classes: int = 10
    image_size: int = 32
    least_channels: int = 1


NETWORKS: Mapping[str, FinalNetwork] = {
    # arXiv:1903.09900, Tables 2 to 4
    "cifar": FinalNetwork(title="CIFAR network", cells=True, channels=36, layers=20),
    "imagenet": FinalNetwork(
        title="ImageNet network", cells=True, channels=48, layers=14, classes=1000, image_size=224, least_channels=2
    ),
    "multichannel": FinalNetwork(title="MultiChannelNet path", cells=False),
    "multichannel_released": FinalNetwork(
        title="MultiChannelNet path without its last operation, as the released code builds it", cells=False
    ),
}


def natural_network(architecture: Architecture) -> str:
    """Return the network of an architecture for which nobody named one: cifar for cells, multichannel for paths."""
    return "cifar" if isinstance(architecture, Genotype) else "multichannel"


def look_up_network(network: str) -> FinalNetwork:
    """Return the network of that name. Raises: UnknownName."""
    if network not in NETWORKS:
        raise unknown_name("network", network, NETWORKS)
    return NETWORKS[network]


def check_network(architecture: Architecture, network: str, *, auxiliary: bool = False, drop_path: float = 0.0) -> None:
    """Say whether such an architecture can become such a network, and be trained so.

    Raises: UnknownName for an unknown network; InvalidGenotype for one that is made of something else, or that cannot
        have an auxiliary head or drop path.
    """
    cells = isinstance(architecture, Genotype)
    if look_up_network(network).cells != cells:
        what, fitting = ("cells", "cifar or imagenet") if cells else ("a path", "multichannel or multichannel_released")
        raise InvalidGenotype(f"{what} cannot become the network {network!r}; set network: {fitting}")
    if not cells and (auxiliary or drop_path):
        raise InvalidGenotype(
            "the network of a path has neither an auxiliary head nor drop path; set auxiliary: false and drop_path: 0"
        )
