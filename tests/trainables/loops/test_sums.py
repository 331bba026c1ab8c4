"""The pieces both loops are made of."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainables.data.cache import Split
from trainables.errors import DamagedFile, TrialFailure
from trainables.loops.images import Images
from trainables.loops.sums import EVALUATION_BATCH, EpochSums, best_epoch, evaluate, evaluation_loss, pack, unpack
from trainables.trial import Step

CPU = torch.device("cpu")
HERE = Step(epoch=1, step=3, steps=3)


@pytest.fixture
def split():
    images = np.arange(600 * 4 * 4 * 3, dtype=np.uint32).astype(np.uint8).reshape(600, 4, 4, 3)
    return Split(images=images, labels=np.arange(600) % 10)


def test_images_are_those_of_the_chosen_indices_in_the_asked_order(split):
    images = Images(split, np.array([5, 100, 7]), CPU)
    images_BHWC, labels_B = images.batch(torch.tensor([2, 0]))

    assert len(images) == 3
    assert np.array_equal(images_BHWC.numpy(), split.images[[7, 5]])
    assert labels_B.tolist() == [7, 5]


def test_an_evaluation_covers_every_image_once_and_in_order(split):
    images = Images(split, np.arange(600), CPU)
    pauses = []

    def work():
        logits_NC = yield from evaluate(lambda x: x.flatten(1), images, lambda x: x.double(), HERE)
        assert logits_NC.dtype == torch.float32
        assert np.array_equal(logits_NC.numpy(), split.images.reshape(600, -1))

    pauses = list(work())

    assert pauses == [HERE] * math.ceil(600 / EVALUATION_BATCH)


def test_sums_weigh_each_step_by_its_images():
    sums = EpochSums(2, CPU)
    logits_BC = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    sums.add(0, torch.tensor(1.0), logits_BC, torch.tensor([0, 1, 1]))
    sums.add(1, torch.tensor(5.0), logits_BC[:1], torch.tensor([1]))

    assert sums.loss() == pytest.approx((3 * 1.0 + 5.0) / 4)
    assert sums.error() == pytest.approx(100 * 2 / 4)


@given(st.lists(st.sampled_from([0.5, 2.0, math.nan, math.inf, -math.inf]), min_size=1, max_size=8))
def test_the_first_bad_loss_is_the_one_named(losses):
    sums = EpochSums(8, CPU)
    for step, loss in enumerate(losses):
        sums.add(step, torch.tensor(loss), torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64))
    bad = [step for step, loss in enumerate(losses, start=1) if not math.isfinite(loss)]

    if not bad:
        sums.check(4, len(losses))
        return
    with pytest.raises(TrialFailure, match=rf"^loss is (nan|-?inf) in epoch 4, step {bad[0]}$"):
        sums.check(4, len(losses))


def test_the_best_epoch_is_the_first_of_equals():
    history = [{"epoch": 1, "error": 9.0}, {"epoch": 2, "error": 7.0}, {"epoch": 3, "error": 7.0}]

    assert best_epoch(history, "error")["epoch"] == 2


def test_an_evaluation_without_a_loss_fails_the_trial():
    with pytest.raises(TrialFailure, match="loss is nan in the evaluation of epoch 3"):
        evaluation_loss(torch.full((2, 3), math.nan), torch.tensor([0, 1]), epoch=3)


def test_states_come_back_as_they_were():
    state = {"tensor": torch.arange(3), "rows": [{"epoch": 1, "rate": 0.1}], "nothing": None}
    back = unpack(pack(state), CPU)

    assert torch.equal(back.pop("tensor"), state.pop("tensor"))
    assert back == state


class Unwelcome:
    """Something whose unpickling would run code."""

    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize("value", [Unwelcome(), [1, 2]], ids=["code", "no-state"])
def test_a_state_that_is_none_is_refused_and_not_run(value, capsys):
    with pytest.raises(DamagedFile):
        unpack(pack(value), CPU)

    assert capsys.readouterr().out == ""


@given(st.binary(max_size=200))
def test_garbage_is_damaged_whatever_it_is(data):
    with pytest.raises(DamagedFile):
        unpack(data, CPU)
