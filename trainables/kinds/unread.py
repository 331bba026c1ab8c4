"""Settings that a trial does not read, because of its others: they can change nothing, so its id is without them.

Each returns, setting -> why there is no use for it here. A reason of "" is for settings that searches or trainings of
one stage share, so that they may stand in its `config` though nobody reads them.
"""

from typing import Any

from trainables.architecture.families import FAMILIES
from trainables.architecture.genotype import Genotype, MultiChannelPath, NasBench201Cell, read_architecture
from trainables.architecture.networks import NETWORKS
from trainables.architecture.spaces import read_space
from trainables.data.datasets import describe
from trainables.errors import SharptuneError
from trainables.trainable import Context

OF_ALPHAS = (
    "weighting",
    "order",
    "arch_learning_rate",
    "arch_weight_decay",
    "alpha_start_epoch",
    "alpha_every",
    "prune_below",
    "activation_checkpointing",
    "precision",
)
"""Settings of how alphas and weights are found."""
OF_DRAWS = ("dataset", "space", "strategy", "params_min", "params_max")
"""All that a random choice reads, and the dataset, which it leaves to its children."""
OF_CHOKES = ("choke_conv_3x3", "dil_choke_conv_3x3")
"""The primitives with channels in their middle."""


def unread_by_search(config: Any, _context: Context) -> dict[str, str]:
    """Return what a search with a `trainables.config.SearchConfig` does not read."""
    found: dict[str, str] = {}
    if config.strategy == "random":
        alphas = "a random architecture has no alphas, so this would change nothing; leave it out here"
        found |= {name: "" for name in type(config).model_fields if name not in OF_DRAWS}
        found |= dict.fromkeys(OF_ALPHAS, alphas)
    else:
        sizes = "only random architectures can be asked for by size; say strategy: random, or leave it out"
        found |= {"params_min": sizes, "params_max": sizes}
    of_space = FAMILIES[read_space(config.space).finds].unread
    return {**of_space, **{name: why or of_space.get(name, "") for name, why in found.items()}}


def unread_by_training(config: Any, _context: Context) -> dict[str, str]:
    """Return what a training with a `trainables.config.TrainConfig` does not read; its genotype may be unknown."""
    found: dict[str, str] = {} if config.auxiliary else {"auxiliary_weight": ""}
    kind = NETWORKS[config.network].kind
    if kind == MultiChannelPath.kind:
        sizes = "the network of a path has the sizes of the path; leave this out"
        found |= {"channels": sizes, "layers": sizes}
    if kind == NasBench201Cell.kind:
        found |= {"operations": "the operations of NAS-Bench-201 are built in one way; leave this out"}
    if kind != Genotype.kind or _without_chokes(config.genotype):
        found |= {"mid_channels": ""}
    return found | _unread_of_arrays(config.dataset)


def _without_chokes(genotype: Any) -> bool:
    """Say whether there is no choke_conv in a genotype; nobody knows of one that is yet to be found."""
    if genotype is None:
        return False
    try:
        architecture = read_architecture(genotype)
    except SharptuneError:  # said elsewhere
        return False
    return not any(operation in OF_CHOKES for operation in architecture.operations)


def _unread_of_arrays(dataset: str) -> dict[str, str]:
    try:
        info = describe(dataset)
    except SharptuneError:  # said elsewhere
        return {}
    if info.stored == "files":
        return {}
    return {
        "image_size": f"{info.title} is one array, whose images are taken as they are; leave this out",
        "corrupt_limit": "only images that are kept as files can turn out to be unreadable; leave this out",
    }
