"""Every output, picture and block that a page shows is held by a test that compares it, or stands in a short list."""

import pytest
from doc_outputs import HELD, PICTURES, UNHELD, entries, holders, is_there, outputs, pictures

TESTS = sorted({test for page in (*HELD.values(), PICTURES) for test in page.values()})


def test_each_output_is_held_by_one_test_or_says_why_by_none():
    assert len(list(outputs())) > 30
    assert [output for output in outputs() if len(holders(*output)) != 1] == []


def test_no_line_of_the_list_speaks_of_an_output_that_is_gone():
    spoken = {entry for output in outputs() for entry in holders(*output)}

    assert set(entries()) - spoken == set()
    assert sum(map(len, UNHELD.values())) <= 2


def test_each_picture_has_its_test():
    held = {picture: [part for part in PICTURES if picture.startswith(part)] for picture in pictures()}

    assert len(held) > 10
    assert {picture: parts for picture, parts in held.items() if len(parts) != 1} == {}


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.rpartition("::")[2])
def test_a_test_of_the_list_is_there(test):
    assert is_there(test)


@pytest.mark.parametrize(
    "output", [("docs/triage.md", "$"), ("docs/cluster.md", "sharptune run"), ("docs/report.md", "text: cell  n")]
)
def test_an_output_that_nobody_holds_is_found(output):
    assert holders(*output) == []
