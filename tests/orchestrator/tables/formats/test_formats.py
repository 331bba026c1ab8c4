"""Every format says the same of a table, and what it says survives any text in it."""

import csv
import io
import json
import re

import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st
from table_worlds import FakeTable, World, gappy_world, make_world

from orchestrator.tables.formats.catalog import FORMATS, render
from orchestrator.tables.formats.latex import escape
from orchestrator.tables.formats.widths import display_width
from orchestrator.tables.table import Table, build
from trainables.errors import UnknownName


def table_of(world: World, **spec) -> Table:
    return build(world.plan, world.rows, FakeTable(**spec))


TEXT = """\
Weighting

weighting  p  test error, best epoch (%)      paper  params (M)  paper  runs
─────────  ─  ──────────────────────────  ─────────  ──────────  ─────  ────
scalar     1                   6.15±0.05                   3.53         n=3
scalar     2                   6.25±0.05  8.62±0.16        3.53    0.8  n=3
max_w      1                   5.15±0.05                   3.53         n=3
max_w      2                   5.25±0.05  5.44±0.12        3.53    0.9  n=3

Numbers are median ± (max − min)/2 over n runs.
Columns headed “paper” are quoted, not measured: Table 4: MultiChannelNet on CIFAR-10 and CIFAR-10.1; \
median ± range/2; 2000 epochs with AutoAugment, Cutout and Cosine Power Annealing (p = 2).
"""


def test_a_table_of_text_is_aligned_and_quotes_the_paper_apart():
    table = table_of(make_world(), columns=("test_error_best", "params"), paper="table4", title="Weighting")

    assert render(table, "text") == TEXT


def test_gaps_are_said_in_the_line_and_explained_below():
    lines = render(table_of(gappy_world()), "text").splitlines()

    line = next(each for each in lines if each.startswith("scalar     1"))
    assert line.endswith("n=4/6 (1 failed): 2 searches × 3ᵃᵇᶜ")
    assert "0.90±0.10 (n=2)ᵃ" in line
    assert "ᵃ fewer than the paper's 3 runs" in lines
    assert "ᵇ some runs failed and are left out" in lines
    assert "ᶜ runs from different commits, or of differently changed code" in lines
    assert "n=a/b: a of the b planned runs are in." in lines


def test_one_run_has_no_range_and_a_best_run_neither():
    one = render(table_of(make_world(seeds=(0,)), columns=("test_error_best",)), "text")
    best = render(table_of(make_world(), columns=("test_error_best",), statistic="best"), "text")

    assert "6.10ᵃ" not in one
    assert re.search(r"scalar +1 +6\.10 +n=1ᵃ", one)
    assert re.search(r"scalar +1 +6\.10 +n=3", best)
    assert "best run" in best


def test_a_size_that_all_runs_share_has_no_range():
    world = make_world()
    assert re.search(r" 3\.53 +n=3", render(table_of(world, columns=("params",)), "text"))
    trial = world.find("train", **{"search.weighting": "scalar"}, p=1, seed=0)
    world.change(trial, metrics={**world.rows[trial.trial_id].metrics, "params": 4_000_000.0})

    assert " 3.53±0.24 " in render(table_of(world, columns=("params",)), "text")


def test_a_relative_change_stands_beside_its_number():
    text = render(table_of(make_world(), columns=("test_error_best",), baseline={"weighting": "scalar"}), "text")

    assert re.search(r"max_w +1 +5\.15±0\.05 +−16\.3%", text)
    assert "Δ is the relative change against weighting=scalar." in text


def test_settings_side_by_side_say_how_many_runs_each_has():
    text = render(table_of(make_world(), rows=("weighting",), columns=("p", "test_error_best")), "text")

    assert "p=1: test error" in text
    assert "n=3 each" in text


def test_a_plan_that_has_not_run_is_a_table_of_dashes():
    text = render(build(make_world().plan, {}, FakeTable(columns=("test_error_best",))), "text")

    assert re.search(r"scalar +1 +– +n=0/3", text)


def test_an_untrusted_trial_is_named_below_the_table():
    world = make_world()
    search = world.find("search", weighting="scalar", seed=0)
    world.change(search, artifacts={"genotype": {}})

    text = render(table_of(world), "text")
    assert "n=0/3 (3 untrusted)" in text
    assert text.count("Left out: ") == 6
    assert f"its parent {search.trial_id} now records" in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_text_keeps_within_its_width(width):
    table = table_of(gappy_world(), paper="table4", baseline={"weighting": "scalar"}, note="A long note. " * 20)

    assert max(map(display_width, render(table, "text", width=width).splitlines())) <= width


def test_wide_characters_keep_columns_aligned():
    table = table_of(make_world(weightings=("重み", "max_w")), columns=("test_error_best",))
    lines = [line for line in render(table, "text").splitlines() if "n=3" in line]

    assert len({display_width(line[: line.index("±")]) for line in lines}) == 1


def test_markdown_has_one_line_a_row_and_right_aligned_numbers():
    lines = render(table_of(gappy_world(), columns=("test_error_best",)), "markdown").splitlines()
    rows = [line for line in lines if line.startswith("|")]

    assert len(rows) == 2 + 4
    assert len({line.count("|") for line in rows}) == 1
    assert re.fullmatch(r"\| -+ \| -+ \| -+: \| -+ \|", rows[1])
    assert "<sup>abc</sup>" in rows[2]


def test_markdown_signs_in_keys_are_only_signs():
    table = table_of(make_world(weightings=("a|b", "*c* <d> `e`")), columns=("params",))
    text = render(table, "markdown")

    assert r"a\|b" in text
    assert r"\*c\* \<d\> \`e\`" in text
    assert "max_w" in render(table_of(make_world(), columns=("params",)), "markdown")


def test_json_cells_hold_the_numbers_and_their_trials():
    world = gappy_world()
    data = json.loads(render(table_of(world, paper="table4"), "json"))

    assert data["columns"] == ["test_error_best", "params", "addmult", "search.gpu_days"]
    row = data["rows"][0]
    assert row["keys"] == {"weighting": "scalar", "p": 1}
    cell = row["cells"]["test_error_best"]
    assert set(cell) >= {"median", "low", "high", "half_range", "n", "expected", "trials", "text", "marks"}
    assert (cell["n"], cell["expected"], cell["marks"]) == (4, 6, ["few", "missing", "failed", "commits"])
    assert {world.rows[trial].metrics["test_error_best"] for trial in cell["trials"]} == set(cell["values"].values())
    assert cell["text"] == "6.18±0.05 (n=4/6 (1 failed): 2 searches × 3)"
    assert data["rows"][1]["paper"]["test_error_best"] == {
        "printed": "8.62±0.16",
        "value": 8.62,
        "source": "Table 4, Scalar",
    }
    assert set(data["marks"]) == {"few", "missing", "failed", "commits"}


def test_csv_has_a_field_for_every_number():
    table = table_of(gappy_world(), paper="table4")
    rows = list(csv.DictReader(io.StringIO(render(table, "csv"))))

    assert [row["weighting"] for row in rows] == ["scalar", "scalar", "max_w", "max_w"]
    assert float(rows[0]["test_error_best.median"]) == table.rows[0].cells["test_error_best"].median
    assert rows[0]["test_error_best.n"] == "4"
    assert len(rows[0]["test_error_best.trials"].split()) == 4
    assert rows[1]["test_error_best.paper"] == "8.62±0.16"


def test_an_unknown_format_is_refused_with_a_suggestion():
    with pytest.raises(UnknownName, match="did you mean 'latex'"):
        render(table_of(make_world()), "latx")


NASTY = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@few(15)
@given(NASTY, NASTY)
def test_any_text_can_stand_in_every_format(weighting, title):
    world = make_world(weightings=(weighting,), ps=(1,))
    table = table_of(world, title=title, note=title, columns=("params",))

    assert {render(table, form)[-1] for form in FORMATS} == {"\n"}


@given(NASTY)
def test_escaped_latex_has_only_our_own_commands_and_ascii(words):
    escaped = escape(words)

    assert escaped.isascii()
    bare = re.sub(r"\\([A-Za-z]+|[\\{}$&#%_'`^~\"])", "", escaped)
    assert not re.search(r"(?<!\{)[\[*]", bare)  # after the end of a line they would be its options
    assert not set(bare) & set("&#%_~^\\")
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
