"""Searches of real supernets with many settings at once: an interruption changes nothing."""

import json
from functools import partial

import pytest
import torch
from small_searches import small_search

from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import MultiChannelPath, read_architecture
from trainables.catalog import BENCHMARK, CATALOG

FEW = ["none", "skip_connect", "sep_conv_3x3"]
MULTICHANNEL = {"kind": "multichannel", "scales": [2, 3], "blocks": 1, "layers": 2, "head_channels": 4}


@pytest.fixture
def build(mini, one_thread):
    return partial(small_search, mini, space="darts_ssc")


def finish(run):
    for _ in run.steps():
        pass
    return run.outcome()


def test_a_multichannel_search_resumed_after_every_step_equals_an_uninterrupted_one(build, resumes):
    everything = {"order": 2, "weighting": "max_w", "prune_below": 0.01, "activation_checkpointing": True}
    runs = resumes(lambda: build(space=MULTICHANNEL, epochs=1, **everything))

    assert runs.in_a_fresh_object_for_every_step() == runs.uninterrupted()[1]


def test_a_second_order_search_of_cells_stopped_in_the_middle_equals_an_uninterrupted_one(small_cells, build, resumes):
    runs = resumes(lambda: build(space=FEW, epochs=1, order=2))

    assert runs.stopped_at(0) == runs.uninterrupted()[1]


def test_the_orders_differ_and_recomputed_activations_do_not(build):
    runs = [
        build(space=MULTICHANNEL, order=order, activation_checkpointing=on)
        for order, on in ((1, False), (2, False), (2, True))
    ]
    for run in runs:
        next(run.steps())
    first, second, again = (run.network.state_dict() for run in runs)

    assert not torch.equal(first["alphas"], second["alphas"])
    assert all(torch.equal(second[name], again[name]) for name in second)


def test_a_multichannel_search_records_its_alphas_its_paths_and_their_size(build):
    outcome = finish(build(space=MULTICHANNEL, weighting="max_w", prune_below=0.01))
    best = outcome.epochs[int(outcome.metrics["best_epoch"]) - 1]

    assert set(outcome.metrics) == set(CATALOG["search"].metrics) - set(BENCHMARK)
    assert torch.tensor(best["alphas"]).shape == (2, 1, 2, 2, 2)
    assert list(outcome.artifacts) == ["genotype", "genotype_top_down", "genotype_bottom_up"]
    path = read_architecture(outcome.artifacts["genotype"])
    assert isinstance(path, MultiChannelPath)
    assert [step.stride for step in path.steps] == [1, 2]
    assert path == read_architecture(json.loads(best["genotype"]))
    cost = architecture_cost(path, network="multichannel")
    assert [outcome.metrics[name] for name in ("params", "addmult", "macs")] == [cost.params, cost.addmult, cost.macs]
