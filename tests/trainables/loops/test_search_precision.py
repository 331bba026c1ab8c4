"""Searches that compute in half the bits: their loss scales, and that they resume exactly."""

from functools import partial

import pytest
import torch
from small_searches import small_search

from trainables.errors import TrialFailure

PAUSES = 2 * (2 + 2 + 2 + 1)
"""Of two epochs: steps, evaluation batches, those of the discretisation gap, the end."""


@pytest.fixture
def build(mini, one_thread, small_evaluations):
    return partial(small_search, mini)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_search_stopped_at_any_pause_equals_an_uninterrupted_one(small_supernet, build, resumes, precision):
    runs = resumes(lambda: build(precision=precision))
    pauses, uninterrupted = runs.uninterrupted()

    assert len(pauses) == PAUSES
    for position in range(PAUSES):
        assert runs.stopped_at(position) == uninterrupted, pauses[position]
    assert resumes(build).uninterrupted()[1] != uninterrupted


def test_loss_scales_that_change_on_the_way_are_part_of_the_state(small_supernet, build, resumes, monkeypatch):
    """They begin so high that gradients overflow, and grow after every step that is taken."""
    scaler = partial(torch.amp.GradScaler, init_scale=2.0**20, growth_interval=1)
    monkeypatch.setattr(torch.amp, "GradScaler", scaler)
    runs = resumes(lambda: build(precision="fp16"))
    run, start = build(precision="fp16"), build().network.state_dict()
    seen = [[precision.state()["scale"] for precision in precisions(run)] for _ in run.steps()]

    assert [len(set(scales)) > 1 for scales in zip(*seen, strict=True)] == [True, True]
    assert not torch.equal(run.network.alphas_normal, start["alphas_normal"])
    assert runs.in_a_fresh_object_for_every_step() == runs.uninterrupted()[1]


def precisions(run):
    return run._bilevel.weights_precision, run._bilevel.alphas_precision


@pytest.mark.parametrize("level", ["weights", "alphas"])
def test_an_overflow_leaves_a_level_where_it_was_and_lowers_its_scale_alone(small_supernet, build, level):
    run = build(precision="fp16")
    before = {name: value.clone() for name, value in run.network.named_parameters()}
    overflowing, other = precisions(run) if level == "weights" else reversed(precisions(run))
    overflowing.load({**overflowing.state(), "scale": 2.0**100})
    scale = other.state()["scale"]

    next(run.steps())

    moved = {name for name, value in run.network.named_parameters() if not torch.equal(value, before[name])}
    alphas = {"alphas_normal", "alphas_reduce"}
    assert moved == (alphas if level == "weights" else before.keys() - alphas)
    assert overflowing.state()["scale"] == 2.0**99
    assert other.state()["scale"] == scale


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_in_half_precision_there_is_no_second_order(small_supernet, build, precision):
    with pytest.raises(TrialFailure, match=f"^precision: .* {precision}$"):
        build(order=2, precision=precision)


def test_a_search_says_for_its_process_whether_convolutions_may_round_to_tf32_and_products_never_do(
    small_supernet, build
):
    """A process may have run another trial before."""
    flags = []
    for precision in ("tf32", "fp32"):
        build(precision=precision)
        flags.append((torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32))

    assert flags == [(False, True), (False, False)]
