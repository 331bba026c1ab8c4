"""Search runs of a tiny supernet on real images."""

import io
import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from small_searches import CONFIG, small_search

from trainables.errors import DamagedFile, TrialFailure
from trainables.loops.search import SearchRun, start
from trainables.loops.states import pack

PAUSES = 2 * (2 + 2 + 2 + 1)
"""Of two epochs: steps, evaluation batches, those of the discretisation gap, the end."""


@pytest.fixture
def build(mini, one_thread, small_evaluations):
    return partial(small_search, mini)


def test_a_search_stopped_at_any_pause_equals_an_uninterrupted_one(small_supernet, build, resumes):
    runs = resumes(build)
    pauses, uninterrupted = runs.uninterrupted()

    assert len(pauses) == PAUSES
    for position in range(PAUSES):
        assert runs.stopped_at(position) == uninterrupted, pauses[position]


def test_the_test_set_is_never_read(mini, small_supernet):
    run = SearchRun(CONFIG, seed=0, dataset=replace(mini, test=None), device=torch.device("cpu"))

    assert list(run.steps())[-1].epoch == 2


def test_another_seed_is_another_search(small_supernet, build):
    first, second = build(seed=0), build(seed=1)
    next(first.steps())
    next(second.steps())

    assert first.state() != second.state()


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


@pytest.mark.parametrize(("changes", "field"), [({"train_images": 30}, "train_images"), ({"batch_size": 9}, "batch")])
def test_numbers_that_cannot_work_are_refused_before_anything_is_built(mini, one_thread, changes, field):
    with pytest.raises(TrialFailure, match=field):
        start(CONFIG.model_copy(update=changes), seed=0, threads=1)
