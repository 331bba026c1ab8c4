"""What a person reads who misspelt a name."""

import pytest

from trainables.errors import unknown_name


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (["scalar", "max_w"], "unknown weighting 'maxw'; did you mean 'max_w'? known: max_w, scalar"),
        (["scalar"], "unknown weighting 'maxw'; known: scalar"),
        ([], "unknown weighting 'maxw'; there is none"),
    ],
)
def test_a_name_that_is_not_known_is_followed_by_those_that_are(known, said):
    assert str(unknown_name("weighting", "maxw", known)) == said
