"""What a table asks for and cannot have is one sentence, at its place, before anything runs."""

import pytest
from plans import chain, mistakes, plan

TABLE = chain() + "tables:\n  - {name: t, stage: train, rows: [weighting, p], columns: [%s]%s}\n"


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ("{metric: params, unit: m}", "params cannot be shown in 'm'; did you mean 'M'? it can in \"\", k, M, B"),
        ("{metric: test_error, unit: M}", "test_error cannot be shown in 'M'; it can in %"),
        ("{metric: wall_seconds, unit: hours}", "wall_seconds cannot be shown in 'hours'; it can in s, min, h, d"),
        ("{metric: params, change: true}", "needs the table's baseline: the row that changes are against"),
        ("{metric: params, digits: 7}", "must be at most 6"),
        ("{metric: params, didgits: 1}", "unknown key 'didgits'; did you mean 'digits'?"),
        ("params, {metric: batch_size, digits: 1}", "batch_size is no metric"),
    ],
)
def test_a_column_that_asks_for_what_there_is_not_is_refused(column, sentence):
    (mistake,) = mistakes(TABLE % (column, ""))

    assert sentence in mistake


def test_a_column_says_all_of_itself_in_a_mapping():
    text = "{metric: params, title: Par., short: P, unit: k, digits: 1, change: true}, test_error"
    (table,) = plan(TABLE % (text, ", baseline: {weighting: scalar}")).tables

    assert (table.columns[0].unit, table.columns[0].digits, table.columns[0].change) == ("k", 1, True)
