"""How much work a search or a training may be: epochs × images × layers × (channels² + FLAT) × candidates, crudely.

The longest can start first, and the forecast of a plan goes by it where nothing like a trial was seen.
"""

from collections.abc import Mapping

from trainables.architecture.genotype import MultiChannelPath
from trainables.architecture.nas_bench_201.cell import EDGES as NAS_BENCH_201_EDGES
from trainables.architecture.nas_bench_201.cell import STAGES
from trainables.architecture.networks import networks_of
from trainables.architecture.spaces import MultiChannelSpace, NasBench201Space, SearchSpace, Space, known_space
from trainables.data.catalog import DATASETS
from trainables.trial import JSON

SECOND_ORDER = 2.5
"""A step of second order takes about so many times as long as one of first order."""
EVALUATION = 1 / 3
"""Of a training step's work, what an evaluation costs: the gradients take about two thirds."""
EDGES = 14
"""Of a cell: a layer of a cell supernet computes so many mixed operations."""
FLAT = 200
"""What a layer takes whatever its channels, in squared channels: kernels that start, activations that are moved.

On one thread of a CPU a training step took 5.4 ms an image with 4 layers of 4 channels, 134 with 20 layers of 36; a
search step 62 with 3 layers of 4, 426 with 8 of 16."""
USUAL_PATH = 13_000
"""A path whose operations are not known yet: about what the published ones are, 11,264 to 14,464."""


def search_cost(settings: Mapping[str, JSON]) -> float:
    """Return the work of a search; of a random one next to nothing."""
    if settings.get("strategy") == "random":
        return 1.0
    orders = SECOND_ORDER if settings.get("order") == 2 else 1.0
    return _passes(settings) * _supernet(known_space(settings.get("space")), settings) * orders


def training_cost(settings: Mapping[str, JSON]) -> float:
    """Return the work of a training: of the path, where its network is one, else of as many cells."""
    of_path = settings.get("network") in networks_of(MultiChannelPath.kind)
    return _passes(settings) * (_path(settings.get("genotype")) if of_path else _cells(settings))


def _passes(settings: Mapping[str, JSON]) -> float:
    """Return how often an image is trained on, in all epochs together; held-out ones count as what they cost."""
    dataset = DATASETS.get(str(settings.get("dataset")))
    images = _number(settings.get("train_images") or (dataset.train_images if dataset else 50_000))
    held_out = min(_number(settings.get("validation_images") or 0), images)
    return _number(settings.get("epochs", 1)) * (images + (EVALUATION - 1) * held_out)


def _cells(settings: Mapping[str, JSON]) -> float:
    return _number(settings.get("layers", 1)) * _layer(settings)


def _layer(settings: Mapping[str, JSON]) -> float:
    return _number(settings.get("channels", 1)) ** 2 + FLAT


def _supernet(space: Space | None, settings: Mapping[str, JSON]) -> float:
    match space:
        case None:  # one that is not known yet
            return _cells(settings)
        case SearchSpace():
            return _cells(settings) * len(space.primitives)
        case MultiChannelSpace():
            return _multichannel(space)
        case NasBench201Space():
            edges = STAGES * space.cells_per_stage * len(NAS_BENCH_201_EDGES) / EDGES
            return edges * _layer(settings) * len(space.primitives)


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
