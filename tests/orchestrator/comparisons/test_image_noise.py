"""What the test images say of networks, from the answers that are stored: apart from what seeds say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_worlds import FakeTable, make_world

from orchestrator.comparisons.comparison import compare
from orchestrator.comparisons.image_noise import image_noise, mcnemar
from orchestrator.comparisons.noise_words import noise_json, noise_sentences
from orchestrator.tables.table import build
from trainables.loops.predictions import packed

IMAGES = 200


def answers(wrong, *, labels=None):
    """Return the file of a network that gets these images wrong."""
    labels_N = np.arange(IMAGES) % 10 if labels is None else labels
    predicted_N = labels_N.copy()
    predicted_N[list(wrong)] += 1
    return packed({"logits": np.zeros((IMAGES, 10), "<f2"), "predicted": predicted_N, "labels": labels_N})


def found(*, metric="test_error_best", **asked):
    world = make_world(search_seeds=(0, 1), ps=(1,), seeds=(0,))
    table = build(world.plan, world.rows, FakeTable(rows=["weighting"], columns=[metric], **asked))
    return compare(world.plan, table, metric)


def noise_of(comparisons, of_first, of_second):
    first = {each for trials in comparisons.arms[0].trials.values() for each in trials}
    return image_noise(comparisons, lambda trial_id, name: of_first if trial_id in first else of_second)


@given(st.integers(0, 5), st.integers(0, 5))
def test_mcnemars_p_is_the_share_of_coin_throws_that_part_as_unevenly(first, second):
    n = first + second
    heads = [bin(throws).count("1") for throws in range(2**n)]

    assert mcnemar(first, second) == pytest.approx(
        sum(abs(each - n / 2) >= abs(first - n / 2) for each in heads) / 2**n
    )


def test_networks_of_one_seed_are_held_image_by_image_and_that_is_said_to_be_another_thing_than_seeds():
    comparisons = found()
    noise = noise_of(comparisons, answers(range(40)), answers(range(30, 50)))

    (pairs,) = noise.pairs.values()
    assert [(pair.only_first_wrong, pair.only_second_wrong) for pair in pairs] == [(30, 10), (30, 10)]
    assert pairs[0].p == pytest.approx(mcnemar(30, 10))
    said = noise_sentences(comparisons, noise)
    assert "says nothing of other seeds" in said[0]
    assert any("the images tell 2 of 2 pairs of networks apart" in line for line in said)


def test_an_error_has_the_interval_of_its_number_of_test_images():
    comparisons = found()
    noise = noise_of(comparisons, answers(range(40)), answers(range(20)))

    span = noise.intervals["scalar"]
    assert (span.low, span.high) == (pytest.approx(14.7, abs=0.1), pytest.approx(26.2, abs=0.1))
    assert noise_json(noise)["networks"][comparisons.arms[0].trials["0"][0]]["images"] == IMAGES


def test_other_test_images_are_not_held_against_each_other_and_that_is_said():
    comparisons = found()
    noise = noise_of(comparisons, answers(range(40)), answers(range(20), labels=np.arange(IMAGES) % 7))

    assert [list(pairs) for pairs in noise.pairs.values()] == [[]]
    assert any("not tested on the same images" in line for line in noise_sentences(comparisons, noise))


def test_the_same_labels_of_two_datasets_are_not_the_same_images():
    """Two folders of images, sorted by class, have the same labels."""
    comparisons = found()
    arms = [replace(arm, dataset=name) for arm, name in zip(comparisons.arms, ("ours", "theirs"), strict=True)]
    (one,) = comparisons.comparisons
    other = replace(comparisons, comparisons=(replace(one, first=arms[0], second=arms[1]),))

    noise = noise_of(other, answers(range(40)), answers(range(20)))

    assert "2 pairs of networks were not tested on the same images" in noise.unread[0]


@pytest.mark.parametrize("fault", [FileNotFoundError("gone"), KeyError("predictions-best.npz"), None])
def test_answers_that_are_not_there_are_said_and_stop_nothing(fault):
    def read(trial_id, name):
        if fault is None:
            return b"no archive"
        raise fault

    noise = image_noise(found(), read)

    (sentence,) = noise_sentences(found(), noise)
    assert sentence.startswith("The answers of 4 networks cannot be read (predictions-best.npz of ")


def test_a_metric_of_which_no_answers_are_kept_is_said():
    (sentence,) = image_noise(found(metric="params"), lambda *_: b"").unread

    assert sentence == "No answers are kept for params."


def test_a_network_that_answers_with_no_number_is_wrong():
    logits = np.zeros((IMAGES, 10), "<f2")
    logits[:5] = np.nan
    labels_N = np.arange(IMAGES) % 10
    file = packed({"logits": logits, "predicted": labels_N, "labels": labels_N})
    comparisons = found()

    noise = noise_of(comparisons, file, answers(()))
    assert [noise.networks[each].wrong for each in comparisons.arms[0].trials["0"]] == [5]
