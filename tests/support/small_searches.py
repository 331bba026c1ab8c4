"""Searches of a tiny supernet on a few real images."""

import torch

from trainables.config import SearchConfig
from trainables.data.cache import Dataset
from trainables.loops.search import SearchRun

FEW = ["none", "max_pool_3x3", "skip_connect", "sep_conv_3x3"]
"""A real space, and half as much work as one of eight."""
SETTINGS = {
    "dataset": "cifar10-mini",
    "space": FEW,
    "train_images": 20,
    "epochs": 2,
    "batch_size": 8,
    "channels": 2,
    "layers": 3,
    "warmup_epochs": 0,
    "cutout": 4,
}
"""Halves of 10 images: 2 steps an epoch, batches of 8 and 2."""
CONFIG = SearchConfig(**SETTINGS)


def small_search(dataset: Dataset, seed: int = 0, **changes) -> SearchRun:
    config = SearchConfig(**{**SETTINGS, **changes})
    return SearchRun(config, seed=seed, dataset=dataset, device=torch.device("cpu"))
