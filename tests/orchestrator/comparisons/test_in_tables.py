"""What a table says of its own lines: sentences below it where it was asked to, and bold that they do not deny."""

import json

import pytest
from table_worlds import FakeTable, make_world

from orchestrator.comparisons.in_tables import with_comparison
from orchestrator.document.spec import ColumnSpec, CompareSpec, Line, TableSpec
from orchestrator.tables.formats.catalog import render
from orchestrator.tables.layout import lay_out
from orchestrator.tables.table import build


def tabled(searches=6, *, world=None, **asked):
    world = world or make_world(search_seeds=range(searches), ps=(1,))
    spec = FakeTable(**{"rows": ["weighting"], "columns": ["test_error_best", "params"], **asked})
    return with_comparison(world.plan, build(world.plan, world.rows, spec))


def bold_in(table):
    return [[entry.text for entry in line if entry.bold] for line in lay_out(table).lines]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("text", "max_w against scalar: −1.00 % (mean of 6 pairs, by seed), p = 0.031: they differ, at 5 %."),
        ("markdown", "max_w against scalar: −1.00 % (mean of 6 pairs, by seed), p = 0.031: they differ, at 5 %."),
        ("latex", r"max\_w against scalar: $-$1.00 \% (mean of 6 pairs, by seed), p = 0.031: they differ, at 5 \%."),
    ],
)
def test_a_table_that_compares_says_so_below_itself_in_every_format_for_people(form, sentence):
    assert sentence in render(tabled(compare=CompareSpec()), form)


def test_its_data_hold_the_comparison_and_its_csv_is_that_of_any_table():
    asked = tabled(compare=CompareSpec())
    plain = tabled()

    assert json.loads(render(asked, "json"))["comparison"]["comparisons"][0]["decided"] is True
    assert "comparison" not in json.loads(render(plain, "json"))
    assert render(asked, "csv") == render(plain, "csv")


def test_what_is_asked_to_be_compared_and_against_what_goes_before_the_first_error_and_the_baseline():
    asked = CompareSpec(metric="test_error_best", against={"weighting": "max_w"})
    said = tabled(compare=asked, baseline={"weighting": "scalar"}).said

    assert said[0] == "Compared: test error, best epoch"
    assert said[1].startswith("scalar against max_w: +1.00 %")


def test_what_only_the_rows_can_tell_is_said_and_stops_no_table():
    said = tabled(compare=CompareSpec(against={"weighting": "another"})).said

    assert said == ("table 'weighting' has nothing to compare: it takes two lines that stand for trials",)


def test_the_best_line_is_bold_where_it_was_shown_to_be_the_best_and_only_its_error():
    assert bold_in(tabled(6, bold=True)) == [[], ["5.18±0.08"]]


@pytest.mark.parametrize(
    ("metric", "bold", "words"),
    [
        ("benchmark_cifar10", 0, "Bold: the highest accuracy, where it was shown to be higher than all others"),
        ("benchmark_regret_cifar10", 1, "Bold: the lowest regret, where it was shown to be lower than all others"),
    ],
)
def test_the_highest_accuracy_is_bold_and_the_lowest_regret(metric, bold, words):
    world = make_world(search_seeds=range(6), ps=(1,))  # where the second line has the lower numbers
    for trial in world.plan.of_stage("train"):
        world.change(trial, metrics={metric: world.rows[trial.trial_id].metrics["test_error_best"]})
    table = tabled(world=world, columns=[metric], bold=True)

    assert [bool(line) for line in bold_in(table)] == [place == bold for place in (0, 1)]
    assert table.said[-1].startswith(words)


@pytest.mark.parametrize("searches", [1, 3, 5])
def test_the_best_line_is_not_bold_where_so_few_runs_show_nothing(searches):
    table = tabled(searches, bold=True)

    assert bold_in(table) == [[], []]
    assert table.said == ()


def test_the_best_is_not_bold_where_one_of_its_class_is_not_told_apart_from_it():
    world = make_world(search_seeds=range(8), ps=(1, 2))
    noisy = world.find("train", search_weighting="max_w", search_seed=0, p=2, seed=0)
    world.change(noisy, metrics={**world.rows[noisy.trial_id].metrics, "test_error_best": 4.0})

    assert bold_in(tabled(world=world, rows=["weighting", "p"], bold=True)) == [[]] * 4


def test_no_line_is_bold_where_the_table_says_so():
    assert bold_in(tabled(6, bold=False, compare=CompareSpec())) == [[], []]


def test_a_column_of_best_runs_has_no_bold_since_no_test_is_of_best_runs():
    assert bold_in(tabled(6, bold=True, statistic="best")) == [[], []]


def lines(searches, *, second="", **asked):
    """Return a table of two lines of which the author made the second bold."""
    world = make_world(search_seeds=range(searches), ps=(1, 2))
    written = [
        Line(label="Scalar", stage="train", filter={"weighting": "scalar", "p": 1}, block="One"),
        Line(label="Max-W", stage="train", filter={"weighting": "max_w", "p": 1}, bold=True, block=second or None),
    ]
    spec = TableSpec(name="t", lines=written, columns=[ColumnSpec(metric="test_error_best")], **asked)
    return with_comparison(world.plan, build(world.plan, world.rows, spec))


def test_a_line_that_its_author_made_bold_stays_so_only_where_the_comparison_does_not_deny_it():
    assert bold_in(lines(6, compare=True)) == [[], ["Max-W", "5.18±0.08"]]

    denied = lines(5, compare=True)
    assert bold_in(denied) == [[], []]
    assert denied.said[-1] == "Max-W is not bold: it is not shown to be better than all others"


def test_a_table_that_compares_nothing_leaves_bold_to_its_author():
    assert bold_in(lines(1)) == [[], ["Max-W", "5.15±0.05"]]
    assert bold_in(lines(6, bold=False)) == [[], []]


def test_the_best_is_sought_below_each_heading_for_itself_and_one_line_alone_is_the_best_of_nothing():
    assert bold_in(lines(6, bold=True)) == [[], ["5.18±0.08"]]
    assert bold_in(lines(6, bold=True, second="Two")) == [[], []]


def test_no_number_is_bold_in_a_class_where_a_published_one_stands_whose_runs_are_not_known():
    world = make_world(search_seeds=range(6), ps=(1,))
    written = [
        *(Line(label=name, stage="train", filter={"weighting": name}) for name in ("scalar", "max_w")),
        Line(label="quoted", paper="Max-W"),
    ]
    spec = TableSpec(name="t", lines=written, columns=[ColumnSpec(metric="test_error_best")], paper="table4", bold=True)

    assert bold_in(with_comparison(world.plan, build(world.plan, world.rows, spec))) == [[], [], []]


def test_a_table_of_very_many_lines_asks_what_they_are_held_against_and_prints_at_once():
    world = make_world(search_seeds=(0,), ps=range(24), seeds=(0,))
    asked = {"world": world, "rows": ["weighting", "p"], "bold": True}

    (sentence,) = tabled(**asked, compare=CompareSpec()).said
    assert sentence.startswith("table 'weighting' has more than 1,000 pairs of lines; name the line that the others")
    assert len(tabled(**asked, compare=CompareSpec(against={"weighting": "scalar"})).said) > 24
