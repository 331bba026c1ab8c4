"""What each setting of a search changes, and that an interruption changes nothing under any of them."""

import json
from functools import partial

import pytest
from small_searches import small_search

from trainables.errors import TrialFailure
from trainables.loops.search import SearchRun
from trainables.optimization.bilevel import FirstOrder


@pytest.fixture
def build(mini, one_thread):
    return partial(small_search, mini, space="darts_ssc")


@pytest.fixture
def alphas_steps(monkeypatch):
    """The losses of all alphas steps so far, in a list that grows."""
    taken = []
    step = FirstOrder.alphas_step

    def noted(self, *batches):
        loss, logits_BC = step(self, *batches)
        taken.append(float(loss))
        return loss, logits_BC

    monkeypatch.setattr(FirstOrder, "alphas_step", noted)
    return taken


def finish(run):
    for _ in run.steps():
        pass
    return run.outcome()


@pytest.mark.parametrize("changes", [{"alpha_every": 3, "epochs": 3}, {"alpha_start_epoch": 2, "alpha_every": 2}])
def test_a_search_whose_alphas_rest_resumes_like_any_other(small_supernet, build, resumes, changes):
    runs = resumes(lambda: build(**changes))

    assert runs.in_a_fresh_object_for_every_step() == runs.uninterrupted()[1]


def test_the_alphas_stay_until_their_first_epoch(small_supernet, build, alphas_steps):
    run = build(alpha_start_epoch=2)
    start = run.network.alphas_normal.tolist()
    first, second = finish(run).epochs

    assert len(alphas_steps) == 2
    assert first["alphas_normal"] == start != second["alphas_normal"]
    assert (first["alphas_loss"], first["alphas_error"]) == (None, None)
    assert second["alphas_loss"] == pytest.approx((8 * alphas_steps[0] + 2 * alphas_steps[1]) / 10)


def test_before_that_their_images_train_nothing(small_supernet, build, monkeypatch):
    run = build(alpha_start_epoch=3, epochs=3)
    halves = []
    augmented = SearchRun._augmented
    monkeypatch.setattr(
        SearchRun, "_augmented", lambda self, *args: (halves.append(args[-1]), augmented(self, *args))[1]
    )
    finish(run)

    assert halves == ["weights"] * 4 + ["weights", "alphas"] * 2


def test_what_is_found_is_of_an_epoch_in_which_the_alphas_had_moved(small_supernet, build):
    run = build(alpha_start_epoch=3, epochs=4)
    metrics = [pause.metrics for pause in run.steps() if pause.metrics is not None]
    outcome = run.outcome()
    errors = [row["search_val_error"] for row in outcome.epochs]

    assert [set(found) == {"search_val_error"} for found in metrics] == [True, True, False, False]
    assert min(errors[:2]) <= min(errors[2:]), "this seed's first epochs should tempt"
    assert outcome.metrics["best_epoch"] == 3 + errors[2:].index(min(errors[2:]))
    assert outcome.metrics["search_val_error_best"] == min(errors[2:])
    assert (
        outcome.artifacts["genotype"]["normal"]
        == json.loads(outcome.epochs[int(outcome.metrics["best_epoch"]) - 1]["genotype"])["normal"]
    )


def test_alphas_that_would_never_move_fail_the_trial(build):
    with pytest.raises(TrialFailure, match="alpha_start_epoch: the alphas would never move in 2 epochs"):
        build(alpha_start_epoch=3)


def test_alpha_every_counts_steps_through_the_epochs(small_supernet, build, alphas_steps):
    """Of the steps 1 2 | 3 4 | 5 6 every third moves the alphas: 1 and 4."""
    outcome = finish(build(alpha_every=3, epochs=3))

    losses = [row["alphas_loss"] for row in outcome.epochs]
    assert losses == [pytest.approx(alphas_steps[0]), pytest.approx(alphas_steps[1]), None]
    assert [row["alphas_normal"] for row in outcome.epochs].count(outcome.epochs[-1]["alphas_normal"]) == 2


def test_a_search_of_cells_finds_cells_with_and_without_none(small_supernet, build):
    outcome = finish(build())

    assert list(outcome.artifacts) == ["genotype", "genotype_with_none"]
    assert all(artifact["kind"] == "cells" for artifact in outcome.artifacts.values())


def test_settings_that_the_space_has_no_use_for_fail_the_trial(build):
    with pytest.raises(TrialFailure, match="prune_below"):
        build(prune_below=0.001)
