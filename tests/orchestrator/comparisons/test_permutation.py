"""The tests of a difference, held against the definition written out, and against what few runs can say at all."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from orchestrator.comparisons.permutation import fewest_runs, holm, paired, power_of, runs_to_settle, unpaired

ERRORS = st.integers(0, 400).map(lambda hundredths: hundredths / 16)
"""Binary fractions: their sums are exact in any order."""


def tails(statistics, seen):
    """Return twice the smaller share of rearrangements that lie as far out as what was seen, 1 at most."""
    above = sum(one >= seen for one in statistics) / len(statistics)
    below = sum(one <= seen for one in statistics) / len(statistics)
    return min(1.0, 2 * min(above, below))


@settings(max_examples=40)
@given(st.lists(st.tuples(ERRORS, ERRORS), min_size=2, max_size=7))
def test_the_p_of_pairs_is_the_share_of_sign_patterns_that_differ_as_much(pairs):
    differences = [second - first for first, second in pairs]
    flipped = [
        sum(map(math.prod, zip(signs, differences, strict=True))) for signs in product((1, -1), repeat=len(pairs))
    ]

    verdict = paired(*zip(*pairs, strict=True))

    assert verdict.difference == pytest.approx(sum(differences) / len(pairs))
    assert verdict.p == pytest.approx(tails(flipped, sum(differences)))


@settings(max_examples=40)
@given(st.lists(ERRORS, min_size=2, max_size=4), st.lists(ERRORS, min_size=2, max_size=4))
def test_the_p_of_unpaired_runs_is_the_share_of_deals_that_differ_as_much(first, second):
    pool, n = [*first, *second], len(first)

    def apart(hand):
        rest = [pool[place] for place in range(len(pool)) if place not in hand]
        return n * sum(rest) - len(rest) * sum(pool[place] for place in hand)  # in whole sixteenths: exact

    deals = [apart(hand) for hand in combinations(range(len(pool)), n)]

    assert unpaired(first, second).p == pytest.approx(tails(deals, apart(range(n))))


@pytest.mark.parametrize(("n", "smallest"), [(2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.03125), (8, 0.0078125)])
def test_pairs_that_all_point_one_way_give_the_smallest_p_there_is(n, smallest):
    verdict = paired([3.0] * n, [2.5 - 0.125 * place for place in range(n)])

    assert verdict.p == verdict.smallest_p == smallest
    assert verdict.possible == (n >= 6)


def test_the_smallest_p_of_unpaired_runs_counts_their_deals():
    assert unpaired([1, 2, 3], [4, 5, 6]).p == unpaired([1, 2, 3], [4, 5, 6]).smallest_p == pytest.approx(2 / 20)


def test_arms_that_do_not_differ_at_all_have_p_1():
    assert paired([2.5] * 6, [2.5] * 6).p == 1
    assert unpaired([2.5] * 3, [2.5] * 3).p == 1


def test_one_run_says_nothing_of_how_much_runs_vary():
    assert paired([1.0], [2.0]).p is None
    assert unpaired([1.0], [2.0, 3.0]).p is None
    assert runs_to_settle(paired([1.0], [2.0])) is None


@pytest.mark.parametrize("arms", [([], []), ([1.0], [1.0, 2.0])])
def test_pairs_need_two_arms_of_one_length(arms):
    with pytest.raises(ValueError, match="pairs"):
        paired(*arms)


def test_holm_multiplies_the_smallest_the_most_and_never_turns_the_order_round():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def rejects(differences, alpha):
    """Say of each column of differences whether the test over all sign patterns rejects it."""
    signs = np.array(list(product((1, -1), repeat=len(differences))))
    sums = signs @ differences
    seen = np.abs(differences.sum(axis=0))
    return 2 * (sums >= seen - 1e-9).mean(axis=0) <= alpha


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 6])
@pytest.mark.parametrize("effect", [0.9, 1.4, 3.0])
def test_the_runs_to_settle_a_difference_are_the_fewest_with_the_power_of_the_test_itself(alpha, effect):
    """Found here by carrying out the permutation test on numbers drawn many times."""
    spread = np.array([-1.0, 0.0, 1.0, -0.5, 0.5])
    verdict = paired([0.0] * 5, list(effect + spread / spread.std(ddof=1)))
    n = runs_to_settle(verdict, alpha=alpha)
    rng = np.random.default_rng(3)

    def power(runs):
        return np.mean(rejects(rng.normal(effect, 1, (runs, 4_000)), alpha))

    assert n is not None
    assert n >= fewest_runs(True, alpha)
    if n <= 12:
        assert power(n) > 0.8 - 0.03
        assert n == fewest_runs(True, alpha) or power(n - 1) < 0.8 + 0.03


def test_six_pairs_take_a_larger_effect_than_a_t_test_would_say():
    """Six reject only where all point one way: 0.92 to the power of six, of an effect of 1.4."""
    assert power_of(6, 1.4, is_paired=True) == pytest.approx(0.6, abs=0.04)
    assert power_of(5, 100.0, is_paired=True) == 0


@settings(max_examples=60)
@given(st.lists(st.integers(1, 64).map(lambda share: share / 64), max_size=6))
def test_holm_is_the_largest_of_the_levels_that_were_passed_on_the_way(p_values):
    order = sorted(p_values)

    def adjusted(p):
        return max(min(1.0, (len(order) - rank) * each) for rank, each in enumerate(order) if each <= p)

    assert holm(p_values) == pytest.approx([adjusted(p) for p in p_values])


def test_arms_that_are_not_paired_need_as_many_runs_each_as_two_samples_do():
    first = [-1.0, 0.0, 1.0, -0.5, 0.5]
    n = runs_to_settle(unpaired(first, [value + 0.9 * float(np.std(first, ddof=1)) for value in first]))
    rng = np.random.default_rng(4)

    def power(runs):
        arms = rng.normal(0, 1, (20_000, runs)), rng.normal(0.9, 1, (20_000, runs))
        return np.mean(stats.ttest_ind(*arms, axis=1).pvalue <= 0.05)

    assert n is not None
    assert power(n) > 0.8 - 0.015
    assert power(n - 1) < 0.8 + 0.015


def test_a_difference_that_nobody_could_settle_has_no_number_of_runs():
    assert runs_to_settle(paired([0.0, 1.0, 2.0], [0.001, 1.0, 2.0 - 1e-9])) is not None
    assert runs_to_settle(paired([0.0, 1.0, 2.0], [1.0, 0.0, 2.001])) is None
    assert runs_to_settle(paired([1.0] * 3, [2.0] * 3)) is None


@pytest.mark.parametrize(("n", "share"), [(5, 0.0), (6, 2 / 64), (7, 6 / 128)])
def test_where_nothing_differs_no_more_is_decided_than_chance_allows(n, share):
    """Every p that n pairs can give is a whole number of sign patterns, so the share that is at most 5 % is known."""
    rng = np.random.default_rng(n)
    arms = rng.normal(0, 1, (2, 500, n))

    rejected = np.mean([paired(list(first), list(second)).p <= 0.05 for first, second in zip(*arms, strict=True)])

    assert rejected == pytest.approx(share, abs=4 * math.sqrt(max(share, 1e-9) / 500))


FIRST = [70.0, 71.3, 69.9, 72.1, 70.7, 68.2]


def test_equal_differences_are_equal_whatever_the_last_digits_of_their_floats():
    """72.2 - 72.1 is 0.1000…057 and 68.3 - 68.2 is 0.0999…943; decimals are what was measured."""
    second = [round(value + change, 1) for value, change in zip(FIRST, [0.1] * 5 + [-0.1], strict=True)]

    assert paired(FIRST, second).p == 2 * 7 / 64
    assert paired(FIRST, [round(value + 0.1, 1) for value in FIRST]).deviation == 0
    assert unpaired([0.1 + 0.2, 0.3], [0.3, 0.1 + 0.2]).p == 1
    assert paired([0.1, 0.2, 0.3], [0.2, 0.3, 0.1]).difference == 0
    assert unpaired([0.1, 0.2, 0.3], [0.3, 0.1, 0.2]).difference == 0


@pytest.mark.parametrize("size", [5e-324, 1e-12, 1e12, 1e300])
def test_numbers_of_any_size_are_compared(size):
    verdict = paired([0.0] * 6, [size * factor for factor in (1, 2, 3, 1, 2, 3)])

    assert verdict.p in (1, 2 / 64)
    assert unpaired([0.0] * 3, [size] * 3).p is not None


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(600, 640), st.integers(600, 640)), min_size=2, max_size=6))
def test_decimal_errors_have_the_p_of_whole_numbers(pairs):
    first, second = zip(*pairs, strict=True)

    assert paired([one / 100 for one in first], [one / 100 for one in second]).p == paired(first, second).p
    assert unpaired([one / 100 for one in first], [one / 100 for one in second]).p == unpaired(first, second).p
