"""Which settings of a training stand for the same digits."""

from collections.abc import Mapping

from trainables.architecture.genotype import declared, read_architecture
from trainables.architecture.sameness import as_trained
from trainables.config import TrainConfig
from trainables.errors import SharptuneError
from trainables.trial import JSON


def alike_training(settings: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return a training's settings with its genotype as training reads it: without what it says of itself besides.

    A search's genotype tells how its operations are built, one from a file may not; which is a setting of its own.
    Equal are those that `sameness` calls the same edge for edge.

    Raises: ValueError for a genotype that is none, or says that it is built in another way than the settings.
    """
    genotype = settings.get("genotype")
    built = settings.get("operations", TrainConfig.model_fields["operations"].default)
    try:
        architecture = read_architecture(genotype)
    except SharptuneError as error:
        raise ValueError(f"genotype: {error}") from error
    if isinstance(genotype, Mapping) and declared(genotype).get("operations", built) != built:
        raise ValueError(f"the genotype is not made of {built!r} operations")
    return {**settings, "genotype": as_trained(architecture)}
