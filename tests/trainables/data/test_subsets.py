"""Which images a trial uses."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainables.data.cache import Dataset
from trainables.data.catalog import DATASETS
from trainables.data.subsets import search_halves, subset, training_split


@given(st.data(), st.integers(2, 5), st.integers(2, 6))
def test_a_subset_is_the_first_images_of_each_class(data: st.DataObject, classes: int, each: int):
    labels = np.array(data.draw(st.permutations([c for c in range(classes) for _ in range(each)])))
    taken = data.draw(st.integers(1, each))

    found = subset(labels, taken * classes, classes)

    assert (np.diff(found) > 0).all()
    for label in range(classes):
        np.testing.assert_array_equal(found[labels[found] == label], np.flatnonzero(labels == label)[:taken])


@given(st.data(), st.integers(1, 5), st.integers(2, 6), st.booleans())
def test_held_out_are_the_last_images_of_each_class_of_the_subset(
    data: st.DataObject, classes: int, each: int, whole: bool
):
    labels = np.array(data.draw(st.permutations([c for c in range(classes) for _ in range(each)])))
    images = None if whole else classes * data.draw(st.integers(2, each))
    used = subset(labels, images, classes)
    held_out = data.draw(st.integers(1, len(used) // classes - 1))

    learned, validation = training_split(labels, images, classes * held_out, classes)

    assert (np.diff(learned) > 0).all()
    assert (np.diff(validation) > 0).all()
    np.testing.assert_array_equal(np.sort(np.concatenate([learned, validation])), used)
    for label in range(classes):
        of_class = used[labels[used] == label]
        np.testing.assert_array_equal(validation[labels[validation] == label], of_class[-held_out:])


def test_classes_of_different_sizes_lose_equally_many_images():
    learned, validation = training_split(np.array([1, 0, 1, 1, 0, 1, 1]), None, 2, 2)

    assert (learned.tolist(), validation.tolist()) == ([0, 1, 2, 3, 5], [4, 6])


@given(st.integers(1, 4), st.integers(1, 3))
def test_nothing_is_held_out_unless_it_is_asked_for(each: int, classes: int):
    labels = np.arange(classes).repeat(4)

    learned, validation = training_split(labels, each * classes, None, classes)

    np.testing.assert_array_equal(learned, subset(labels, each * classes, classes))
    assert len(validation) == 0


@given(st.data(), st.integers(2, 5), st.integers(1, 4))
def test_halves_of_a_subset_are_disjoint_balanced_and_in_order(data: st.DataObject, classes: int, pairs: int):
    labels = np.array(data.draw(st.permutations([c for c in range(classes) for _ in range(2 * pairs + 1)])))
    images = 2 * pairs * classes

    weights, alphas = search_halves(labels, images, classes)

    np.testing.assert_array_equal(np.sort(np.concatenate([weights, alphas])), subset(labels, images, classes))
    for label in range(classes):
        ours, theirs = weights[labels[weights] == label], alphas[labels[alphas] == label]
        assert len(ours) == len(theirs) == pairs
        assert ours.max() < theirs.min()


def test_halves_of_everything_are_the_first_and_the_last_half(mini: Dataset):
    weights, alphas = search_halves(mini.train.labels, None, 10)

    np.testing.assert_array_equal(weights, np.arange(1000))
    np.testing.assert_array_equal(alphas, np.arange(1000, 2000))
    counts = tuple(np.bincount(mini.train.labels[weights], minlength=10).tolist())
    assert counts == DATASETS["cifar10-mini"].train_first_half_counts
