"""What searches and trainings leave to their children."""

from collections.abc import Mapping

from trainables.architecture.spaces import known_space
from trainables.data.datasets import describe
from trainables.errors import SharptuneError
from trainables.trainable import KIND_OF_GENOTYPE
from trainables.trial import JSON


def left_by_search(settings: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return what a search's space says of the genotypes found in it."""
    space = known_space(settings.get("space"))
    if space is None:
        return {}
    operations = {} if space.operations is None else {"operations": space.operations}
    return {**operations, KIND_OF_GENOTYPE: space.finds}


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
