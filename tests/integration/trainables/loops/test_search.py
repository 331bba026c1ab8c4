"""Whole searches: what they leave behind, and that an interruption changes nothing."""

import json
import math
from functools import partial

import pytest
import torch
from run_fixtures import whole_run
from safetensors.torch import load as load_safetensors
from small_searches import FEW, small_search

from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import Genotype
from trainables.architecture.spaces import read_space
from trainables.catalog import BENCHMARK, CATALOG
from trainables.data.augmentation.transforms import EvalTransform
from trainables.data.subsets import search_halves
from trainables.loops.evaluation import top_k_error


@pytest.fixture
def build(mini, one_thread, small_evaluations):
    return partial(small_search, mini)


@pytest.fixture(scope="module")
def finished(mini):
    """The pauses and the outcome of one whole run."""
    return whole_run(partial(small_search, mini))


def test_every_step_and_every_evaluation_batch_is_a_pause(finished):
    pauses, _ = finished

    epoch = [(1, False), (2, False), *[(2, False)] * 4, (2, True)]  # the last two batches are of the discretisation gap
    assert [(pause.step, pause.metrics is not None) for pause in pauses] == epoch + epoch
    assert [pause.epoch for pause in pauses] == [1] * 7 + [2] * 7
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

    found, expected = second.network.state_dict(), first.network.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_metrics_are_those_the_catalog_names_of_such_a_space(finished):
    pauses, outcome = finished

    assert set(outcome.metrics) == set(CATALOG["search"].metrics) - set(BENCHMARK)
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


@pytest.mark.parametrize(("space", "weighting"), [("darts", "scalar"), ("darts", "max_w"), ("darts_ssc", "max_w")])
def test_every_space_and_weighting_takes_a_step(small_cells, build, space, weighting):
    run = build(space=space, weighting=weighting)

    assert next(run.steps()).step == 1
