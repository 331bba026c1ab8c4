"""What a config names for a run to work on: its images, and the architecture to be trained."""

from collections.abc import Sequence

from trainables.architecture.genotype import Architecture, check_operations, declared, read_architecture
from trainables.architecture.networks import check_network
from trainables.config import SearchConfig, TrainConfig
from trainables.data.cache import Dataset
from trainables.data.datasets import batch_problems, open_any, open_dataset
from trainables.data.files import FileDataset
from trainables.errors import SharptuneError, TrialFailure


def open_for_search(config: SearchConfig) -> Dataset:
    """Return the config's dataset, if a search can use what it takes of it.

    Raises: TrialFailure, DataError, UnknownName.
    """
    dataset = open_dataset(config.dataset)
    _check(
        batch_problems(
            config.dataset,
            train_images=config.train_images,
            test_images=None,
            batch_size=config.batch_size,
            halves=True,
        )
    )
    return dataset


def open_for_training(config: TrainConfig) -> Dataset | FileDataset:
    """Return the config's dataset, if what it takes of it can be trained on.

    Raises: TrialFailure, DataError, UnknownName.
    """
    dataset = open_any(config.dataset)
    _check(
        batch_problems(
            config.dataset,
            train_images=config.train_images,
            test_images=config.test_images,
            batch_size=config.batch_size,
            halves=False,
            validation_images=config.validation_images,
            image_size=config.image_size,
        )
    )
    return dataset


def _check(problems: Sequence[tuple[str, str]]) -> None:
    if problems:
        raise TrialFailure("; ".join(f"{field}: {sentence}" for field, sentence in problems))


def read_config_architecture(config: TrainConfig) -> Architecture:
    """Return the config's cells or path, which may describe themselves as a search's do.

    Raises: TrialFailure when they are none, or when the config asks for something that they cannot have.
    """
    found = declared(config.genotype).get("operations", config.operations)
    if found != config.operations:
        raise TrialFailure(f"the genotype is made of {found!r} operations, but the config says {config.operations!r}")
    try:
        architecture = read_architecture(config.genotype)
        check_operations(architecture, config.operations)
    except SharptuneError as error:
        raise TrialFailure(f"genotype: {error}") from error
    try:
        check_network(architecture, config.network, auxiliary=config.auxiliary, drop_path=config.drop_path)
    except SharptuneError as error:
        raise TrialFailure(str(error)) from error
    return architecture
