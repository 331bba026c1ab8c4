"""Which settings a trial does not read is written down, and held against what tiny runs really read.

`HANDED_ON` are settings that are read all the same, to be handed on to what takes no notice of them.
"""

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from trainables.architecture.final_networks import build_network
from trainables.architecture.genotype import read_architecture
from trainables.architecture.published_paths import PUBLISHED_PATHS
from trainables.catalog import CATALOG
from trainables.trainable import Context, load

SHARED = {"dataset": "cifar10-mini", "train_images": 20, "batch_size": 10, "warmup_epochs": 0, "epochs": 1}
SEARCH = {**SHARED, "space": ["none", "skip_connect"], "channels": 1, "layers": 3}
TINY_PATHS = {"kind": "multichannel", "scales": [2, 3], "blocks": 1, "layers": 2, "head_channels": 4}
EDGES = [["skip_connect", 0], ["skip_connect", 1]]
CELLS = {"normal": EDGES, "normal_concat": [2], "reduce": EDGES, "reduce_concat": [2]}
CHOKES = {**CELLS, "normal": [["choke_conv_3x3", 0], ["skip_connect", 1]]}
PATH = {"kind": "path", "steps": [["sep_conv_3x3", 2, 2, 2], ["sep_conv_3x3", 2, 3, 2]]}
TINY_BENCH = {"kind": "nas_bench_201", "cells_per_stage": 1}
CELL = {"kind": "nas_bench_201", "operations": ["skip_connect"] * 6}
TRAIN = {**SHARED, "test_images": 10, "channels": 1, "layers": 3, "auxiliary": False}

OF_ALPHAS = {
    "weighting",
    "order",
    "arch_learning_rate",
    "arch_weight_decay",
    "alpha_start_epoch",
    "alpha_every",
    "activation_checkpointing",
    "precision",
}
OF_WEIGHTS = {
    "train_images",
    "batch_size",
    "epochs",
    "learning_rate",
    "learning_rate_min",
    "momentum",
    "weight_decay",
    "grad_clip",
    "p",
    "warmup_epochs",
    "warm_restarts",
    "autoaugment",
    "cutout",
}
SIZES = {"channels", "layers"}
BOUNDS = {"params_min", "params_max"}
OF_FILES = {"image_size", "corrupt_limit"}


@dataclass(frozen=True)
class Case:
    kind: str
    config: dict[str, Any]
    unread: set[str]


CASES = {
    "search": Case("search", SEARCH, BOUNDS | {"prune_below"}),
    "search of second order": Case("search", {**SEARCH, "order": 2}, BOUNDS | {"prune_below"}),
    "search in half precision": Case("search", {**SEARCH, "precision": "bf16"}, BOUNDS | {"prune_below"}),
    "search of paths": Case("search", {**SHARED, "space": TINY_PATHS}, BOUNDS | SIZES),
    "search of NAS-Bench-201": Case(
        "search", {**SHARED, "space": TINY_BENCH, "channels": 1}, BOUNDS | {"layers", "prune_below"}
    ),
    "random cell of NAS-Bench-201": Case(
        "search",
        {**SHARED, "strategy": "random", "space": TINY_BENCH},
        OF_ALPHAS | OF_WEIGHTS | SIZES | {"prune_below"},
    ),
    "random cells": Case("search", {**SEARCH, "strategy": "random"}, OF_ALPHAS | OF_WEIGHTS | SIZES | {"prune_below"}),
    "random cells within bounds": Case(
        "search",
        {**SEARCH, "strategy": "random", "params_min": 1, "params_max": 10**9},
        OF_ALPHAS | OF_WEIGHTS | SIZES | {"prune_below"},
    ),
    "random path": Case(
        "search",
        {**SHARED, "strategy": "random", "space": TINY_PATHS},
        OF_ALPHAS | OF_WEIGHTS | SIZES | {"prune_below"},
    ),
    "training": Case("train", {**TRAIN, "genotype": CELLS}, OF_FILES | {"auxiliary_weight", "mid_channels"}),
    "training of chokes": Case("train", {**TRAIN, "genotype": CHOKES}, OF_FILES | {"auxiliary_weight"}),
    "training with an auxiliary head": Case(
        "train", {**TRAIN, "genotype": CELLS, "auxiliary": True, "channels": 2}, OF_FILES | {"mid_channels"}
    ),
    "training of a path": Case(
        "train",
        {**SHARED, "test_images": 10, "auxiliary": False, "drop_path": 0, "network": "multichannel", "genotype": PATH},
        OF_FILES | SIZES | {"auxiliary_weight", "mid_channels"},
    ),
    "training of a cell of NAS-Bench-201": Case(
        "train",
        {**TRAIN, "drop_path": 0, "network": "nas_bench_201", "genotype": CELL},
        OF_FILES | {"auxiliary_weight", "mid_channels", "operations"},
    ),
}
HANDED_ON = {"prune_below", *SIZES, *OF_FILES, "mid_channels", "operations"}
LEFT_TO_CHILDREN = {"dataset"}


def watched(config_class: type, seen: set[str]) -> type:
    """Return a config class that takes note of the settings that are asked of it."""

    class Watched(config_class):
        def __getattribute__(self, name: str) -> Any:
            if name in config_class.model_fields:
                seen.add(name)
            return super().__getattribute__(name)

    return Watched


def unread_by(case: Case) -> set[str]:
    entry = CATALOG[case.kind]
    return set(entry.unread_by(entry.config_class()(**case.config), Context()))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_a_trial_does_not_read_is_what_the_table_says(case):
    assert unread_by(case) == case.unread


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_table_is_what_a_run_really_reads(case, dataset_cache):
    seen: set[str] = set()
    entry = CATALOG[case.kind]
    config = watched(entry.config_class(), seen)(**case.config)
    seen.clear()  # making a config looks at its settings
    run = load(entry.start)(config, seed=0, threads=1)
    list(run.steps())
    run.outcome()

    unread = unread_by(case)
    assert set(entry.config_class().model_fields) - seen <= unread | LEFT_TO_CHILDREN
    assert seen & unread <= HANDED_ON


@pytest.mark.parametrize(
    ("network", "architecture", "sizes"),
    [
        ("cifar", CELLS, {"mid_channels": 5}),
        ("imagenet", CELLS, {"mid_channels": 5}),
        ("multichannel", PATH, {"mid_channels": 5, "channels": 7, "layers": 4}),
    ],
)
def test_sizes_that_are_handed_on_and_not_read_change_no_network(network, architecture, sizes):
    usual = {"channels": 2, "layers": 3, "mid_channels": 32}

    def weights(**sizes: int) -> dict[str, torch.Size]:
        options = {"network": network, "operations": "ssc", "classes": 10, "auxiliary": False}
        built = build_network(read_architecture(architecture), **options, **{**usual, **sizes})
        return {name: value.shape for name, value in built.state_dict().items()}

    assert weights(**sizes) == weights()


def test_a_choke_is_what_has_channels_in_its_middle():
    def weights(mid_channels: int) -> list[torch.Size]:
        options = {
            "network": "cifar",
            "operations": "ssc",
            "classes": 10,
            "auxiliary": False,
            "channels": 2,
            "layers": 3,
        }
        built = build_network(read_architecture(CHOKES), **options, mid_channels=mid_channels)
        return [value.shape for value in built.state_dict().values()]

    assert weights(5) != weights(32)


def test_of_a_published_path_no_size_is_read():
    path = PUBLISHED_PATHS["MULTI_CHANNEL_HANDMADE_PATH"].to_json()
    case = Case("train", {"genotype": path, "network": "multichannel", "auxiliary": False, "drop_path": 0}, set())

    assert unread_by(case) >= SIZES
