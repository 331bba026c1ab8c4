"""Which images a trial uses."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainables.data.cache import Dataset
from trainables.data.catalog import DATASETS
from trainables.data.subsets import search_halves, subset


@given(st.data(), st.integers(2, 5), st.integers(2, 6))
def test_a_subset_is_the_first_images_of_each_class(data: st.DataObject, classes: int, each: int):
    labels = np.array(data.draw(st.permutations([c for c in range(classes) for _ in range(each)])))
    taken = data.draw(st.integers(1, each))

    found = subset(labels, taken * classes, classes)

    assert (np.diff(found) > 0).all()
    for label in range(classes):
        np.testing.assert_array_equal(found[labels[found] == label], np.flatnonzero(labels == label)[:taken])


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
