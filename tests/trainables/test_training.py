"""Final training of a tiny network on real images."""

import io
import math

import pytest
import torch
from safetensors.torch import load as load_safetensors

from trainables.architecture.cell_network import CellNetwork, ImageNetNetwork
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import describe
from trainables.architecture.paths import MultiChannelPath
from trainables.architecture.published import PUBLISHED
from trainables.catalog import CATALOG
from trainables.config import TrainConfig
from trainables.data.augment import EvalTransform
from trainables.data.subsets import subset
from trainables.errors import DamagedFile, TrialFailure
from trainables.evaluation import read_predictions, top_k_error
from trainables.loop import pack
from trainables.training import FinalRun, start

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
PAUSES = 2 * (3 + 3 + 1)
"""Of two epochs: steps, evaluation batches, the end."""


@pytest.fixture
def build(mini, one_thread, small_evaluations):
    def build(seed=0, **changes):
        config = CONFIG.model_copy(update=changes)
        return FinalRun(config, seed=seed, dataset=mini, device=torch.device("cpu"))

    return build


def whole_run(mini, config):
    """Return the pauses and the outcome of one whole run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainables.loop.EVALUATION_BATCH", 8)
        run = FinalRun(config, seed=0, dataset=mini, device=torch.device("cpu"))
        pauses = list(run.steps())
    torch.set_num_threads(before)
    return pauses, run.outcome()


@pytest.fixture(scope="module")
def finished(mini):
    return whole_run(mini, CONFIG)


@pytest.fixture(scope="module")
def stored(mini):
    """The outcome of a longer run with larger steps."""
    _, outcome = whole_run(mini, CONFIG.model_copy(update={"epochs": 3, "learning_rate": 0.2}))
    return outcome


def test_every_step_and_every_evaluation_batch_is_a_pause(finished):
    pauses, _ = finished

    epoch = [(1, False), (2, False), (3, False), (3, False), (3, False), (3, False), (3, True)]
    assert [(pause.step, pause.metrics is not None) for pause in pauses] == epoch + epoch
    assert [pause.epoch for pause in pauses] == [1] * 7 + [2] * 7
    assert {pause.steps for pause in pauses} == {3}


def test_a_training_resumed_after_every_step_equals_an_uninterrupted_one(build, resumes, finished, result_of):
    assert resumes(build).in_a_fresh_object_for_every_step() == result_of(finished[1])


def test_a_training_stopped_at_any_pause_equals_an_uninterrupted_one(small_network, build, resumes):
    runs = resumes(build)
    pauses, uninterrupted = runs.uninterrupted()

    assert len(pauses) == PAUSES
    for position in range(PAUSES):
        assert runs.stopped_at(position) == uninterrupted, pauses[position]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_and_batches_in_parts_resume_exactly_too(small_network, build, resumes, precision):
    runs = resumes(lambda: build(precision=precision, accumulate=2))
    pauses, uninterrupted = runs.uninterrupted()

    assert len(pauses) == PAUSES
    assert runs.stopped_at(1) == runs.stopped_at(8) == uninterrupted
    assert resumes(build).uninterrupted()[1] != uninterrupted


def test_a_run_ignores_what_its_process_drew_before(small_network, build, resumes):
    torch.manual_seed(1)
    first = resumes(build).uninterrupted()[1]
    torch.manual_seed(2)

    assert resumes(build).uninterrupted()[1] == first


def test_the_metrics_are_those_the_catalog_names(finished):
    pauses, outcome = finished
    cost = architecture_cost(GENOTYPE, operations="ssc", channels=4, layers=3)

    others = {"cifar10_1_error", "cifar10_1_error_best", "corrupt_images"}  # of whole CIFAR-10 only; of files only
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


def test_the_auxiliary_head_is_trained_by_its_own_share_of_the_loss(small_network, build):
    def first_loss(**changes):
        run = build(drop_path=0.0, **changes)
        paused = run.steps()
        pause = next(paused)
        while pause.metrics is None:
            pause = next(paused)
        return run.outcome().epochs[0]["train_loss"]

    # An auxiliary head says at first nothing about 10 classes: about log 10 more loss for each unit of its weight.
    assert first_loss(auxiliary_weight=1.0) - first_loss(auxiliary_weight=0.0) == pytest.approx(math.log(10), abs=0.7)


def test_without_an_auxiliary_head_it_trains_too(build):
    run = build(auxiliary=False)

    assert next(run.steps()).step == 1


def test_a_genotype_that_describes_itself_is_taken(small_network, build):
    run = build(genotype=describe(GENOTYPE, "ssc"), epochs=1)
    for _ in run.steps():
        pass

    assert run.outcome().artifacts["genotype"] == describe(GENOTYPE, "ssc")


@pytest.mark.parametrize(
    ("genotype", "message"),
    [
        (describe(GENOTYPE, "original"), "made of 'original' operations, but the config says 'ssc'"),
        ({**GENOTYPE.to_json(), "kind": "tree"}, "unknown kind of genotype 'tree'"),
        ({**GENOTYPE.to_json(), "normal": [["sep_conv_9x9", 0]] * 2}, "sep_conv_9x9"),
        ({}, "needs the key"),
    ],
)
def test_a_genotype_that_cannot_be_built_fails_the_trial(build, genotype, message):
    with pytest.raises(TrialFailure, match=message):
        build(genotype=genotype)


PATH = {
    "kind": "path",
    "operations": "ssc",
    "steps": [["sep_conv_3x3", 4, 6, 2], ["max_pool_3x3", 6, 8, 2], ["sep_conv_3x3", 8, 8, 2]],
}
"""Of a small MultiChannelNet."""


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


def test_the_middle_of_choke_blocks_is_the_configs(build):
    genotype = PUBLISHED["SHARP_DARTS"].to_json()
    sizes = [build(genotype=genotype, mid_channels=width)._cost.params for width in (32, 96)]

    assert sizes[0] < sizes[1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"genotype": PATH}, "a path cannot become the network 'cifar'; set network: multichannel or"),
        ({"network": "multichannel"}, "cells cannot become the network 'multichannel'; set network: cifar or imagenet"),
        ({"genotype": PATH, "network": "multichannel", "drop_path": 0.0}, "set auxiliary: false and drop_path: 0"),
        ({"genotype": PATH, "network": "multichannel", "auxiliary": False}, "set auxiliary: false and drop_path: 0"),
        ({"genotype": {**PATH, "operations": "original"}, "network": "multichannel"}, "made of 'original' operations"),
    ],
)
def test_a_network_that_does_not_go_with_the_genotype_fails_the_trial(build, changes, sentence):
    with pytest.raises(TrialFailure, match=f"^[^\n]*{sentence}"):
        build(**changes)


def test_a_loss_that_is_no_number_fails_the_trial_and_names_the_step(small_network, build):
    run = build()
    paused = run.steps()
    next(paused)
    with torch.no_grad():
        next(run.network.parameters()).fill_(math.nan)

    with pytest.raises(TrialFailure, match=r"^loss is nan in epoch 1, step 2$"):
        list(paused)


def test_damaged_states_are_refused_and_leave_the_run_as_it_was(small_network, build, resumes):
    run, other = build(), build(seed=1)
    good = run.state()
    lacking = torch.load(io.BytesIO(good), weights_only=True)
    lacking["network"].popitem()
    for damaged in (b"", b"garbage", good[: len(good) // 2], pack({}), pack(lacking), other.state()):
        with pytest.raises(DamagedFile):
            run.load(damaged)
    for _ in run.steps():
        pass

    assert resumes(build).uninterrupted()[1][0] == run.outcome().metrics


def test_device_seconds_add_up_over_resumes_and_leave_pauses_out(small_network, build):
    first = build()
    paused = first.steps()
    next(paused)
    state = first.state()
    sum(range(20_000_000))  # a pause of well over a step's time
    second = build()
    second.load(state)
    for _ in second.steps():
        pass
    whole = build()
    for _ in whole.steps():
        pass

    spent = second.outcome().device_seconds
    assert 0 < spent < 3 * whole.outcome().device_seconds + 0.3
    assert second.outcome().peak_memory_bytes > 2**20
    assert second.outcome().device == "cpu"


def test_start_builds_the_run_of_a_config(mini):
    before = torch.get_num_threads()
    try:
        run = start(CONFIG, seed=3, threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)

    assert run.config == CONFIG


@pytest.mark.parametrize(("changes", "field"), [({"test_images": 15}, "test_images"), ({"batch_size": 19}, "batch")])
def test_numbers_that_cannot_work_are_refused_before_anything_is_built(mini, one_thread, changes, field):
    with pytest.raises(TrialFailure, match=field):
        start(CONFIG.model_copy(update=changes), seed=0, threads=1)
