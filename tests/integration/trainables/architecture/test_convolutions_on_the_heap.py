"""Halvings of the size, and all convolutions of packaged experiments, stay within their memory."""

from heap_checks import computed_on_a_checked_heap


def test_halvings_write_nothing_beyond_their_memory_and_are_right():
    """The gradient of a library's 1×1 convolutions of stride 2 does, of fewer channels than a vector has lanes."""
    computed = computed_on_a_checked_heap("halvings")

    assert len(computed) == len(set(computed)) == 32 * 3 + 3


def test_convolutions_of_packaged_experiments_write_nothing_beyond_their_memory_and_are_right():
    computed = computed_on_a_checked_heap("packaged")

    assert {name.partition("(")[0] for name in computed} == {"Conv2d", "Depthwise", "_EverySecond"}
    assert {size for size in (32, 224) if any(f"(2, 3, {size}, {size})" in name for name in computed)} == {32, 224}


def test_halvings_in_two_threads_write_nothing_beyond_their_memory_and_are_right():
    computed = computed_on_a_checked_heap("halvings", threads=2)

    assert len(computed) == 32 + 3
