"""What searches and trainings leave to their children, and what they do not."""

from collections.abc import Mapping

from trainables.architecture.spaces import SearchSpace, Space, known_space
from trainables.catalog import KIND_OF_GENOTYPE
from trainables.data.datasets import describe
from trainables.errors import SharptuneError
from trainables.trial import JSON

KINDS = {"cells": "cells", "path": "a path"}
"""The kinds of genotype, in words."""

_ARTIFACTS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("gradient", "cells"): ("genotype", "genotype_with_none"),
    ("gradient", "path"): ("genotype", "genotype_top_down", "genotype_bottom_up"),
    ("random", "cells"): ("genotype",),
    ("random", "path"): ("genotype",),
}
"""What a search finds, by its strategy and its space's kind of genotype."""


def left_by_search(settings: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return what a search's space says of the genotypes found in it."""
    space = known_space(settings.get("space"))
    if space is None:
        return {}
    operations = space.operations if isinstance(space, SearchSpace) else "ssc"
    return {"operations": operations, KIND_OF_GENOTYPE: _kind(space)}


def left_by_training(settings: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return of which kind the genotype is, unless it stands for one yet to be found."""
    genotype = settings.get("genotype")
    return {KIND_OF_GENOTYPE: genotype.get("kind", "cells")} if isinstance(genotype, Mapping) else {}


def is_transfer(name: str, value: JSON) -> bool:
    """Say whether a child's own setting, other than its parent's, can only be meant: a dataset kept as files.

    No search reads files, so what is trained on them was searched for elsewhere. Any other difference is a mistake.
    """
    try:
        return name == "dataset" and describe(str(value)).stored == "files"
    except SharptuneError:  # said elsewhere
        return False


def absent_artifact(artifact: str, settings: Mapping[str, JSON]) -> str | None:
    """Return why searches with these settings will not find an artifact; None when they will, or nobody knows."""
    space, strategy = known_space(settings.get("space")), settings.get("strategy")
    if space is None or strategy not in ("gradient", "random"):
        return None
    found = _ARTIFACTS[strategy, _kind(space)]
    if not artifact.startswith("genotype") or artifact in found:
        return None
    search = "a random choice" if strategy == "random" else f"a search that ends in {KINDS[_kind(space)]}"
    return f"{search} finds no {artifact!r}, only {' and '.join(found)}"


def _kind(space: Space) -> str:
    return "cells" if isinstance(space, SearchSpace) else "path"
