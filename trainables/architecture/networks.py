"""The final networks by name: what each is made of, and its size where nothing else is said.

Nothing here imports torch; `final_networks.py` builds what is named here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trainables.architecture.families import FAMILIES
from trainables.architecture.genotype import Architecture, Genotype, MultiChannelPath, NasBench201Cell
from trainables.errors import InvalidGenotype, unknown_name


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalNetwork:
    """A way to build a network of an architecture, and the images it is made for."""

    title: str
    kind: str = Genotype.kind
    """Of the architecture it is made of. A path has channels and layers of its own."""
    channels: int | None = None
    """Of the first cell, in the tables of the paper it is from."""
    layers: int | None = None
    """Cells, in those tables."""
    classes: int = 10
    image_size: int = 32
    least_channels: int = 1

    @property
    def cells(self) -> bool:
        """Whether it is made of a genotype's two cells: such a network may have an auxiliary head and drop paths."""
        return self.kind == Genotype.kind


NETWORKS: Mapping[str, FinalNetwork] = {
    # arXiv:1903.09900, Tables 2 to 4
    "cifar": FinalNetwork(title="CIFAR network", channels=36, layers=20),
    "imagenet": FinalNetwork(
        title="ImageNet network", channels=48, layers=14, classes=1000, image_size=224, least_channels=2
    ),
    "multichannel": FinalNetwork(title="MultiChannelNet path", kind=MultiChannelPath.kind),
    "multichannel_released": FinalNetwork(
        title="MultiChannelNet path without its last operation, as the released code builds it",
        kind=MultiChannelPath.kind,
    ),
    # arXiv:2001.00326, section 2.2: three stages of five cells
    "nas_bench_201": FinalNetwork(title="NAS-Bench-201 network", kind=NasBench201Cell.kind, channels=16, layers=15),
}


def natural_network(architecture: Architecture) -> str:
    """Return the network of an architecture for which nobody named one: the first of its kind, such as cifar."""
    return networks_of(architecture.kind)[0]


def networks_of(kind: str) -> list[str]:
    """Return the names of the networks that are made of such a genotype, the natural one first."""
    return [name for name, network in NETWORKS.items() if network.kind == kind]


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
    found, what = look_up_network(network), FAMILIES[architecture.kind].words
    if found.kind != architecture.kind:
        fitting = " or ".join(networks_of(architecture.kind))
        raise InvalidGenotype(f"{what} cannot become the network {network!r}; set network: {fitting}")
    if not found.cells and (auxiliary or drop_path):
        raise InvalidGenotype(
            f"the network of {what} has neither an auxiliary head nor drop path; set auxiliary: false and drop_path: 0"
        )
