"""What only some trainables can say about a config: whether its data fit, what it inherits, how long it may take.

Keyed by the import path of the config class, so that a catalog of fakes meets none of it.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel

from trainables.architecture.genotype import Genotype, check_operations
from trainables.architecture.spaces import SPACES
from trainables.catalog import Trainable
from trainables.data.catalog import DATASETS, batch_problems
from trainables.errors import SharptuneError
from trainables.trial import JSON

FieldProblem: TypeAlias = tuple[str, str]
"""(field, sentence)."""

Check: TypeAlias = Callable[[BaseModel], list[FieldProblem]]


INHERITED = ("dataset", "operations")
"""Settings that a child takes over from its parent."""


def problems(entry: Trainable, config: BaseModel) -> list[FieldProblem]:
    """Return what a config's own class cannot see to be wrong."""
    check = CHECKS.get(entry.config)
    return check(config) if check else []


def bequest(config: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return what the children of a trial with this config take over unless they say the same themselves."""
    left: dict[str, JSON] = {}
    if "dataset" in config:
        left["dataset"] = config["dataset"]
    if config.get("space") in SPACES:
        left["operations"] = SPACES[config["space"]].operations
    elif "operations" in config:
        left["operations"] = config["operations"]
    return left


def expected_cost(config: Mapping[str, JSON]) -> float:
    """Return a crude measure of a trial's work: only its order among other trials means anything."""
    dataset = DATASETS.get(str(config.get("dataset")))
    images = config.get("train_images") or (dataset.train_images if dataset else 50_000)
    candidates = len(SPACES[config["space"]].primitives) if config.get("space") in SPACES else 1
    layers, channels = config.get("layers", 1), config.get("channels", 1)
    return float(_number(config.get("epochs", 1)) * images * _number(layers) * _number(channels) ** 2 * candidates)


def _number(value: JSON) -> float:
    """Return a number; 1 for what is none, such as a reference."""
    return value if isinstance(value, int | float) else 1.0


def _search_problems(config: Any) -> list[FieldProblem]:
    return _data_problems(config, test_images=None, halves=True)


def _training_problems(config: Any) -> list[FieldProblem]:
    found = _data_problems(config, test_images=config.test_images, halves=False)
    if getattr(config, "genotype", None) is None:  # a reference, or missing, which is said elsewhere
        return found
    try:
        check_operations(Genotype.from_json(config.genotype), config.operations)
    except SharptuneError as error:
        found.append(("genotype", str(error)))
    return found


def _data_problems(config: Any, *, test_images: int | None, halves: bool) -> list[FieldProblem]:
    try:
        return batch_problems(
            config.dataset,
            train_images=config.train_images,
            test_images=test_images,
            batch_size=config.batch_size,
            halves=halves,
        )
    except SharptuneError as error:
        return [("dataset", str(error))]


CHECKS: Mapping[str, Check] = {
    "trainables.config:SearchConfig": _search_problems,
    "trainables.config:TrainConfig": _training_problems,
}
