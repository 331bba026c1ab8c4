"""What a plan knows of its tables: every axis but seeds is fixed by rows, columns or filter."""

import pytest
from plans import chain, plan

TABLE = chain() + "tables:\n  - {name: t, stage: train, columns: [test_error, search.params], %s}\n"


@pytest.mark.parametrize(
    "rest",
    [
        "rows: [weighting, p]",
        "rows: [search.weighting], filter: {p: 1.0}",
        "rows: [weighting], filter: {p: [1]}",
        "filter: {weighting: max_w, p: 1}",
        "rows: [p], filter: {weighting: max_w}, baseline: {p: 1}, statistic: best",
    ],
)
def test_a_table_fixes_every_axis_but_seeds(rest):
    (table,) = plan(TABLE % rest).tables

    assert table.name == "t"


def test_a_key_among_the_columns_fixes_its_axis():
    (table,) = plan((TABLE % "rows: [weighting]").replace("[test_error,", "[p, test_error,")).tables

    assert [column.name for column in table.columns] == ["p", "test_error", "search.params"]


def test_a_tables_filter_and_baseline_come_as_the_plan_shows_values():
    (table,) = plan(TABLE % "rows: [p], filter: {weighting: max_w, p: [1.0, 2]}, baseline: {p: 2.0}").tables

    assert (table.filter, table.baseline) == ({"weighting": "max_w", "p": [1, 2]}, {"p": 2})
    assert [type(value) for value in table.filter["p"]] == [int, int]


def test_a_key_that_determines_an_axis_fixes_it():
    text = """\
experiment: x
stages:
  s:
    trainable: search
    grid:
      size: [{label: a, channels: 4}, {label: b, channels: 8}]
tables:
  - {name: t, stage: s, rows: [channels], columns: [params]}
"""
    assert plan(text).tables[0].rows == ["channels"]
