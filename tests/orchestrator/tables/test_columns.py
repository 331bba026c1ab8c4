"""What a column says of itself is how its numbers are written, in every format alike."""

import pytest
from table_readers import READERS
from table_worlds import FakeTable, make_world

from orchestrator.document.spec import ColumnSpec
from orchestrator.tables.formats.catalog import render
from orchestrator.tables.formats.data import json_value
from orchestrator.tables.layout import lay_out
from orchestrator.tables.table import Table, build


def table_of(*columns: ColumnSpec | str, **spec) -> Table:
    world = make_world()
    return build(world.plan, world.rows, FakeTable(columns=columns, **spec))


def texts(table: Table, place: int) -> list[str]:
    return [line[place].text for line in lay_out(table).lines]


def test_a_column_is_shown_in_the_unit_and_with_the_digits_it_asks_for():
    table = table_of(ColumnSpec(metric="params", unit="k", digits=0), ColumnSpec(metric="test_error_best", digits=3))

    assert texts(table, 2)[0] == "3529"
    assert texts(table, 3)[0] == "6.150±0.050"
    assert [heading.title for heading in lay_out(table).headings][2:4] == ["params (k)", "test error, best epoch (%)"]


def test_a_unit_without_digits_has_those_of_the_quantity():
    assert texts(table_of(ColumnSpec(metric="params", unit="M")), 2)[0] == "3.53"


def test_a_number_that_its_digits_do_not_show_is_not_printed_as_nothing():
    assert texts(table_of(ColumnSpec(metric="params", unit="B", digits=0)), 2)[0] == "0.004"


@pytest.mark.parametrize("form", READERS)
def test_a_change_stands_beside_the_columns_that_want_it_alone(form):
    columns = (ColumnSpec(metric="test_error_best", change=True), ColumnSpec(metric="params", change=False))
    table = table_of(*columns, rows=("weighting",), filter={"p": 1}, baseline={"weighting": "scalar"})

    assert [heading.title for heading in lay_out(table).headings] == [
        "weighting",
        "test error, best epoch (%)",
        "Δ",
        "params (M)",
        "runs",
    ]
    assert READERS[form](render(table, form, width=None))[1][1:4] == ["5.15±0.05", "−16.3%", "3.53"]
    cells = json_value(table)["rows"][1]["cells"]
    assert "change" in cells["test_error_best"]
    assert "change" not in cells["params"]


@pytest.mark.parametrize("form", READERS)
def test_numbers_below_zero_have_the_sign_of_changes_below_zero(form):
    world = make_world()
    for trial, row in [(trial, world.rows[trial.trial_id]) for trial in world.plan.trials]:
        world.change(trial, metrics={**row.metrics, "test_loss": -0.012})
    table = build(world.plan, world.rows, FakeTable(columns=("test_loss",), rows=("weighting",), filter={"p": 1}))

    assert READERS[form](render(table, form, width=None))[0][1] == "−0.012±0.000"


def test_no_change_at_all_is_not_explained():
    columns = (ColumnSpec(metric="params", change=False),)
    table = table_of(*columns, rows=("weighting",), filter={"p": 1}, baseline={"weighting": "scalar"})

    assert "Δ" not in render(table, "text", width=None)


def test_short_headings_are_the_authors_or_our_own():
    table = table_of(
        ColumnSpec(metric="test_error_best", title="Error of the best epoch", short="err."),
        ColumnSpec(metric="test_error_best", statistic="best"),
        "search.gpu_days",
    )

    assert [heading.short for heading in lay_out(table).headings][2:5] == [
        "err. (%)",
        "test err., best, best (%)",
        "search: GPU d",
    ]
