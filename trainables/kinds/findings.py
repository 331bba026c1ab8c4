"""What searches and trainings will not find, because of their settings: artifacts, metrics and curves, by name."""

from collections.abc import Mapping

from trainables.architecture.families import FAMILIES
from trainables.architecture.spaces import NasBench201Space, known_space
from trainables.data.catalog import HELD_OUT
from trainables.data.datasets import describe
from trainables.errors import SharptuneError
from trainables.trial import JSON, WITHIN

_OF_RANDOM = ("params", "addmult", "macs", "pools", "skips")
"""All that is measured of an architecture that is drawn, beside what a benchmark knows of it."""
_OF_VALIDATION = (
    "validation_error",
    "validation_error_best",
    "validation_loss",
    "selected_epoch",
    "test_error_selected",
    "test_error_top5_selected",
    *(f"{name}_error_selected" for name in HELD_OUT.values()),
)
"""What a training measures of images that are held out, or of the epoch that these select."""

_HELD_OUT_ERRORS = tuple(f"{name}_error" for name in HELD_OUT.values())


def absent_of_search(name: str, settings: Mapping[str, JSON]) -> str | None:
    """Return why searches with these settings will not find or measure something; None when they may."""
    space, strategy = known_space(settings.get("space")), settings.get("strategy")
    if name.startswith("benchmark_"):
        elsewhere = space is not None and space.kind != NasBench201Space.kind
        return f"{name!r} is of cells of NAS-Bench-201 only; say space: nas_bench_201" if elsewhere else None
    if not name.startswith("genotype"):
        measured = " and ".join((", ".join(_OF_RANDOM[:-1]), _OF_RANDOM[-1]))
        random = strategy == "random" and name not in _OF_RANDOM
        return f"a random choice measures no {name!r}, only {measured}" if random else None
    if space is None or strategy not in ("gradient", "random"):
        return None
    if name.startswith(WITHIN):
        drawn = "a random choice has no alphas, from which an architecture within a budget could be derived"
        return drawn if strategy == "random" else None
    family = FAMILIES[space.finds]
    found = family.artifacts[:1] if strategy == "random" else family.artifacts
    if name in found:
        return None
    search = "a random choice" if strategy == "random" else f"a search that ends in {family.words}"
    return f"{search} finds no {name!r}, only {' and '.join(found)}"


def absent_of_training(name: str, settings: Mapping[str, JSON]) -> str | None:
    """Return why trainings with these settings will not measure something; None when they may."""
    if name in _OF_VALIDATION and settings.get("validation_images", ...) is None:
        return f"a training measures {name!r} only where images are held out; say how many with validation_images"
    of_dataset = "top5" in name or name == "corrupt_images" or name.startswith(_HELD_OUT_ERRORS)
    return _absent_of_dataset(name, settings["dataset"]) if of_dataset and "dataset" in settings else None


def _absent_of_dataset(name: str, dataset: JSON) -> str | None:
    try:
        info = describe(str(dataset))
    except SharptuneError:  # said elsewhere
        return None
    if "top5" in name:
        few = f"there is no top-5 error among the {info.classes} classes of {info.title}"
        return few if info.classes <= 5 else None
    if name == "corrupt_images":
        whole = f"{info.title} is kept as one array, of which no image is unreadable"
        return whole if info.stored == "arrays" else None
    if name.startswith(f"{HELD_OUT.get(str(dataset))}_error"):
        return None
    return f"what is measured as {name!r} goes with networks trained on {' or '.join(HELD_OUT)}, not on {info.title}"
