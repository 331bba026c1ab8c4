"""Final trainings of a tiny network on a few real images."""

import torch

from trainables.architecture.published import PUBLISHED
from trainables.config import TrainConfig
from trainables.data.cache import Dataset
from trainables.loops.training import FinalRun

GENOTYPE = PUBLISHED["SHARPSEPCONV_DARTS"]
CONFIG = TrainConfig(
    dataset="cifar10-mini",
    genotype=GENOTYPE.to_json(),
    train_images=20,
    test_images=20,
    epochs=2,
    batch_size=8,
    channels=4,
    layers=3,
    warmup_epochs=0,
)
"""Batches of 8, 8 and 4 images; auxiliary head, drop path and Cutout as by default."""
PATH = {
    "kind": "path",
    "operations": "ssc",
    "steps": [["sep_conv_3x3", 4, 6, 2], ["max_pool_3x3", 6, 8, 2], ["sep_conv_3x3", 8, 8, 2]],
}
"""Of a small MultiChannelNet."""


def small_training(dataset: Dataset, seed: int = 0, **changes) -> FinalRun:
    config = CONFIG.model_copy(update=changes)
    return FinalRun(config, seed=seed, dataset=dataset, device=torch.device("cpu"))
