"""Many lines for people are each as one would be: harmless to a terminal, and without secrets."""

import pytest

from orchestrator.words import shown_line, shown_lines

SECRET = "a-key-of-more-than-16-letters"
LINES = ["one", "two\x1b[2J", f"three {SECRET} and s3://me:{'x' * 20}@host", "four\nstill four\t", ""]


@pytest.mark.parametrize("lines", [LINES, LINES[:2], []], ids=["with a secret", "without", "none"])
def test_many_lines_are_shown_as_each_would_be(lines, monkeypatch):
    monkeypatch.setenv("MY_SECRET", SECRET)

    found = shown_lines(iter(lines))
    assert found == [shown_line(line) for line in lines]
    assert not [line for line in found if SECRET in line or "\x1b" in line or "\n" in line]
