"""Which runs a cell pools, how it says so, and how many of them were drawn independently."""

import pytest
from table_worlds import FakeTable, make_world

from orchestrator.document.spec import ColumnSpec
from orchestrator.errors import TableError
from orchestrator.tables.formats.catalog import render
from orchestrator.tables.formats.data import json_value
from orchestrator.tables.layout import lay_out
from orchestrator.tables.table import Table, build


def table_of(world, **spec) -> Table:
    return build(world.plan, world.rows, FakeTable(columns=(ColumnSpec(metric="test_error_best"),), **spec))


@pytest.mark.parametrize(
    ("pool", "rows", "words"),
    [
        (["weighting"], ["p"], "n=12: 2 values of weighting × 2 × 3"),
        (["p"], ["weighting"], "n=12: 2 searches × 2 values of p × 3"),
        (["p", "search.weighting"], [], "n=24: 2 values of weighting × 2 × 2 values of p × 3"),
    ],
)
def test_a_cell_that_pools_over_an_axis_says_so(pool, rows, words):
    table = table_of(make_world(search_seeds=(0, 1)), pool=pool, rows=rows)

    assert {lay_out(table).lines[0][-1].text} == {words}
    assert f"Numbers pool over {' and '.join(pool)}." in render(table, "text", width=None)


def test_a_main_effect_is_the_median_of_all_that_pools():
    world = make_world(weightings=("scalar",), ps=(1, 2))
    errors = sorted(row.metrics["test_error_best"] for row in world.rows.values() if "test_error_best" in row.metrics)

    (line,) = table_of(world, pool=["p"], rows=["weighting"]).rows
    cell = line.cells["test_error_best"]

    assert cell.median == pytest.approx((errors[2] + errors[3]) / 2)
    assert (cell.low, cell.high) == (errors[0], errors[-1])


def test_what_is_not_named_in_pool_does_not_pool():
    with pytest.raises(TableError, match=r"would mix .* train\.p"):
        table_of(make_world(), pool=["weighting"], rows=[])


@pytest.mark.parametrize(
    ("search_seeds", "seeds", "independent", "few"),
    [((0,), (0, 1, 2), 3, False), ((0, 1), (0, 1), 2, True), ((0, 1, 2), (0,), 3, False), ((0, 1), (0, 1, 2), 2, True)],
)
def test_trainings_of_one_search_are_one_draw_where_searches_vary(search_seeds, seeds, independent, few):
    table = table_of(make_world(search_seeds=search_seeds, seeds=seeds), rows=["weighting", "p"])

    assert [row.cells["test_error_best"].independent for row in table.rows] == [independent] * 4
    assert ["few" in row.runs.marks for row in table.rows] == [few] * 4
    assert json_value(table)["rows"][0]["independent"] == independent


def test_settings_that_pool_share_the_draws_of_their_seeds():
    (line,) = table_of(make_world(ps=(1, 2, 3), seeds=(0,)), pool=["p"], rows=[], filter={"weighting": "scalar"}).rows

    assert (line.runs.n, line.runs.independent, line.runs.marks) == (3, 1, ("few",))


def test_why_four_runs_are_too_few_is_said():
    nested = table_of(make_world(search_seeds=(0, 1), seeds=(0, 1)), rows=["weighting", "p"])

    assert "Runs that share a draw" in render(nested, "text", width=None)
    assert "Runs that share a draw" not in render(table_of(make_world(seeds=(0,)), rows=["weighting", "p"]), "text")


def test_without_the_column_of_runs_the_note_has_their_number_and_a_gap_stands_with_its_cell():
    world = make_world()
    whole = table_of(world, rows=["weighting", "p"], runs=False)
    del world.rows[world.find("train", search_weighting="scalar", p=1, seed=0).trial_id]
    gap = table_of(world, rows=["weighting", "p"], runs=False)

    assert [heading.title for heading in lay_out(whole).headings] == ["weighting", "p", "test error, best epoch (%)"]
    assert "over 3 runs." in render(whole, "text", width=None)
    assert lay_out(gap).lines[0][-1].text.endswith("(n=2/3)")
    assert lay_out(gap).lines[0][-1].marks == "a"
    assert "over 2–3 runs." in render(gap, "text", width=None)


def test_the_mark_of_few_runs_can_be_left_out():
    table = table_of(make_world(seeds=(0,)), rows=["weighting", "p"], few=False)

    assert {mark for row in table.rows for mark in row.runs.marks} == set()
