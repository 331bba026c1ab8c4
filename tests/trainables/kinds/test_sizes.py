"""Sizes that need no training are, to the digit, those that a training's row has."""

from dataclasses import replace

import pytest
from run_fixtures import mini, one_thread, small_evaluations
from small_trainings import CONFIG, GENOTYPE, PATH, small_training

from trainables.architecture.published import PUBLISHED
from trainables.catalog import CATALOG
from trainables.kinds.sizes import SIZES

__all__ = ["mini", "one_thread", "small_evaluations"]

ONE_EPOCH = {"epochs": 1, "train_images": 10, "test_images": 10, "batch_size": 10}
CELLS = GENOTYPE.to_json()
HUGE = {**PATH, "steps": [["sep_conv_3x3", 10**13, 10**13, 2]]}
"""More numbers than can be addressed."""
CHOKED = PUBLISHED["SHARP_DARTS"].to_json()


def sizes(**changes):
    settings = CONFIG.model_copy(update=changes).model_dump(mode="json")
    return {name: CATALOG["train"].computed_metric(name, settings) for name in SIZES}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"auxiliary": False},
        {"channels": 2, "layers": 4},
        {"genotype": CHOKED, "mid_channels": 3},
        {"genotype": {**PUBLISHED["DARTS_V2"].to_json(), "operations": "original"}, "operations": "original"},
        {"genotype": PATH, "network": "multichannel", "auxiliary": False, "drop_path": 0.0},
        {"genotype": PATH, "network": "multichannel_released", "auxiliary": False, "drop_path": 0.0},
    ],
    ids=["as by default", "no head", "another size", "chokes", "original operations", "a path", "a path as released"],
)
def test_what_is_computed_is_what_a_training_measures(mini, one_thread, small_evaluations, changes):
    run = small_training(mini, **ONE_EPOCH, **changes)
    for _ in run.steps():
        pass
    measured = run.outcome().metrics

    assert sizes(**changes) == {name: measured[name] for name in SIZES}
    assert min(measured[name] for name in SIZES) > 0


def test_the_classes_and_the_image_are_those_of_the_dataset():
    small, large = sizes(dataset="cifar10"), sizes(dataset="cifar100")
    shown = sizes(dataset="imagenet", network="imagenet", layers=14, image_size=64)

    assert large["params"] > small["params"]
    assert sizes(dataset="imagenet", network="imagenet", layers=14)["macs"] > shown["macs"] > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"genotype": {}},
        {"genotype": {"kind": "nothing"}},
        {"genotype": {**CELLS, "operations": "original"}},
        {"genotype": PATH},
        {"genotype": {**CELLS, "normal": [["sep_conv_9x9", 0]] * 8}},
        {"dataset": "sha256:" + "0" * 64},
        {"genotype": HUGE, "network": "multichannel", "auxiliary": False},
    ],
)
def test_what_cannot_be_built_has_no_size(changes):
    assert set(sizes(**changes).values()) == {None}


def test_errors_are_never_computed_and_a_kind_without_sizes_has_none():
    settings = CONFIG.model_dump(mode="json")

    for name in ("test_error", "best_epoch", "nothing"):
        assert CATALOG["train"].computed_metric(name, settings) is None
    assert replace(CATALOG["train"], computed="").computed_metric("params", settings) is None
    assert CATALOG["search"].computed_metric("params", settings) is None
