"""Lines and columns are found by what is printed, or by their number."""

import pytest
from table_worlds import FakeTable, make_world

from orchestrator.errors import TableError
from orchestrator.tables.pick import pick_column, pick_row
from orchestrator.tables.table import build
from trainables.errors import UnknownName

WORLD = make_world(weightings=("scalar", "max_w", "2"))
TABLE = build(WORLD.plan, WORLD.rows, FakeTable(columns=("test_error_best", "params", "search.gpu_days")))


@pytest.mark.parametrize(
    ("words", "row"),
    [("scalar 2", 1), ("weighting=max_w p=1", 2), ("1", 0), ("6", 5), ("2 2", 5)],
)
def test_a_row_is_found_by_its_label_or_number(words, row):
    assert pick_row(TABLE, words) == row


def test_a_label_that_one_row_has_is_enough():
    world = make_world(ps=(1,))
    table = build(world.plan, world.rows, FakeTable())

    assert [pick_row(table, words) for words in ("max_w", "weighting=max_w", "2")] == [1, 1, 1]


@pytest.mark.parametrize("words", ["scalar", "p=1"])
def test_a_label_that_several_rows_have_is_refused_with_their_numbers(words):
    with pytest.raises(TableError, match=rf"rows '{words}'; name one by its number: \d \(weighting="):
        pick_row(TABLE, words)


@pytest.mark.parametrize("words", ["0", "7"])
def test_a_number_that_there_is_not_is_refused_with_those_there_are(words):
    with pytest.raises(TableError, match=f"has 6 rows, and they are counted from 1; got {words}"):
        pick_row(TABLE, words)
    with pytest.raises(TableError, match=f"has 3 columns of numbers, and they are counted from 1; got {words}"):
        pick_column(TABLE, words)


@pytest.mark.parametrize(
    ("words", "column"),
    [
        ("params", "params"),
        ("params (M)", "params"),
        ("test error, best epoch (%)", "test_error_best"),
        ("search.gpu_days", "search.gpu_days"),
        ("gpu_days", "search.gpu_days"),
        ("1", "test_error_best"),
        ("3", "search.gpu_days"),
    ],
)
def test_a_column_is_found_by_name_heading_or_number(words, column):
    assert pick_column(TABLE, words).name == column


def test_a_column_that_stands_several_times_is_refused_with_its_names():
    table = build(WORLD.plan, WORLD.rows, FakeTable(rows=("weighting",), columns=("p", "params")))

    with pytest.raises(TableError, match=r"2 columns 'params'; name one of 'params\[p=1\]', 'params\[p=2\]'"):
        pick_column(table, "params")
    assert pick_column(table, "params[p=2]").name == "params[p=2]"


def test_an_unknown_row_is_refused_with_those_there_are():
    with pytest.raises(UnknownName, match=r"known: .*max_w 1"):
        pick_row(TABLE, "scaler 1")


def test_an_unknown_column_is_refused_with_a_suggestion():
    with pytest.raises(UnknownName, match="unknown column 'parms'; did you mean 'params'"):
        pick_column(TABLE, "parms")
