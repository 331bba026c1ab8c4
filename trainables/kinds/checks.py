"""What is wrong with a config though each of its settings is right: settings that do not go together, or not with data.

The checks of the catalog's trials; each returns what it finds as (setting, sentence).
"""

from typing import Any, TypeAlias

from trainables.architecture.families import FAMILIES
from trainables.architecture.genotype import NasBench201Cell, check_operations, read_architecture
from trainables.architecture.nas_bench_201.cell import STAGES
from trainables.architecture.networks import NETWORKS, networks_of
from trainables.architecture.spaces import MultiChannelSpace, read_space
from trainables.config import SECOND_ORDER_PRECISIONS
from trainables.data import datasets
from trainables.distributed.shares import share_problem
from trainables.errors import SharptuneError
from trainables.trainable import GPUS, KIND_OF_GENOTYPE, Context

Problem: TypeAlias = tuple[str, str]
"""(setting, sentence)."""


def check_search(config: Any, context: Context) -> list[Problem]:
    """Return what is wrong with a `trainables.config.SearchConfig`."""
    found = _data_problems(config, test_images=None, halves=True)
    if context.gpus > 1:
        idle = f"a search runs on one GPU, and each would hold {context.gpus:g}; say gpus: 1, or less"
        found.append((GPUS, idle))
    found += _random_problems(config) if config.strategy == "random" else _gradient_problems(config)
    space = read_space(config.space)
    if isinstance(space, MultiChannelSpace):
        smallest = 1 / (len(space.scales) ** 2 * len(space.primitives))
        below = config.prune_below if config.strategy == "gradient" else None
        if below is not None and below >= smallest:
            share = f"all weights of a layer are {smallest:g} at first, so this leaves nothing of it; say less"
            found.append(("prune_below", share))
    return found


def _random_problems(config: Any) -> list[Problem]:
    low, high = config.params_min, config.params_max
    if low is not None and high is not None and low > high:
        return [("params_min", f"must not be more than params_max, which is {high}")]
    return []


def _gradient_problems(config: Any) -> list[Problem]:
    found: list[Problem] = []
    if config.alpha_start_epoch > config.epochs:
        found.append(("alpha_start_epoch", f"the alphas would never move: there are {config.epochs} epochs"))
    if config.order == 2 and config.precision not in SECOND_ORDER_PRECISIONS:
        allowed = " or ".join(SECOND_ORDER_PRECISIONS)
        drowned = f"order: 2 takes a small difference of gradients, which drowns in the rounding; say {allowed}"
        found.append(("precision", f"{drowned}, or order: 1"))
    return found


def check_training(config: Any, context: Context) -> list[Problem]:
    """Return what is wrong with a `trainables.config.TrainConfig`, whose genotype may be one yet to be found."""
    found = _data_problems(
        config,
        test_images=config.test_images,
        halves=False,
        validation_images=config.validation_images,
    )
    found = found or _rank_problems(config, context.gpus)
    network = NETWORKS[config.network]
    kind = context.inherited.get(KIND_OF_GENOTYPE) if "genotype" in context.referred else None
    if getattr(config, "genotype", None) is not None:  # otherwise a reference, or missing, which is said elsewhere
        try:
            architecture = read_architecture(config.genotype)
            check_operations(architecture, config.operations)
        except SharptuneError as error:
            return [*found, ("genotype", str(error))]
        kind = architecture.kind
    if kind is not None and network.kind != kind:
        fitting = " or ".join(networks_of(kind))
        return [*found, ("network", f"the genotype is {FAMILIES[kind].words}, which takes network: {fitting}")]
    return found + (_cell_network_problems(config) if network.cells else _whole_network_problems(config))


def _rank_problems(config: Any, gpus: float) -> list[Problem]:
    found: list[Problem] = []
    if config.ranks == 1 and gpus > 1:
        idle = f"a training of one rank runs on one GPU, and each would hold {gpus:g}"
        found.append((GPUS, f"{idle}; say ranks: {gpus:g} in its config, or gpus: 1 here"))
    if config.ranks > 1 and gpus not in (0, config.ranks):
        asked = f"the stage's resources ask for {gpus:g}; say gpus: {config.ranks} there"
        found.append(("ranks", f"{config.ranks} ranks take a GPU each, and {asked}"))
    images = config.train_images or datasets.describe(config.dataset).train_images
    images -= config.validation_images or 0
    problem = share_problem(images, batch_size=config.batch_size, ranks=config.ranks, accumulate=config.accumulate)
    return found + ([problem] if problem else [])


def _cell_network_problems(config: Any) -> list[Problem]:
    network = NETWORKS[config.network]
    if config.channels < network.least_channels:
        halved = (
            f"network: {config.network} halves its first cell's channels, so there must be {network.least_channels}"
        )
        return [("channels", f"{halved} at least")]
    needed = network.image_size
    try:
        size = datasets.describe(config.dataset).image_size
    except SharptuneError:  # said elsewhere
        return []
    if config.network == "imagenet" and size < needed and config.image_size is None:
        sentence = f"is for images of {needed} × {needed} pixels, and those of {config.dataset} have {size} × {size}"
        return [("network", sentence)]
    return []


def _whole_network_problems(config: Any) -> list[Problem]:
    found: list[Problem] = []
    kind = NETWORKS[config.network].kind
    what = FAMILIES[kind].words
    if config.auxiliary:
        found.append(("auxiliary", f"the network of {what} has no auxiliary head; say auxiliary: false"))
    if config.drop_path:
        found.append(("drop_path", f"the network of {what} drops none of it; say drop_path: 0"))
    if kind == NasBench201Cell.kind and config.layers % STAGES:
        stages = f"network: {config.network} has {STAGES} stages of equally many cells, {config.layers} in all"
        found.append(("layers", f"{stages} is no multiple of {STAGES}; the benchmark has 15"))
    return found


def _data_problems(
    config: Any,
    *,
    test_images: int | None,
    halves: bool,
    validation_images: int | None = None,
) -> list[Problem]:
    try:
        return datasets.batch_problems(
            config.dataset,
            train_images=config.train_images,
            test_images=test_images,
            batch_size=config.batch_size,
            halves=halves,
            validation_images=validation_images,
        )
    except SharptuneError as error:
        return [("dataset", str(error))]
