"""How many examples a test of a costly property tries: few, and many more where new ones are looked for."""

from hypothesis import settings

USUAL = 100
"""Examples of a test that says nothing of them, by Hypothesis's own default."""


def few(examples: int) -> settings:
    """Return settings with so many examples, or as many times more as the profile in force asks of every test."""
    return settings(max_examples=examples * settings().max_examples // USUAL)
