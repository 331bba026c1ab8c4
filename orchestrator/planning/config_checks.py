"""What only some trainables can say about a config: whether its settings go together, and what it leaves its children.

Keyed by the import path of the config class, so that a catalog of fakes meets none of it. How long a trial may take is
a question for `workload.py`.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel

from trainables.architecture.genotype import check_operations, read_architecture
from trainables.architecture.networks import NETWORKS
from trainables.architecture.spaces import MultiChannelSpace, SearchSpace, Space, read_space
from trainables.catalog import Trainable
from trainables.config import SECOND_ORDER_PRECISIONS
from trainables.data import datasets
from trainables.distributed.shares import share_problem
from trainables.errors import SharptuneError
from trainables.trial import JSON

FieldProblem: TypeAlias = tuple[str, str]
"""(field, sentence)."""

Check: TypeAlias = Callable[[Any, str | None, float], list[FieldProblem]]

INHERITED = ("dataset", "operations")
"""Settings that a child takes over from its parent."""

KIND = "kind of genotype"
"""No setting, but left to children too: `cells` or `path`, what a trial's genotype is."""

_OF_ALPHAS = (
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
"""Settings of how alphas and weights are found, which `strategy: random` has no use for.

It has none for epochs, batches and learning rates either, but may be given those, as a grid shares them with searches.
"""

_ARTIFACTS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("gradient", "cells"): ("genotype", "genotype_with_none"),
    ("gradient", "path"): ("genotype", "genotype_top_down", "genotype_bottom_up"),
    ("random", "cells"): ("genotype",),
    ("random", "path"): ("genotype",),
}
"""What a search finds, by its strategy and its space's kind of genotype."""


def problems(entry: Trainable, config: BaseModel, *, kind: str | None = None, gpus: float = 0) -> list[FieldProblem]:
    """Return what a config's own class cannot see to be wrong.

    Args:
        kind: that of the genotype that a reference stands for, where one does and it is known.
        gpus: what the trial asks for.
    """
    check = CHECKS.get(entry.config)
    return check(config, kind, gpus) if check else []


def bequest(config: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return what the children of a trial with this config take over unless they say the same themselves."""
    left = {name: config[name] for name in INHERITED if name in config}
    space = space_of(config)
    if space is not None:
        left["operations"] = space.operations if isinstance(space, SearchSpace) else "ssc"
        left[KIND] = _kind(space)
    elif isinstance(genotype := config.get("genotype"), Mapping):
        left[KIND] = genotype.get("kind", "cells")
    return left


def is_transfer(name: str, given: JSON) -> bool:
    """Say whether a child's own setting, other than its parent's, can only be meant: a dataset kept as files.

    No search reads files, so what is trained on them was searched for elsewhere. Any other difference is a mistake.
    """
    try:
        return name == "dataset" and datasets.describe(str(given)).stored == "files"
    except SharptuneError:  # said elsewhere
        return False


def absent(key: str, config: Mapping[str, JSON]) -> str | None:
    """Return why trials of this config will not find what a child refers to; None when they will, or nobody knows."""
    space, strategy = space_of(config), config.get("strategy")
    if space is None or strategy not in ("gradient", "random"):
        return None
    found = _ARTIFACTS[strategy, _kind(space)]
    if not key.startswith("genotype") or key in found:
        return None
    search = "a random choice" if strategy == "random" else f"a search that ends in {_WORDS[_kind(space)]}"
    return f"{search} finds no {key!r}, only {' and '.join(found)}"


_WORDS = {"cells": "cells", "path": "a path"}


def space_of(config: Mapping[str, JSON]) -> Space | None:
    """Return the space of a config, if it has one that can be told."""
    written = config.get("space")
    if not isinstance(written, str | Mapping):
        return None
    try:
        return read_space(written)
    except SharptuneError:
        return None


def _kind(space: Space) -> str:
    return "cells" if isinstance(space, SearchSpace) else "path"


def _search_problems(config: Any, _kind: str | None, _gpus: float) -> list[FieldProblem]:
    found = _data_problems(config, test_images=None, halves=True)
    found += _random_problems(config) if config.strategy == "random" else _gradient_problems(config)
    space = read_space(config.space)
    if isinstance(space, MultiChannelSpace):
        sentence = "a MultiChannelNet's sizes stand in its space (scales, blocks, layers); leave this out"
        found += [(name, sentence) for name in _changed(config, "channels", "layers")]
        smallest = 1 / (len(space.scales) ** 2 * len(space.primitives))
        if config.prune_below is not None and config.prune_below >= smallest:
            share = f"all weights of a layer are {smallest:g} at first, so this leaves nothing of it; say less"
            found.append(("prune_below", share))
    elif config.prune_below is not None:
        found.append(("prune_below", "only a MultiChannelNet is pruned, and this space is one of cells; leave it out"))
    return found


def _random_problems(config: Any) -> list[FieldProblem]:
    sentence = "a random architecture has no alphas, so this would change nothing but the trial's id; leave it out here"
    found = [(name, sentence) for name in _changed(config, *_OF_ALPHAS)]
    low, high = config.params_min, config.params_max
    if low is not None and high is not None and low > high:
        found.append(("params_min", f"must not be more than params_max, which is {high}"))
    return found


def _gradient_problems(config: Any) -> list[FieldProblem]:
    sentence = "only random architectures can be asked for by size; say strategy: random, or leave it out"
    found = [(name, sentence) for name in _changed(config, "params_min", "params_max")]
    if config.alpha_start_epoch > config.epochs:
        found.append(("alpha_start_epoch", f"the alphas would never move: there are {config.epochs} epochs"))
    if config.order == 2 and config.precision not in SECOND_ORDER_PRECISIONS:
        allowed = " or ".join(SECOND_ORDER_PRECISIONS)
        drowned = f"order: 2 takes a small difference of gradients, which drowns in the rounding; say {allowed}"
        found.append(("precision", f"{drowned}, or order: 1"))
    return found


def _training_problems(config: Any, kind: str | None, gpus: float) -> list[FieldProblem]:
    found = _data_problems(
        config,
        test_images=config.test_images,
        halves=False,
        validation_images=config.validation_images,
        image_size=config.image_size,
    )
    found = found or _unread_problems(config)
    found = found or _rank_problems(config, gpus)
    network = NETWORKS[config.network]
    if getattr(config, "genotype", None) is not None:  # otherwise a reference, or missing, which is said elsewhere
        try:
            architecture = read_architecture(config.genotype)
            check_operations(architecture, config.operations)
        except SharptuneError as error:
            return [*found, ("genotype", str(error))]
        kind = architecture.to_json().get("kind", "cells")
    if kind is not None and network.cells != (kind == "cells"):
        fitting = " or ".join(name for name, other in NETWORKS.items() if other.cells == (kind == "cells"))
        return [*found, ("network", f"the genotype is {_WORDS[kind]}, which takes network: {fitting}")]
    return found + (_cell_network_problems(config) if network.cells else _path_network_problems(config))


def _unread_problems(config: Any) -> list[FieldProblem]:
    if datasets.describe(config.dataset).stored == "files":
        return []
    sentence = "only images that are kept as files can turn out to be unreadable; leave this out"
    return [(name, sentence) for name in _changed(config, "corrupt_limit")]


def _rank_problems(config: Any, gpus: float) -> list[FieldProblem]:
    found: list[FieldProblem] = []
    if config.ranks > 1 and gpus not in (0, config.ranks):
        asked = f"the stage's resources ask for {gpus:g}; say gpus: {config.ranks} there"
        found.append(("ranks", f"{config.ranks} ranks take a GPU each, and {asked}"))
    images = config.train_images or datasets.describe(config.dataset).train_images
    images -= config.validation_images or 0
    problem = share_problem(images, batch_size=config.batch_size, ranks=config.ranks, accumulate=config.accumulate)
    return found + ([problem] if problem else [])


def _cell_network_problems(config: Any) -> list[FieldProblem]:
    needed = NETWORKS[config.network].image_size
    try:
        size = datasets.describe(config.dataset).image_size
    except SharptuneError:  # said elsewhere
        return []
    if config.network == "imagenet" and size < needed and config.image_size is None:
        sentence = f"is for images of {needed} × {needed} pixels, and those of {config.dataset} have {size} × {size}"
        return [("network", sentence)]
    return []


def _path_network_problems(config: Any) -> list[FieldProblem]:
    found: list[FieldProblem] = []
    if config.auxiliary:
        found.append(("auxiliary", "the network of a path has no auxiliary head; say auxiliary: false"))
    if config.drop_path:
        found.append(("drop_path", "the network of a path drops none of it; say drop_path: 0"))
    sentence = "the network of a path has the sizes of the path; leave this out"
    return found + [(name, sentence) for name in _changed(config, "channels", "layers")]


def _changed(config: Any, *names: str) -> list[str]:
    """Return those settings that are not at their defaults."""
    fields = type(config).model_fields
    return [name for name in names if getattr(config, name) != fields[name].default]


def _data_problems(
    config: Any,
    *,
    test_images: int | None,
    halves: bool,
    validation_images: int | None = None,
    image_size: int | None = None,
) -> list[FieldProblem]:
    try:
        return datasets.batch_problems(
            config.dataset,
            train_images=config.train_images,
            test_images=test_images,
            batch_size=config.batch_size,
            halves=halves,
            validation_images=validation_images,
            image_size=image_size,
        )
    except SharptuneError as error:
        return [("dataset", str(error))]


CHECKS: Mapping[str, Check] = {
    "trainables.config:SearchConfig": _search_problems,
    "trainables.config:TrainConfig": _training_problems,
}
