"""Final training that holds images out, and the epoch that they select: every number is worked out by hand."""

from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from new_images import as_official
from safetensors.torch import load as load_tensors
from small_trainings import small_training
from torch import nn

from trainables.catalog import CATALOG
from trainables.data.cache import Dataset, Split
from trainables.data.catalog import EVALUATION_SETS, HELD_OUT
from trainables.data.cifar10_1 import import_pair
from trainables.errors import TrialFailure
from trainables.loops.predictions import read_predictions
from trainables.loops.training import start

TRAINED, HELD, UNUSED, TEST, NEW = range(5)
"""What an image is there for, written into its pixels."""
RIGHT = {HELD: (5, 8, 8, 6), TEST: (7, 6, 9, 8), NEW: (4, 5, 6, 7)}
"""How many of the ten classes are told after each of four epochs."""
NEAR = {HELD: (5, 8, 8, 6), TEST: (9, 8, 10, 9), NEW: (4, 5, 6, 7)}
"""The same of five answers."""
STEPS = 3


class Scripted(nn.Module):
    """Reads in an image's pixels what it shows and what it is there for, and answers as the epoch's script says."""

    trained_on: ClassVar[list[tuple[int, int]]]
    """(class, what for) of each image, in the order in which they came."""

    def __init__(self, architecture, **settings):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(10))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, x_BCHW, keep_DB=None):
        classes, uses = (255 / 20 * x_BCHW[:, :2, 16, 16]).round().long().T.tolist()
        if self.training:
            self.trained_on.extend(zip(classes, uses, strict=True))
            self.steps += 1
            return self.bias.expand(len(x_BCHW), 10), None
        logits_BC = torch.zeros(len(x_BCHW), 10)
        epoch = int(self.steps) // STEPS
        for row, (own, use) in enumerate(zip(classes, uses, strict=True)):
            logits_BC[row, (own + 1) % 10] = 2.0
            if epoch and use in RIGHT:
                far = 1.0 if own < NEAR[use][epoch - 1] else -1.0
                logits_BC[row, own] = 3.0 if own < RIGHT[use][epoch - 1] else far
        return logits_BC, None


def pictures(classes: np.ndarray, uses: np.ndarray) -> Split:
    pixels = np.zeros((len(classes), 32, 32, 3), dtype=np.uint8)
    pixels[..., 0], pixels[..., 1] = (20 * values[:, None, None] for values in (classes, uses))
    return Split(images=pixels, labels=classes)


@pytest.fixture
def marked(mini):
    """Six training images of each class, of which a subset of four takes the first, and whose last two are held out."""
    classes = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 6))
    place = np.array([np.sum(classes[:index] == own) for index, own in enumerate(classes)])
    uses = np.array([TRAINED, TRAINED, HELD, HELD, UNUSED, UNUSED])[place]
    info = replace(mini.info, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return Dataset(info=info, train=pictures(classes, uses), test=pictures(np.arange(10), np.full(10, TEST)))


@pytest.fixture
def build(marked, one_thread, small_evaluations, monkeypatch):
    """Builds four epochs of three steps, on 20 images of 60."""
    monkeypatch.setattr("trainables.loops.training.build_network", Scripted)
    monkeypatch.setattr("trainables.loops.training.count", lambda network, shape: SIZES)
    monkeypatch.setattr(Scripted, "trained_on", [], raising=False)
    settings = {"train_images": 40, "validation_images": 20, "test_images": 10, "epochs": 4}
    return partial(small_training, marked, **settings, batch_size=8, cutout=0, auxiliary=False, drop_path=0.0)


class SIZES:
    params = params_with_auxiliary = macs = addmult = 1


@pytest.fixture
def new_images(tmp_path, monkeypatch):
    """Ten further images that play CIFAR-10.1, in a cache of their own."""
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(HELD_OUT, "cifar10-mini", "cifar10_1")
    split = pictures(np.arange(10), np.full(10, NEW))
    for name, array in zip(EVALUATION_SETS["cifar10_1"].files, (split.images, split.labels), strict=True):
        np.save(tmp_path / name, array)
    import_pair(as_official(tmp_path, images=10), tmp_path)


def finish(run):
    for _ in run.steps():
        pass
    return run.outcome()


def test_the_epoch_with_the_lowest_validation_error_is_selected_and_the_first_of_equals(build):
    metrics = finish(build()).metrics

    assert (metrics["validation_error"], metrics["validation_error_best"]) == (40.0, 20.0)
    assert (metrics["selected_epoch"], metrics["best_epoch"]) == (2, 3)
    assert (metrics["test_error"], metrics["test_error_best"], metrics["test_error_selected"]) == (20.0, 10.0, 40.0)
    assert [metrics[f"test_error_top5{of}"] for of in ("", "_best", "_selected")] == [10.0, 0.0, 20.0]


def test_each_epoch_records_both_errors(build):
    epochs = finish(build()).epochs

    assert [row["validation_error"] for row in epochs] == [50.0, 20.0, 20.0, 40.0]
    assert [row["test_error"] for row in epochs] == [30.0, 40.0, 10.0, 20.0]
    assert all(row["validation_loss"] > 0 for row in epochs)
    assert {name for row in epochs for name in row} - {"epoch"} <= set(CATALOG["train"].curves)


def test_only_what_is_left_of_the_subset_is_learned_from_each_image_once_an_epoch(build):
    finish(build())

    epochs = [Scripted.trained_on[start : start + 20] for start in range(0, 80, 20)]
    assert len(Scripted.trained_on) == 80
    assert [sorted(epoch) for epoch in epochs] == [[(own, TRAINED) for own in range(10) for _ in range(2)]] * 4


def test_weights_and_predictions_of_the_selected_epoch_stand_beside_the_others(build):
    files = finish(build()).files

    names = {f"weights-{of}.safetensors" for of in ("last", "best", "selected")}
    assert set(files) == names | {"predictions.npz", "predictions-best.npz", "predictions-selected.npz"}
    steps = {of: int(load_tensors(files[f"weights-{of}.safetensors"])["steps"]) for of in ("last", "best", "selected")}
    assert steps == {"last": 4 * STEPS, "best": 3 * STEPS, "selected": 2 * STEPS}
    for name, wrong in (("predictions", 2), ("predictions-best", 1), ("predictions-selected", 4)):
        stored = read_predictions(files[f"{name}.npz"])
        assert (stored["predicted"] != stored["labels"]).sum() == wrong


def test_new_images_are_told_by_the_weights_of_the_selected_epoch_too(build, new_images):
    metrics = finish(build()).metrics

    assert [metrics[f"cifar10_1_error{of}"] for of in ("", "_best", "_selected")] == [30.0, 40.0, 50.0]
    assert set(metrics) == set(CATALOG["train"].metrics) - {"corrupt_images"}


def test_a_training_stopped_at_any_pause_equals_an_uninterrupted_one(build, resumes, new_images):
    runs = resumes(build)
    pauses, uninterrupted = runs.uninterrupted()

    assert len(pauses) == 4 * (STEPS + 2 + 3 + 1) + 3 * 2  # steps, test and held-out images, the end; the new images
    for position in range(len(pauses)):
        assert runs.stopped_at(position) == uninterrupted, pauses[position]


def test_without_held_out_images_nothing_of_theirs_is_measured_kept_or_saved(build):
    usual, selecting = build(train_images=20, validation_images=None), build()
    outcome, _ = finish(usual), finish(selecting)

    names = [*outcome.metrics, *outcome.files, *outcome.epochs[-1]]
    assert {"test_error_best", "weights-best.safetensors"} <= set(names)
    assert not [name for name in names if "validation" in name or "selected" in name]
    assert b"selected" in selecting.state()
    assert b"selected" not in usual.state()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"validation_images": 15}, "^validation_images: 15 is not a multiple of the 10 classes of cifar10-mini$"),
        ({"validation_images": 20}, "^validation_images: 20 holds out 2 images of each class, which leaves none of"),
        ({"train_images": 40, "batch_size": 19, "validation_images": 20}, "^batch_size: .* the training set's 20 over"),
    ],
)
def test_numbers_that_cannot_work_fail_the_trial_before_anything_is_built(mini, one_thread, changes, sentence):
    config = small_training(mini).config.model_copy(update=changes)

    with pytest.raises(TrialFailure, match=sentence):
        start(config, seed=0, threads=1)
