"""Halvings of the size stay within their memory; of whole networks: `tests/integration`, by the same name."""

from heap_checks import computed_on_a_checked_heap


def test_halvings_write_nothing_beyond_their_memory_and_are_right():
    """The gradient of a library's 1×1 convolutions of stride 2 does, of fewer channels than a vector has lanes."""
    computed = computed_on_a_checked_heap("halvings")

    assert len(computed) == len(set(computed)) == 32 * 3 + 3
