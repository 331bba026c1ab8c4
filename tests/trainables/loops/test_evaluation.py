"""Evaluations, top-k errors and the predictions file."""

import io
import math
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainables.errors import DamagedFile, TrialFailure
from trainables.loops.evaluation import (
    EVALUATION_BATCH,
    evaluate,
    evaluation_loss,
    predictions_file,
    top_k_error,
    wrong_answers,
)
from trainables.loops.images import Images
from trainables.loops.predictions import read_predictions
from trainables.trial import Step

CPU = torch.device("cpu")
HERE = Step(epoch=1, step=3, steps=3)


def test_an_evaluation_covers_every_image_once_and_in_order(split):
    images = Images(split, np.arange(600), CPU)
    pauses = []

    def work():
        logits_NC = yield from evaluate(lambda x: x.flatten(1), images, lambda x: x.double(), HERE)
        assert logits_NC.dtype == torch.float32
        assert np.array_equal(logits_NC.numpy(), split.images.reshape(600, -1))

    pauses = list(work())

    assert pauses == [HERE] * math.ceil(600 / EVALUATION_BATCH)


def test_an_evaluation_without_a_loss_fails_the_trial():
    with pytest.raises(TrialFailure, match="loss is nan in the evaluation of epoch 3"):
        evaluation_loss(torch.full((2, 3), math.nan), torch.tensor([0, 1]), epoch=3)


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_errors_agree_with_sorting(seed: int, k: int):
    generator = torch.Generator().manual_seed(seed)
    logits_NC = torch.stack([torch.randperm(7, generator=generator).float() for _ in range(30)])
    labels_N = torch.randint(0, 7, (30,), generator=generator)

    right = (logits_NC.topk(k, dim=1).indices == labels_N[:, None]).any(dim=1).sum()

    assert wrong_answers(logits_NC, labels_N, k=k) == 30 - right
    assert top_k_error(logits_NC, labels_N, k=k) == pytest.approx(100 * (30 - int(right)) / 30)


def test_of_equal_logits_the_first_wins():
    logits_NC = torch.zeros(3, 3)
    labels_N = torch.tensor([0, 1, 2])

    assert [int(wrong_answers(logits_NC, labels_N, k=k)) for k in (1, 2, 3)] == [2, 1, 0]


@pytest.mark.parametrize("place", [0, 1])
def test_an_answer_that_is_no_number_is_wrong(place: int):
    logits_NC = torch.tensor([[1.0, 2.0]])
    logits_NC[0, place] = torch.nan

    assert top_k_error(logits_NC, torch.tensor([0]), k=2) == 100.0
    assert top_k_error(logits_NC, torch.tensor([1])) == 100.0


def test_predictions_come_back_in_order():
    logits_NC = torch.tensor([[0.5, -1.0], [3.0, 4.0], [1e9, -1e9]])

    found = read_predictions(predictions_file(logits_NC, torch.tensor([0, 0, 1])))

    np.testing.assert_array_equal(found["predicted"], [0, 1, 0])
    np.testing.assert_array_equal(found["labels"], [0, 0, 1])
    np.testing.assert_array_equal(found["logits"], np.array([[0.5, -1.0], [3.0, 4.0], [65504, -65504]], np.float16))


def test_predictions_are_the_same_bytes_each_time_and_an_archive_that_numpy_opens():
    logits_NC, labels_N = torch.randn(20, 10, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 10

    data = predictions_file(logits_NC, labels_N)

    assert data == predictions_file(logits_NC.clone(), labels_N.clone())
    assert np.load(io.BytesIO(data))["logits"].shape == (20, 10)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {item.date_time for item in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("damage", [lambda data: data[:50], lambda data: b"", lambda data: b"\x80\x04garbage"])
def test_garbled_predictions_are_refused(damage):
    data = predictions_file(torch.zeros(2, 2), torch.zeros(2, dtype=torch.int64))

    with pytest.raises(DamagedFile, match="predictions cannot be read"):
        read_predictions(damage(data))
