"""The paper's numbers come out of the paper's formulas."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.tables.statistics import clopper_pearson, half_range, median_range, relative_change, variance_split

ERRORS = st.lists(st.floats(0, 100, allow_nan=False), min_size=1, max_size=9)


def test_three_runs_are_median_and_half_the_range():
    runs = median_range([5.32, 5.44, 5.56])

    assert runs.median == 5.44
    assert half_range(runs.low, runs.high) == pytest.approx(0.12)
    assert (runs.low, runs.high, runs.n) == (5.32, 5.56, 3)


def test_the_median_of_an_even_number_lies_between_the_middle_two():
    assert median_range([4.0, 1.0, 2.0, 3.0]).median == 2.5


def test_medians_and_ranges_are_those_of_decimal_numbers():
    """In binary they are 5.425000000000001 and 0.02499999999999991, which round down where 5.425 and 0.025 round up."""
    runs = median_range([5.4, 5.45])

    assert runs.median == 5.425 != (5.4 + 5.45) / 2
    assert half_range(runs.low, runs.high) == 0.025 != (5.45 - 5.4) / 2


def test_one_run_has_no_range():
    runs = median_range([1.93])

    assert half_range(runs.low, runs.high) == 0


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_nothing_and_what_is_no_number_have_no_median(values):
    with pytest.raises(ValueError, match="a median needs"):
        median_range(values)


@given(ERRORS)
def test_the_median_agrees_with_the_standard_library_and_lies_in_the_range(values):
    runs = median_range(values)

    assert runs.median == pytest.approx(statistics.median(values))
    assert runs.low <= runs.median <= runs.high
    assert half_range(runs.low, runs.high) == pytest.approx((max(values) - min(values)) / 2)


@given(ERRORS, st.randoms())
def test_the_order_of_runs_does_not_matter(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)

    assert median_range(shuffled) == median_range(values)


def test_the_best_error_is_the_lowest():
    assert median_range([1.98, 1.93, 2.07]).low == 1.93


def test_the_interval_of_the_papers_example_comes_out():
    """Accuracy 90 % with n = 2000 has the interval [88.6 %, 91.3 %]: arXiv:1903.09900, section 2."""
    interval = clopper_pearson(1800, 2000)

    assert round(100 * interval.low, 1) == 88.6
    assert round(100 * interval.high, 1) == 91.3


def test_an_error_has_the_mirrored_interval_of_its_accuracy():
    interval = clopper_pearson(200, 2000)

    assert (round(100 * interval.low, 1), round(100 * interval.high, 1)) == (8.7, 11.4)


def test_the_interval_reaches_the_end_when_all_or_none_succeed():
    assert clopper_pearson(0, 20).low == 0
    assert clopper_pearson(20, 20).high == 1


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_proportion_and_grows_with_confidence(counts):
    successes, n = counts
    narrow, wide = clopper_pearson(successes, n, confidence=0.8), clopper_pearson(successes, n, confidence=0.99)

    assert 0 <= wide.low <= narrow.low <= successes / n <= narrow.high <= wide.high <= 1


@pytest.mark.parametrize(("successes", "n"), [(-1, 10), (11, 10), (0, 0)])
def test_impossible_counts_are_refused(successes, n):
    with pytest.raises(ValueError, match="successes"):
        clopper_pearson(successes, n)


@pytest.mark.parametrize("confidence", [0, 1, 1.5])
def test_impossible_confidence_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        clopper_pearson(1, 2, confidence=confidence)


def test_the_papers_relative_improvements_come_out():
    """13 % in val err (2.45 % vs 2.83 %) and 80 % in search time: arXiv:1903.09900, section 4.2."""
    assert round(100 * relative_change(2.45, 2.83)) == -13
    assert round(100 * relative_change(0.8, 4)) == -80


def test_less_of_a_loss_below_zero_is_a_change_downwards():
    assert relative_change(-3.0, -2.0) == -0.5


def test_a_change_from_nothing_is_refused():
    with pytest.raises(ValueError, match="relative to 0"):
        relative_change(1.0, 0.0)


@given(st.lists(st.lists(st.integers(-400, 400).map(lambda n: n / 16), min_size=2, max_size=2), min_size=2, max_size=5))
def test_the_variance_of_groups_of_two_is_split_as_the_mean_squares_say(groups):
    array = np.array(groups)
    within = np.mean(np.var(array, axis=1, ddof=1))
    between = max(0.0, np.var(array.mean(axis=1), ddof=1) - within / 2)

    split = variance_split(groups)

    assert (split.within, split.between) == pytest.approx((within, between))


def test_the_split_of_groups_of_unlike_sizes_is_right_on_average():
    """Drawn many times with variances of 4 between groups and 1 within them."""
    rng = np.random.default_rng(0)
    splits = []
    for _ in range(2_000):
        centres = rng.normal(10, 2, 12)
        splits.append(
            variance_split([list(rng.normal(c, 1, n)) for c, n in zip(centres, [1, 2, 3, 6] * 3, strict=True)])
        )

    assert np.mean([split.between for split in splits]) == pytest.approx(4, rel=0.1)
    assert np.mean([split.within for split in splits]) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("groups", [[], [[1.0, 2.0]], [[1.0], [2.0]], [[1.0, 2.0], []]])
def test_no_variance_is_split_where_one_of_both_cannot_be_seen(groups):
    assert variance_split(groups) is None
