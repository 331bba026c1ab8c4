"""What a training takes of a search that only the search's alphas tell: the best architecture within a budget."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from trainables.architecture.budget import budget_of_key
from trainables.architecture.derive_within import derive_within, never_fits
from trainables.architecture.genotype import describe
from trainables.architecture.networks import NETWORKS
from trainables.architecture.spaces import known_space, read_space
from trainables.config import TrainConfig
from trainables.data import datasets
from trainables.errors import SharptuneError, TrialFailure
from trainables.loops.supernets import operations_of
from trainables.trial import JSON, TrialRow, canonical_json


def derived(key: str, parent: TrialRow, alphas: Callable[[], Mapping[str, JSON]], config: TrainConfig) -> JSON:
    """Return the best architecture of a search whose network, as a training builds it, keeps the budget of a key.

    Raises: TrialFailure where there is none; DamagedFile.
    """
    space, budget = read_space(parent.config.get("space")), budget_of_key(key)
    assert budget is not None, "the key was read when the trial was planned"
    recorded = alphas()
    try:
        within = derive_within(space, recorded, budget, **_network(config))
    except SharptuneError as error:
        raise TrialFailure(f"genotype: {error}") from error
    return describe(within.best.architecture, operations_of(space))


def underivable(key: str, found_by: Mapping[str, object], config: TrainConfig) -> str | None:
    """Return a sentence where no network that a training may build keeps the budget of a key; None where one does."""
    space = known_space(found_by.get("space"))
    if space is None:  # said elsewhere
        return None
    try:
        return _never_fits(canonical_json(found_by["space"]), key, tuple(sorted(_network(config).items())))
    except SharptuneError as error:
        return str(error)


@cache
def _never_fits(space: str, key: str, network: tuple[tuple[str, Any], ...]) -> str | None:
    import json

    budget = budget_of_key(key)
    return None if budget is None else never_fits(read_space(json.loads(space)), budget, **dict(network))


def _network(config: TrainConfig) -> dict[str, Any]:
    """Return how a training's network is built, by arguments of `architecture_cost`. Raises: DataError, UnknownName."""
    images = datasets.describe(config.dataset)
    built = {
        "network": config.network,
        "classes": images.classes,
        "image_size": config.image_size or images.image_size,
    }
    network = NETWORKS[config.network]
    if network.layers is not None:  # a path has its own
        built |= {"channels": config.channels, "layers": config.layers}
    if network.cells:
        built["mid_channels"] = config.mid_channels
    return built
