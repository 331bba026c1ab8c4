"""The test of a difference keeps its level: in small here, at length in permutation_level.py."""

import math
import runpy
from pathlib import Path

import pytest

LEVEL = runpy.run_path(str(Path(__file__).with_name("permutation_level.py")))
expected, patterns_rejected, rejections = (LEVEL[name] for name in ("expected", "patterns_rejected", "rejections"))


@pytest.mark.parametrize(("n", "share"), [(3, 0), (5, 0), (6, 2 / 64), (7, 6 / 128), (8, 12 / 256), (9, 24 / 512)])
def test_the_share_that_is_rejected_without_a_difference_is_that_of_whole_sign_patterns(n, share):
    assert expected(n) == share


@pytest.mark.parametrize(("n", "patterns"), [(3, 0), (4, 0), (5, 0), (6, 2)])
def test_up_to_five_pairs_nothing_rejects_and_of_six_only_those_that_all_point_one_way(n, patterns):
    found = patterns_rejected(n)

    assert len(found) == patterns
    assert all(abs(sum(signs)) == n for signs in found)


@pytest.mark.parametrize(("n", "experiments"), [(5, 40), (6, 200)])
def test_three_trainings_of_each_search_reject_no_more_often_where_nothing_differs(n, experiments):
    share = rejections(n, 3, experiments)

    assert share == pytest.approx(expected(n), abs=4 * math.sqrt(expected(n) / experiments))


def test_counting_the_trainings_as_if_each_were_drawn_for_itself_would_reject_far_too_often():
    assert rejections(3, 3, 60, as_if_independent=True) > 0.15
