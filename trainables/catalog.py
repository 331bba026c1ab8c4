"""What can be run: a name, its settings, its code (as import paths) and the names of what it measures.

Importing this loads neither torch nor Ray. The orchestrator gets a catalog as an argument, so tests hand it others.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from trainables.errors import unknown_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Trainable:
    """One entry of the catalog.

    `config` and `start` are import paths, "package.module:name". `start(config, *, seed, threads)` returns a
    `trainables.trial.Run`; `version` is raised when a fix changes results, so that old and new rows never mix.
    """

    name: str
    version: int
    config: str
    start: str
    metrics: tuple[str, ...]
    """Names of the row's metrics, those a table may show."""
    artifacts: tuple[str, ...] = ()
    """Names of the row's artifacts, those a child may take with `${stage.name}`."""
    progress: str = ""
    """The metric worth showing while it runs."""
    curves: tuple[str, ...] = ()
    """What it measures in every epoch: numbers of `epochs.parquet`, those a figure may show."""

    def config_class(self) -> type[BaseModel]:
        return load(self.config)


TIMING = (
    "gpu_days",
    "cpu_days",
    "gpu_days_total",
    "cpu_days_total",
    "peak_memory_bytes",
    "wall_seconds",
    "device_seconds",
)
"""Columns a table may show that are measurements of the running, not of the result. What each is: `trial.Spent`, and
`lineage.totals` for the days."""

CATALOG: Mapping[str, Trainable] = {
    "search": Trainable(
        name="search",
        version=2,
        config="trainables.config:SearchConfig",
        start="trainables.loops.search:start",
        metrics=(
            "search_val_error",
            "search_val_error_best",
            "best_epoch",
            "params",
            "addmult",
            "macs",
            "pools",
            "skips",
        ),
        artifacts=("genotype", "genotype_with_none", "genotype_top_down", "genotype_bottom_up"),
        progress="search_val_error",
        curves=(
            "learning_rate",
            "train_loss",
            "train_error",
            "alphas_loss",
            "alphas_error",
            "search_val_loss",
            "search_val_error",
            "params",
            "addmult",
            "macs",
            "pools",
            "skips",
        ),
    ),
    "train": Trainable(
        name="train",
        version=2,
        config="trainables.config:TrainConfig",
        start="trainables.loops.training:start",
        metrics=(
            "test_error",
            "test_error_best",
            "test_error_selected",  # what is selected, and of validation: of trainings with `validation_images`
            "test_error_top5",  # these three where there are more than five classes
            "test_error_top5_best",
            "test_error_top5_selected",
            "cifar10_1_error",  # these three where the machine has CIFAR-10.1: `held_out.py`
            "cifar10_1_error_best",
            "cifar10_1_error_selected",
            "validation_error",
            "validation_error_best",
            "best_epoch",
            "selected_epoch",
            "train_error",
            "corrupt_images",  # of a dataset kept as files
            "params",
            "params_with_auxiliary",
            "macs",
            "addmult",
        ),
        artifacts=("genotype",),
        progress="test_error",
        curves=(
            "learning_rate",
            "drop_path",
            "train_loss",
            "train_error",
            "test_loss",
            "test_error",
            "test_error_top5",
            "validation_loss",
            "validation_error",
            "corrupt_images",
        ),
    ),
}


def load(path: str) -> Any:
    """Return what an import path names: "package.module:name"."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def look_up(catalog: Mapping[str, Trainable], name: str) -> Trainable:
    """Return the entry of that name. Raises: UnknownName."""
    if name not in catalog:
        raise unknown_name("trainable", name, catalog)
    return catalog[name]
