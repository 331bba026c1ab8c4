"""What a table asks for and cannot have is one sentence, at its place, before anything runs."""

import re

import pytest
from plans import chain, mistakes, plan

from orchestrator.errors import SpecError

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


POOL = chain() + "tables:\n  - {name: t, stage: train, columns: [test_error], rows: [%s], pool: [%s]}\n"


@pytest.mark.parametrize(
    ("rows", "pool", "sentence"),
    [
        ("p", "wieghting", "unknown axis 'wieghting'; did you mean 'weighting'?"),
        ("p, weighting", "weighting", "weighting tells rows or columns apart already, so no cell can pool over it"),
        ("p, search.weighting", "weighting", "weighting tells rows or columns apart already"),
        ("p, weighting", "seed", "seeds pool by themselves"),
        ("p", "weighting, weighting", "stands twice"),
        ("p", "weighting, channels", "unknown axis 'channels'"),
    ],
)
def test_what_a_table_cannot_pool_over_is_told(rows, pool, sentence):
    assert sentence in "\n".join(mistakes(POOL % (rows, pool)))


def test_one_axis_without_a_list_around_it_is_read_as_it_is_written():
    text = (POOL % ("p", "wieghting")).replace("pool: [wieghting]", "pool: wieghting")
    with pytest.raises(SpecError) as caught:
        plan(text)

    assert ("tables[0].pool", "'wieghting'") in [(problem.path, problem.read) for problem in caught.value.problems]


NAMES = (
    chain()
    + """\
tables:
  - {name: t, stage: train, rows: [weighting], pool: [p], columns: [test_error_best], paper: table2}
figures:
  - {name: curves, stage: train, lines: [weighting], panels: [test_error], filter: {p: 1}}
  - {name: pareto, kind: pareto, stage: train, lines: [p], sizes: [params], filter: {weighting: max_w}}
  - {name: dots, kind: dots, table: t, columns: [test_error_best]}
"""
)


def test_one_name_needs_no_list_around_it_wherever_names_stand():
    listed = plan(NAMES)
    bare = plan(chain() + re.sub(r"\[(\w+)\]", r"\1", NAMES.removeprefix(chain())))

    assert bare.tables == listed.tables
    assert bare.figures == listed.figures


@pytest.mark.parametrize("key", ["rows", "columns", "pool"])
def test_one_wrong_name_without_a_list_is_told_whole_at_its_line(key):
    fields = {"rows": "weighting", "columns": "test_error", "pool": "p", key: "no_such"}
    lines = "".join(f"    {name}: {value}\n" for name, value in fields.items())
    with pytest.raises(SpecError) as caught:
        plan(f"{chain()}tables:\n  - name: t\n    stage: train\n{lines}")

    line = len(chain().splitlines()) + 4 + list(fields).index(key)
    assert [problem.message for problem in caught.value.problems if problem.line == line and "no_such" in str(problem)]


def test_an_axis_that_pools_needs_no_row():
    (table,) = plan(POOL % ("p", "weighting")).tables

    assert table.pool == ["weighting"]
    assert mistakes(POOL % ("p", "")) == [
        "a cell would mix weighting = 'scalar', 'max_w'; put weighting into rows, columns or pool, or fix it by filter"
    ]


LINES = """\
experiment: x
stages:
  s: {{trainable: search, config: {{dataset: cifar10-mini}}, grid: {{p: [1, 2]}}}}
tables:
  - name: t
    columns: [params]
    lines:
      - {{label: a, stage: s, filter: {{p: 1}}, block: One}}
      - {{label: b, stage: s, filter: {{p: 1}}}}
      - {{label: {label}, stage: s, filter: {{p: 2}}, {block}}}
"""


def test_a_label_may_stand_in_two_blocks():
    (table,) = plan(LINES.format(label="a", block="block: Two")).tables

    assert [line.label for line in table.lines] == ["a", "b", "a"]


@pytest.mark.parametrize("label", ["a", "b"])
def test_a_label_stands_once_in_a_block_which_goes_on_until_the_next(label):
    assert mistakes(LINES.format(label=label, block="bold: true")) == [f"the label '{label}' stands twice"]


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("rounding: spred", "unknown rounding 'spred'; did you mean 'spread'? known: spread, unit"),
        ("constant: hidden", "unknown constant 'hidden'; did you mean 'hide'? known: hide, show"),
        ("runs: 3", "must be true or false"),
        ("paper: table2, digits: printed, rounding: spread", "contradicts digits: printed"),
    ],
)
def test_a_wrong_option_of_a_table_is_told(option, sentence):
    assert sentence in "\n".join(mistakes(TABLE % ("test_error", f", {option}")))
