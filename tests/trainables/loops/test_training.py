"""Final training of a tiny network on real images."""

import io
import itertools
import math
from functools import partial

import pytest
import torch
from small_trainings import CONFIG, GENOTYPE, PATH, small_training

from trainables.architecture.genotype import describe
from trainables.architecture.published import PUBLISHED
from trainables.errors import DamagedFile, TrialFailure
from trainables.loops.states import pack
from trainables.loops.training import start

PAUSES = 2 * (3 + 3 + 1)
"""Of two epochs: steps, evaluation batches, the end."""


@pytest.fixture
def build(mini, one_thread, small_evaluations):
    return partial(small_training, mini)


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

    spent = second.spent()
    assert 0 < spent.seconds < 3 * whole.spent().seconds + 0.3
    assert spent.peak_bytes > 2**20
    assert spent.device == "cpu"


def test_each_rank_on_the_cpu_counts(small_network, build, monkeypatch):
    run = build(ranks=2)
    monkeypatch.setattr("trainables.loops.metering.time.process_time", partial(next, itertools.count()))
    list(run._meter.measure(iter("abc")))  # a second for each, and one for the end

    assert run.spent().seconds == 8


def test_start_builds_the_run_of_a_config_on_the_cpu_whatever_is_visible(mini, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    before = torch.get_num_threads()
    try:
        run = start(CONFIG, seed=3, threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)

    assert run.config == CONFIG
    assert run.spent().device == "cpu"


@pytest.mark.parametrize(("changes", "field"), [({"test_images": 15}, "test_images"), ({"batch_size": 19}, "batch")])
def test_numbers_that_cannot_work_are_refused_before_anything_is_built(mini, one_thread, changes, field):
    with pytest.raises(TrialFailure, match=field):
        start(CONFIG.model_copy(update=changes), seed=0, threads=1)
