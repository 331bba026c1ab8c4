"""How much work a trial may be, so that the longest can start first. Only the order among trials means anything."""

from collections.abc import Mapping

from orchestrator.planning.config_checks import space_of
from trainables.architecture.spaces import MultiChannelSpace
from trainables.data.catalog import DATASETS
from trainables.trial import JSON

SECOND_ORDER = 2.5
"""A step of second order takes about so many times as long as one of first order."""
EVALUATION = 1 / 3
"""Of a training step's work, what an evaluation costs: the gradients take about two thirds."""
EDGES = 14
"""Of a cell: a layer of a cell supernet computes so many mixed operations."""
USUAL_PATH = 8 * 128**2
"""A path whose operations are not known yet."""


def expected_cost(config: Mapping[str, JSON]) -> float:
    """Return a crude measure of a trial's work: epochs × images × (layers × channels² × candidates)."""
    if config.get("strategy") == "random":
        return 1.0
    dataset = DATASETS.get(str(config.get("dataset")))
    images = _number(config.get("train_images") or (dataset.train_images if dataset else 50_000))
    held_out = min(_number(config.get("validation_images") or 0), images)
    images += (EVALUATION - 1) * held_out
    order = SECOND_ORDER if config.get("order") == 2 else 1.0
    return float(_number(config.get("epochs", 1)) * images * _one_image(config) * order)


def _one_image(config: Mapping[str, JSON]) -> float:
    space = space_of(config)
    if isinstance(space, MultiChannelSpace):
        return _multichannel(space)
    if str(config.get("network", "")).startswith("multichannel"):
        return _path(config.get("genotype"))
    candidates = len(space.primitives) if space else 1
    return _number(config.get("layers", 1)) * _number(config.get("channels", 1)) ** 2 * candidates


def _multichannel(space: MultiChannelSpace) -> float:
    """All pairs of scales for each primitive; each block sees a quarter of the pixels of the one before it."""
    pairs = sum(space.scales) ** 2 * len(space.primitives) * space.layers
    return sum(pairs / 4**block for block in range(space.blocks)) / EDGES


def _path(genotype: JSON) -> float:
    steps = genotype.get("steps") if isinstance(genotype, Mapping) else None
    if not steps:
        return USUAL_PATH / EDGES
    work, pixels = 0.0, 1.0
    for _, channels_in, channels_out, stride in steps:
        work += channels_in * channels_out * pixels
        pixels /= stride**2
    return work / EDGES


def _number(value: JSON) -> float:
    """Return a number; 1 for what is none, such as a reference."""
    return value if isinstance(value, int | float) else 1.0
