"""Published rows that no line stands for, as lines of their own below the measured ones: quoted, never measured."""

import csv
import io
import json
from dataclasses import replace

import pytest
from plans import chain, mistakes, plan
from table_readers import READERS
from table_worlds import FakeTable, make_world

from orchestrator.comparisons.in_tables import with_comparison
from orchestrator.document.spec import ColumnSpec, CompareSpec, FigureSpec, Line, TableSpec
from orchestrator.figures.dots import build as build_dots
from orchestrator.paper.published import load_published
from orchestrator.tables.formats.catalog import render
from orchestrator.tables.formats.macros import macros_of
from orchestrator.tables.layout import lay_out
from orchestrator.tables.table import Table, build

COLUMNS = ("test_error_best", "params")
AFTER = {"paper": "table4", "columns": COLUMNS, "filter": {"p": 1}}


def table_of(**wishes) -> Table:
    world = make_world()
    return build(world.plan, world.rows, FakeTable(**{**AFTER, **wishes}))


def names(table: Table) -> list[str]:
    return [str(next(iter(row.keys.values()))) for row in table.rows]


def test_all_published_rows_stand_below_the_measured_ones():
    table = table_of(published=True)

    assert names(table) == ["scalar", "max_w", "Scalar", "Handmade", "Max-W"]
    assert [row.block for row in table.rows] == ["", "", "Published (Table 4)", "", ""]
    assert [entry.text for entry in lay_out(table).lines[2]] == ["Scalar", "", "", "8.62±0.16", "", "0.8", ""]


def test_without_being_asked_for_none_does():
    assert names(table_of()) == ["scalar", "max_w"]


def test_those_that_are_named_stand_there_in_the_order_of_the_paper():
    assert names(table_of(published=["Max-W", "Scalar"]))[2:] == ["Scalar", "Max-W"]


def test_a_published_row_that_stands_beside_a_measured_line_does_not_come_again():
    """Table 4's Scalar and Max-W are those of p = 2."""
    assert names(table_of(published=True, filter={})) == ["scalar", "scalar", "max_w", "max_w", "Handmade"]


def test_lines_written_out_are_followed_by_the_published_rows_that_none_of_them_quotes():
    line = Line(label="Ours", stage="train", filter={"weighting": "scalar", "p": 1}, paper="GPipe AmoebaNet-B")
    world = make_world()
    spec = TableSpec(
        name="t",
        lines=[line],
        columns=[ColumnSpec(metric="params")],
        details={"Algorithm": "algorithm"},
        paper="table2",
        published=["ENAS", "GPipe AmoebaNet-B"],
    )
    table = build(world.plan, world.rows, spec)

    assert [dict(row.keys) for row in table.rows] == [
        {"model": "Ours", "Algorithm": "Evo+Man"},
        {"model": "ENAS", "Algorithm": "RL"},
    ]
    assert [row.runs.expected for row in table.rows] == [3, 0]


@pytest.mark.parametrize("form", list(READERS))
def test_a_published_number_is_never_shown_as_measured(form):
    table = table_of(published=True)
    (line,) = [line for line in READERS[form](render(table, form)) if "Handmade" in line]
    titles = [heading.title for heading in lay_out(table).headings]
    printed = ["Handmade", "", "", "6.50±0.18", "", "1.0", ""]

    assert [title for title, words in zip(titles, printed, strict=True) if words] == ["weighting", "paper", "paper"]
    assert line == [words for words in printed if words or form != "text"]


def test_programs_see_no_runs_and_what_the_paper_prints():
    table = table_of(published=True)
    row = json.loads(render(table, "json"))["rows"][3]
    line = list(csv.DictReader(io.StringIO(render(table, "csv"))))[3]

    assert (row["keys"], row["expected"]) == ({"weighting": "Handmade", "p": ""}, 0)
    assert {cell["median"] for cell in row["cells"].values()} == {None}
    assert row["paper"]["params"]["source"] == "Table 4, Handmade"
    assert (line["params.median"], line["params.paper"]) == ("", row["paper"]["params"]["printed"])


def test_a_published_line_is_in_no_comparison_no_change_and_no_macro_and_never_bold():
    wishes = {"baseline": {"weighting": "scalar"}, "compare": CompareSpec(), "bold": True}
    world = make_world(seeds=range(8))
    spec = FakeTable(**{**AFTER, "filter": {"p": 1}, **wishes})
    plain, shown = (
        with_comparison(world.plan, build(world.plan, world.rows, replace(spec, published=asked)))
        for asked in (False, True)
    )

    assert shown.rows[:2] == plain.rows
    assert any(row.best for row in shown.rows)
    assert shown.comparison == plain.comparison
    assert not any(row.best or row.bold or row.baseline is not None for row in shown.rows[2:])
    assert macros_of([shown]) == macros_of([plain])


def test_no_published_number_changes_how_a_measured_one_is_rounded():
    world = make_world()
    for place, trial in enumerate(trial for trial in world.plan.trials if trial.stage == "train"):
        world.change(trial, metrics={**world.rows[trial.trial_id].metrics, "best_epoch": float(place % 2)})
    wishes = {**AFTER, "columns": ("best_epoch", "params"), "filter": {"p": 1}}
    plain, shown = (
        lay_out(build(world.plan, world.rows, FakeTable(**wishes, published=asked))) for asked in (False, True)
    )

    assert [line[2] for line in shown.lines[:2]] == [line[2] for line in plain.lines]


TABLE = (
    chain()
    + """tables:
  - {name: t, stage: train, rows: [weighting, p], paper: table4, columns: [test_error_best, params], published: %s}
"""
)


def test_the_yaml_takes_true_a_name_and_a_list():
    asked = [plan(TABLE % written).tables[0].published for written in ("true", "Max-W", "[Max-W, Scalar]", "false")]

    assert asked == [True, ["Max-W"], ["Max-W", "Scalar"], False]


def test_dots_of_the_table_have_the_published_rows_by_their_names():
    asked = FigureSpec(name="d", kind="dots", table="t", columns=["params"])
    (figure,) = build_dots(plan(TABLE % "Handmade"), {}, asked, lambda row: [])
    *_, strip = figure.panels[0].strips

    assert (strip.label, strip.block, strip.median, strip.published) == ("Handmade", "Published (Table 4)", None, 1e6)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("%s", "[MaxW]", "unknown published row 'MaxW'; did you mean 'Max-W'?"),
        ("%s", "[Max-W, Max-W]", "stands twice"),
        ("%s", "3", "must be true, false, or a list of rows of the published table, by name"),
        ("%s", "[3]", "must be true, false, or a list of rows of the published table, by name"),
        ("%s", "[]", "must be true, false, or a list of rows of the published table, by name"),
        ("paper: table4, ", "", "needs the published table: give the table the key paper"),
        ("rows: [weighting, p], ", "pool: [weighting, p], ", "needs rows, whose first column says which"),
        ("[weighting, p], paper: table4, columns: [", "[weighting], paper: table4, columns: [p, ", "no value of p"),
        ("test_error_best, params]", "test_error]", "Table 4 has none of the table's columns"),
    ],
)
def test_what_published_rows_cannot_do_is_told_before_anything_runs(old, new, sentence):
    written = TABLE.replace(old, new)
    found = mistakes(written.replace("%s", "true"))

    assert TABLE.count(old) == 1
    assert [sentence in one for one in found] == [True]


def test_a_published_row_without_a_number_under_the_columns_is_told():
    (row,) = [row for row in load_published().table("table2").rows if row.name == "AutoAugment"]
    silent = next(name for name in load_published().table("table2").columns if name not in row.cells)
    written = TABLE.replace("table4", "table2").replace("[test_error_best, params]", f"[{silent}]") % "AutoAugment"

    assert mistakes(written) == ["the paper prints nothing of 'AutoAugment' under the table's columns"]
