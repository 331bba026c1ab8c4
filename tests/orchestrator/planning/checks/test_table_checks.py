"""What a plan knows of its tables: every axis but seeds is fixed by rows, columns or filter."""

import pytest
from plans import chain, mistakes, plan

from orchestrator.errors import SpecError
from trainables.errors import UnknownName

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


@pytest.mark.parametrize(
    "key", ["wieghting", "search.wieghting", "serach.weighting", "search.weighting.x", ".weighting"]
)
def test_a_wrong_key_is_refused_in_the_same_words_by_a_table_and_by_the_plan(key):
    made = plan(chain())
    with pytest.raises(UnknownName) as caught:
        made.value(next(made.of_stage("train")), key)

    assert mistakes(TABLE % f"rows: [{key}], filter: {{weighting: max_w, p: 1}}") == [str(caught.value)]


def test_settings_that_differ_only_far_into_a_long_value_are_not_one_cell():
    alike = "none, max_pool_3x3, avg_pool_3x3, skip_connect, sep_conv_3x3, dil_conv_3x3"
    text = f"""\
experiment: x
stages:
  s:
    trainable: search
    grid:
      space: [[{alike}, sep_conv_5x5], [{alike}, dil_conv_5x5]]
tables:
  - {{name: t, stage: s, columns: [params]}}
"""
    (mistake,) = mistakes(text)

    assert mistake.startswith("a cell would mix space = ['none', 'max_pool_3x3', ")
    assert mistake.endswith("; put space into rows, columns or pool, or fix it by filter")


def test_of_several_cells_that_mix_an_axis_the_one_that_mixes_most_is_told():
    text = chain().replace("grid: {p: [1, 2], seed: [0, 1]}", "grid: {p: [1, 2, 4], seed: [0, 1]}")
    text = text.replace("seed: [0, 1]}\n", "seed: [0, 1]}\n    exclude: [{weighting: scalar, p: 4}]\n")
    table = "tables:\n  - {name: t, stage: train, rows: [weighting], columns: [test_error]}\n"

    assert mistakes(text + table) == [
        "a cell would mix p = 1, 2, 4; put p into rows, columns or pool, or fix it by filter"
    ]


@pytest.mark.parametrize(
    ("rest", "place", "sentence"),
    [
        ("rows: [p, weighting], compare: {metric: test_eror}", "compare.metric", "unknown column 'test_eror'"),
        ("rows: [p, weighting], compare: {against: {wieghting: scalar}}", "compare.against.wieghting", "did you mean"),
        (
            "rows: [p], filter: {weighting: scalar}, compare: {against: {weighting: scalar}}",
            "compare.against.weighting",
            "must be one of the rows' keys: p",
        ),
        ("rows: [p, weighting], compare: {against: {p: 7}}", "compare.against", "matches no row"),
        ("filter: {weighting: scalar, p: 1}, compare: true", "compare", "it takes two lines that stand for trials"),
        ("rows: [p, weighting], compare: {over: p}", "compare.over", "known: against, metric"),
        ("rows: [p, weighting], compare: maybe", "compare", "must be true, false, or a mapping of metric and against"),
    ],
)
def test_a_comparison_of_what_cannot_be_compared_is_refused_before_anything_runs(rest, place, sentence):
    with pytest.raises(SpecError) as caught:
        plan(TABLE % rest)

    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == (f"tables[0].{place}", (TABLE % rest).count("\n"))
    assert sentence in problem.message


def test_a_table_of_sizes_alone_has_no_error_to_compare():
    text = (TABLE % "rows: [p, weighting], compare: true").replace("[test_error, search.params]", "[search.params]")

    assert "no error to compare; name a metric: search.params" in str(mistakes(text))


def test_what_a_comparison_is_held_against_comes_as_the_plan_shows_values():
    (table,) = plan(TABLE % "rows: [weighting, p], compare: {against: {p: 2.0}}").tables

    assert table.compare.against == {"p": 2}
