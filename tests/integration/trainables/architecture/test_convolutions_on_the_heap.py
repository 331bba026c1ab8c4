"""Halvings of the size, and all convolutions of packaged experiments, stay within their memory."""

import pytest
from heap_checks import WELL, computed_on_a_checked_heap

pytestmark = pytest.mark.xdist_group("checked heap")  # one process imports torch for all of them


@pytest.fixture(scope="module")
def computed():
    return computed_on_a_checked_heap("halvings:1", "halvings:2", "packaged:1")


def test_halvings_write_nothing_beyond_their_memory_and_are_right(computed):
    """The gradient of a library's 1×1 convolutions of stride 2 does, of fewer channels than a vector has lanes."""
    *names, end = computed["halvings:1"]

    assert end == WELL
    assert len(names) == len(set(names)) == 32 * 3 + 3


def test_convolutions_of_packaged_experiments_write_nothing_beyond_their_memory_and_are_right(computed):
    *names, end = computed["packaged:1"]

    assert end == WELL
    assert {name.partition("(")[0] for name in names} == {"Conv2d", "Depthwise", "_EverySecond"}
    assert {size for size in (32, 224) if any(f"(2, 3, {size}, {size})" in name for name in names)} == {32, 224}


@pytest.mark.slow
def test_halvings_in_two_threads_write_nothing_beyond_their_memory_and_are_right(computed):
    *names, end = computed["halvings:2"]

    assert end == WELL
    assert len(names) == 32 + 3
