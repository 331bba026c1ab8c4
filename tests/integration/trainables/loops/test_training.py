"""Whole trainings: what they leave behind, and that an interruption changes nothing."""

import math
from functools import partial

import pytest
import torch
from run_fixtures import whole_run
from safetensors.torch import load as load_safetensors
from small_trainings import CONFIG, GENOTYPE, PATH, small_training

from trainables.architecture.cell_network import CellNetwork, ImageNetNetwork
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.paths import MultiChannelPath
from trainables.catalog import CATALOG
from trainables.data.augmentation.transforms import EvalTransform
from trainables.data.subsets import subset
from trainables.loops.evaluation import top_k_error
from trainables.loops.predictions import read_predictions


@pytest.fixture
def build(mini, one_thread, small_evaluations):
    return partial(small_training, mini)


@pytest.fixture(scope="module")
def finished(mini):
    return whole_run(partial(small_training, mini))


@pytest.fixture(scope="module")
def stored(mini):
    """The outcome of a longer run with larger steps."""
    _, outcome = whole_run(partial(small_training, mini, epochs=3, learning_rate=0.2))
    return outcome


def test_every_step_and_every_evaluation_batch_is_a_pause(finished):
    pauses, _ = finished

    epoch = [(1, False), (2, False), (3, False), (3, False), (3, False), (3, False), (3, True)]
    assert [(pause.step, pause.metrics is not None) for pause in pauses] == epoch + epoch
    assert [pause.epoch for pause in pauses] == [1] * 7 + [2] * 7
    assert {pause.steps for pause in pauses} == {3}


def test_a_training_resumed_after_every_step_equals_an_uninterrupted_one(build, resumes, finished, result_of):
    assert resumes(build).in_a_fresh_object_for_every_step() == result_of(finished[1])


def test_the_metrics_are_those_the_catalog_names(finished):
    pauses, outcome = finished
    cost = architecture_cost(GENOTYPE, operations="ssc", channels=4, layers=3)

    others = {"cifar10_1_error", "cifar10_1_error_best", "corrupt_images"}  # of whole CIFAR-10 only; of files only
    others |= {name for name in CATALOG["train"].metrics if "selected" in name or "validation" in name}
    assert set(outcome.metrics) == set(CATALOG["train"].metrics) - others
    assert pauses[-1].metrics == outcome.metrics
    assert outcome.metrics["params"] == cost.params < outcome.metrics["params_with_auxiliary"]
    assert (outcome.metrics["macs"], outcome.metrics["addmult"]) == (cost.macs, cost.addmult)


def test_the_last_and_the_best_epoch_are_told_apart(finished):
    _, outcome = finished
    best = min(outcome.epochs, key=lambda row: row["test_error"])

    assert outcome.metrics["test_error"] == outcome.epochs[-1]["test_error"]
    assert outcome.metrics["train_error"] == outcome.epochs[-1]["train_error"]
    assert outcome.metrics["test_error_best"] == best["test_error"]
    assert outcome.metrics["best_epoch"] == best["epoch"]
    assert outcome.metrics["test_error_top5"] == outcome.epochs[-1]["test_error_top5"]
    assert outcome.metrics["test_error_top5_best"] == best["test_error_top5"]


def test_the_error_among_five_answers_is_that_of_the_stored_predictions(finished):
    _, outcome = finished
    for file, metric in (("predictions.npz", "test_error_top5"), ("predictions-best.npz", "test_error_top5_best")):
        stored = read_predictions(outcome.files[file])
        five = stored["logits"].argsort(axis=1)[:, -5:]
        missed = (five != stored["labels"][:, None]).all(axis=1)
        assert outcome.metrics[metric] == pytest.approx(100 * missed.mean())


@pytest.mark.parametrize(
    ("weights", "predictions", "metric"),
    [
        ("weights-last.safetensors", "predictions.npz", "test_error"),
        ("weights-best.safetensors", "predictions-best.npz", "test_error_best"),
    ],
)
def test_stored_weights_and_predictions_give_the_reported_errors(stored, mini, weights, predictions, metric):
    network = CellNetwork(
        genotype=GENOTYPE, operations="ssc", channels=4, layers=3, classes=10, auxiliary=CONFIG.auxiliary
    )
    network.load_state_dict(load_safetensors(stored.files[weights]))
    rows = subset(mini.test.labels, 20, 10)
    with torch.no_grad():
        images_BHWC = torch.from_numpy(mini.test.images[rows])
        logits_NC, _ = network.eval()(EvalTransform(mini.info.mean, mini.info.std)(images_BHWC))
    predicted = read_predictions(stored.files[predictions])

    assert top_k_error(logits_NC, torch.from_numpy(mini.test.labels[rows])) == stored.metrics[metric]
    assert 100 * (predicted["predicted"] != predicted["labels"]).mean() == pytest.approx(stored.metrics[metric])


def test_drop_path_grows_to_its_full_probability_in_the_last_epoch(finished):
    assert [row["drop_path"] for row in finished[1].epochs] == [0.1, 0.2]


def test_without_an_auxiliary_head_it_trains_too(build):
    run = build(auxiliary=False)

    assert next(run.steps()).step == 1


@pytest.mark.parametrize(("network", "operations"), [("multichannel", 3), ("multichannel_released", 2)])
def test_a_path_is_trained_tested_and_counted(build, network, operations):
    run = build(genotype=PATH, network=network, auxiliary=False, drop_path=0.0, epochs=1)
    cost = architecture_cost(MultiChannelPath.from_json(PATH), network=network)
    for _ in run.steps():
        pass
    outcome = run.outcome()

    assert len(run.network.operations) == operations
    assert outcome.artifacts["genotype"] == PATH
    assert outcome.metrics["params"] == outcome.metrics["params_with_auxiliary"] == cost.params
    assert (outcome.metrics["macs"], outcome.metrics["addmult"]) == (cost.macs, cost.addmult)


def test_the_imagenet_network_is_trained_also_on_small_images(build):
    run = build(network="imagenet", auxiliary=False, epochs=1)
    for _ in run.steps():
        pass

    assert isinstance(run.network, ImageNetNetwork)
    assert math.isfinite(run.outcome().epochs[0]["train_loss"])
