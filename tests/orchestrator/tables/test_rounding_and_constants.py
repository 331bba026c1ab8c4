"""Rounding that follows the spread never misleads, and what is the same in all rows is said once."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_worlds import FakeTable, make_world

from orchestrator.document.spec import ColumnSpec
from orchestrator.tables.formats.catalog import FORMATS, render
from orchestrator.tables.layout import lay_out
from orchestrator.tables.quantities import Unit, by_spread, number_texts
from orchestrator.tables.table import build

PERCENT = Unit(symbol="%", digits=2)


@pytest.mark.parametrize(
    ("median", "spread", "printed"),
    [
        (68.1, 1.2, "68.1±1.2"),
        (68.14, 3.4, "68±3"),
        (6.1543, 0.0512, "6.15±0.05"),
        (6.1543, 0.0099, "6.154±0.010"),
        (6.1543, 0.096, "6.15±0.10"),
        (6.1543, 0.0123, "6.154±0.012"),
        (68.14, 23.6, "68±24"),
        (468.14, 123.6, "468±124"),
        (6.1543, 0.0, "6.15±0.00"),
    ],
)
def test_a_median_has_the_digits_of_its_spread_that_mean_something(median, spread, printed):
    assert "±".join(number_texts([median, spread], by_spread(PERCENT, spread))) == printed


@given(
    st.floats(0.001, 1000).map(lambda value: round(value, 6)),
    st.floats(0.0001, 1000).map(lambda value: round(value, 6)),
)
def test_what_rounding_takes_away_is_less_than_a_third_of_the_spread_or_half_a_unit(median, spread):
    printed = [Decimal(text) for text in number_texts([median, spread], by_spread(PERCENT, spread))]

    lost = max(abs(shown - Decimal(repr(value))) for shown, value in zip(printed, (median, spread), strict=True))
    assert lost <= max(Decimal(repr(spread)) / 3, Decimal("0.0000005")) or (spread >= 1 and lost <= Decimal("0.5"))
    assert all(printed)


def test_a_table_rounds_by_spread_when_asked_and_not_where_a_column_says_its_digits():
    world = make_world()
    columns = (ColumnSpec(metric="test_error_best"), ColumnSpec(metric="test_error_best", statistic="median", digits=4))
    table = build(world.plan, world.rows, FakeTable(columns=columns, rounding="spread"))

    assert [entry.text for entry in lay_out(table).lines[0][2:4]] == ["6.15±0.05", "6.1500±0.0500"]


@pytest.mark.parametrize("form", [form for form in FORMATS if form in ("text", "markdown", "latex")])
def test_what_is_the_same_in_all_rows_is_said_below_when_asked(form):
    world = make_world()
    spec = FakeTable(columns=("test_error_best", "params"), filter={"p": 1}, constant="hide")
    shown = build(world.plan, world.rows, spec)
    layout = lay_out(shown)

    assert [heading.title for heading in layout.headings] == ["weighting", "test error, best epoch (%)"]
    assert layout.notes[-1] == "The same in all rows: p: 1; params (M): 3.53; runs: n=3."
    assert "The same in all rows: p: 1; params (M): 3.53; runs: n=3." in render(shown, form, width=None)


def test_a_single_row_hides_nothing():
    world = make_world()
    table = build(world.plan, world.rows, FakeTable(filter={"p": 1, "weighting": "scalar"}, constant="hide"))

    assert len(lay_out(table).headings) == 7
