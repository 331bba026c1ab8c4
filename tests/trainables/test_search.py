"""Search runs of a tiny supernet on real images."""

import io
import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load as load_safetensors

from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import Genotype
from trainables.architecture.spaces import read_space
from trainables.catalog import CATALOG
from trainables.config import SearchConfig
from trainables.data.augment import EvalTransform
from trainables.data.subsets import search_halves
from trainables.errors import DamagedFile, TrialFailure
from trainables.evaluation import top_k_error
from trainables.loop import pack
from trainables.search import SearchRun, start

FEW = ["none", "max_pool_3x3", "skip_connect", "sep_conv_3x3"]
"""A real space, and half as much work as one of eight."""
CONFIG = SearchConfig(
    dataset="cifar10-mini",
    space=FEW,
    train_images=20,
    epochs=2,
    batch_size=8,
    channels=2,
    layers=3,
    warmup_epochs=0,
    cutout=4,
)
"""Halves of 10 images: batches of 8 and 2."""
PAUSES = 2 * (2 + 2 + 1)
"""Of two epochs: steps, evaluation batches, the end."""


@pytest.fixture
def build(mini, one_thread, small_evaluations):
    def build(seed=0, **changes):
        config = CONFIG.model_copy(update=changes)
        return SearchRun(config, seed=seed, dataset=mini, device=torch.device("cpu"))

    return build


@pytest.fixture(scope="module")
def finished(mini):
    """The pauses and the outcome of one whole run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainables.loop.EVALUATION_BATCH", 8)
        run = SearchRun(CONFIG, seed=0, dataset=mini, device=torch.device("cpu"))
        pauses = list(run.steps())
    torch.set_num_threads(before)
    return pauses, run.outcome()


def test_every_step_and_every_evaluation_batch_is_a_pause(finished):
    pauses, _ = finished

    epoch = [(1, False), (2, False), (2, False), (2, False), (2, True)]
    assert [(pause.step, pause.metrics is not None) for pause in pauses] == epoch + epoch
    assert [pause.epoch for pause in pauses] == [1] * 5 + [2] * 5
    assert {pause.steps for pause in pauses} == {2}


def test_a_search_resumed_after_every_step_equals_an_uninterrupted_one(small_cells, build, resumes):
    runs = resumes(build)

    assert runs.in_a_fresh_object_for_every_step() == runs.uninterrupted()[1]


def test_a_search_of_all_primitives_goes_on_in_a_fresh_object_as_in_its_own(small_cells, build):
    first, second = build(space="darts_ssc"), build(space="darts_ssc")
    steps = first.steps()
    next(steps)
    second.load(first.state())
    next(steps)
    next(second.steps())

    expected = first.network.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in second.network.state_dict().items())


def test_a_search_stopped_at_any_pause_equals_an_uninterrupted_one(small_supernet, build, resumes):
    runs = resumes(build)
    pauses, uninterrupted = runs.uninterrupted()

    assert len(pauses) == PAUSES
    for position in range(PAUSES):
        assert runs.stopped_at(position) == uninterrupted, pauses[position]


def test_the_metrics_are_those_the_catalog_names(finished):
    pauses, outcome = finished

    assert set(outcome.metrics) == set(CATALOG["search"].metrics)
    assert pauses[-1].metrics == outcome.metrics
    assert CATALOG["search"].progress in outcome.metrics


def test_each_epoch_keeps_its_errors_genotype_cost_and_alphas(finished):
    _, outcome = finished

    assert [row["epoch"] for row in outcome.epochs] == [1, 2]
    assert [row["learning_rate"] for row in outcome.epochs] == pytest.approx([0.025, 0.01041], rel=1e-3)
    for row in outcome.epochs:
        cost = architecture_cost(Genotype.from_json(json.loads(row["genotype"])), operations="ssc")
        assert (row["params"], row["macs"], row["addmult"]) == (cost.params, cost.macs, cost.addmult)
        assert 0 <= row["search_val_error"] <= 100
        assert all(math.isfinite(row[name]) for name in ("train_loss", "alphas_loss", "search_val_loss"))
        assert [len(row["alphas_normal"]), len(row["alphas_normal"][0])] == [14, 4]
    assert outcome.epochs[0]["alphas_normal"] != outcome.epochs[1]["alphas_normal"]


def test_the_genotype_is_the_best_epochs_and_describes_itself(finished):
    _, outcome = finished
    best = min(outcome.epochs, key=lambda row: row["search_val_error"])

    assert outcome.metrics["search_val_error_best"] == best["search_val_error"]
    assert outcome.metrics["best_epoch"] == best["epoch"]
    assert outcome.metrics["search_val_error"] == outcome.epochs[-1]["search_val_error"]
    assert outcome.artifacts["genotype"] == {"kind": "cells", "operations": "ssc", **json.loads(best["genotype"])}


def test_the_test_set_is_never_read(mini, small_supernet):
    run = SearchRun(CONFIG, seed=0, dataset=replace(mini, test=None), device=torch.device("cpu"))

    assert list(run.steps())[-1].epoch == 2


def test_the_stored_weights_reproduce_the_last_validation(finished, mini):
    _, outcome = finished
    network = CellSupernet(space=read_space(FEW), weighting="scalar", channels=2, layers=3, classes=10)
    network.load_state_dict(load_safetensors(outcome.files["weights-last.safetensors"]))
    _, alphas_half = search_halves(mini.train.labels, 20, 10)
    normalise = EvalTransform(mini.info.mean, mini.info.std)
    with torch.no_grad():
        logits_NC = network.eval()(normalise(torch.from_numpy(mini.train.images[alphas_half])))

    labels_N = torch.from_numpy(mini.train.labels[alphas_half])
    assert top_k_error(logits_NC, labels_N) == outcome.metrics["search_val_error"]


def test_another_seed_is_another_search(small_supernet, build):
    first, second = build(seed=0), build(seed=1)
    next(first.steps())
    next(second.steps())

    assert first.state() != second.state()


@pytest.mark.parametrize(("space", "weighting"), [("darts", "scalar"), ("darts", "max_w"), ("darts_ssc", "max_w")])
def test_every_space_and_weighting_takes_a_step(small_cells, build, space, weighting):
    run = build(space=space, weighting=weighting)

    assert next(run.steps()).step == 1


def test_a_loss_that_is_no_number_fails_the_trial_and_names_the_step(small_supernet, build):
    run = build()
    paused = run.steps()
    next(paused)
    with torch.no_grad():
        next(iter(run.network.weight_parameters())).fill_(math.nan)

    with pytest.raises(TrialFailure, match=r"^loss is nan in epoch 1, step 2$"):
        list(paused)


def test_damaged_states_are_refused_and_leave_the_run_as_it_was(small_supernet, build, resumes):
    run, other = build(), build(seed=1)
    good = run.state()
    lacking = torch.load(io.BytesIO(good), weights_only=True)
    del lacking["network"]["alphas_normal"]
    for damaged in (b"", b"garbage", good[: len(good) // 2], pack({}), pack(lacking), other.state()):
        with pytest.raises(DamagedFile):
            run.load(damaged)
    for _ in run.steps():
        pass

    assert resumes(build).uninterrupted()[1][0] == run.outcome().metrics


def test_start_builds_the_run_of_a_config(mini):
    before = torch.get_num_threads()
    try:
        run = start(CONFIG, seed=3, threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)

    assert run.config == CONFIG


@pytest.mark.parametrize(("changes", "field"), [({"train_images": 30}, "train_images"), ({"batch_size": 9}, "batch")])
def test_numbers_that_cannot_work_are_refused_before_anything_is_built(mini, one_thread, changes, field):
    with pytest.raises(TrialFailure, match=field):
        start(CONFIG.model_copy(update=changes), seed=0, threads=1)
