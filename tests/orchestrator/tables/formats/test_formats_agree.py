"""Text, Markdown, LaTeX, HTML, CSV and JSON say the same of every cell, whatever the grid, numbers and labels."""

import csv
import io
import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest
from few import few
from hypothesis import example, given
from hypothesis import strategies as st
from table_readers import read_html
from table_worlds import FakeTable, World, make_world

from orchestrator.tables.formats.catalog import render
from orchestrator.tables.formats.html import html
from orchestrator.tables.formats.latex import escape
from orchestrator.tables.layout import Layout, lay_out
from orchestrator.tables.table import Table, build

RAISED = "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖ"
NASTY = ["a  b", "| & \\\\", "重み", "é…", "**", "n=3", "~", "─", "5.44±0.12", "{}", "<b>", "x" * 80, "-1"]
LABELS = st.one_of(st.text(max_size=12), st.sampled_from(NASTY))
NUMBERS = st.one_of(
    st.sampled_from([0.0, 5.44, 5.44, 2.675, 1e-30, 1e30, 123456789.0, 0.00028, 3_529_270.0]),
    st.floats(-1e12, 1e12),
    st.decimals(0, 100, places=2).map(float),
)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a made-up grid looks."""

    labels: list[str]
    searches: int
    seeds: int
    numbers: list[float]
    fates: list[str]
    columns: tuple[str, ...]
    baseline: bool
    statistic: str


SHAPES = st.builds(
    Shape,
    labels=st.lists(LABELS, min_size=1, max_size=3, unique=True),
    searches=st.integers(1, 2),
    seeds=st.integers(1, 4),
    numbers=st.lists(NUMBERS, min_size=1, max_size=8),
    fates=st.lists(
        st.sampled_from(["done", "done", "done", "failed", "missing", "unmeasured"]), min_size=1, max_size=8
    ),
    columns=st.sampled_from([("test_error_best",), ("test_error_best", "params", "search.gpu_days"), ("p", "params")]),
    baseline=st.booleans(),
    statistic=st.sampled_from(["median", "best"]),
)


WORST = Shape(
    labels=NASTY,
    searches=2,
    seeds=2,
    numbers=[1e-30, 5.44, 1e30, 123456789.0],
    fates=["done", "failed", "done", "missing", "unmeasured"],
    columns=("test_error_best", "params", "search.gpu_days"),
    baseline=True,
    statistic="median",
)


def world_of(shape: Shape) -> World:
    world = make_world(weightings=shape.labels, search_seeds=range(shape.searches), ps=(1, 2), seeds=range(shape.seeds))
    for index, trial in enumerate(world.plan.of_stage("train")):
        fate = shape.fates[index % len(shape.fates)]
        value = shape.numbers[index % len(shape.numbers)]
        if fate == "failed":
            world.fail(trial)
        elif fate == "missing":
            del world.rows[trial.trial_id]
        elif fate == "unmeasured":
            world.change(trial, metrics={})
        else:
            world.change(trial, metrics={"test_error_best": value, "params": abs(value), "addmult": 1.0})
    return world


def table_of(shape: Shape) -> Table:
    world = world_of(shape)
    spec = FakeTable(
        rows=("weighting",) if "p" in shape.columns else ("weighting", "p"),
        columns=shape.columns,
        baseline={"weighting": shape.labels[0]} if shape.baseline else None,
        statistic=shape.statistic,
    )
    return build(world.plan, world.rows, spec)


def text_lines(rendered: str, rows: int) -> list[str]:
    """Return the lines below the rule, without what aligns them."""
    lines = rendered.splitlines()
    rule = next(n for n, line in enumerate(lines) if n > 1 and set(line) <= {"─", " "})
    return [" ".join(line.split()) for line in lines[rule + 1 : rule + 1 + rows]]


def markdown_cells(rendered: str) -> list[list[str]]:
    lines = [line for line in rendered.splitlines() if line.startswith("| ")][2:]
    return [[_unmarked(cell) for cell in re.findall(r"(?<=\| )((?:\\.|[^\\|])*?) *(?=\|)", line)] for line in lines]


def _unmarked(cell: str) -> str:
    cell = re.sub(r"<sup>([a-p]*)</sup>$", "", cell)
    return re.sub(r"\\(.)", r"\1", re.sub(r"^\*\*(.*)\*\*$", r"\1", cell)).strip()


def latex_cells(rendered: str) -> list[list[str]]:
    body = rendered[rendered.index(r"\midrule") : rendered.index(r"\bottomrule")].splitlines()[1:]
    lines = [line.removesuffix(r" \\") for line in body if not line.startswith((r"\multicolumn", r"\midrule"))]
    return [[_unboxed(cell) for cell in line.split(" & ")] for line in lines]


def _unboxed(cell: str) -> str:
    cell = re.sub(r"^\\parbox\[t\]\{[^}]*\}\{\\ragged(?:right|left) (.*)\\strut\}$", r"\1", cell)
    cell = re.sub(r"\\textsuperscript\{[a-p]*\}$", "", cell).replace(r"\allowbreak{}", "")
    return re.sub(r"^\\textbf\{(.*)\}$", r"\1", cell)


def expected_text(layout: Layout) -> list[str]:
    """Return each line's words, with the letters of their footnotes."""
    raised = str.maketrans("abcdefghijklmnop", RAISED)
    lines = [" ".join(entry.text + entry.marks.translate(raised) for entry in line) for line in layout.lines]
    return [" ".join(line.split()) for line in lines]


class _Data(HTMLParser):
    """The attributes of cells that hold numbers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.cells: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "td" and "data-column" in dict(attrs):
            self.cells.append(dict(attrs))


@few(40)
@given(SHAPES)
@example(WORST)
def test_every_cell_has_the_same_words_wherever_people_read_it(shape):
    table = table_of(shape)
    layout = lay_out(table)
    words = [[entry.text for entry in line] for line in layout.lines]

    assert text_lines(render(table, "text"), len(words)) == expected_text(layout)
    assert markdown_cells(render(table, "markdown")) == words
    assert read_html(html(table)) == words
    assert latex_cells(render(table, "latex")) == [[escape(word) for word in line] for line in words]


@few(40)
@given(SHAPES)
@example(WORST)
def test_every_cell_has_the_same_numbers_wherever_programs_read_it(shape):
    table = table_of(shape)
    data = json.loads(render(table, "json"))
    sheet = list(csv.DictReader(io.StringIO(render(table, "csv"))))
    marked = iter(_Data(html(table)).cells)
    words = [[entry.text for entry in line] for line in lay_out(table).lines]

    assert len(data["rows"]) == len(sheet) == len(words) == len(table.rows)
    for row, line, entries, ours in zip(data["rows"], sheet, words, table.rows, strict=True):
        for column in data["columns"]:
            cell, attributes = row["cells"][column], next(marked)
            for name in ("median", "low", "high"):
                assert cell[name] == getattr(ours.cells[column], name)
                assert [cell[name]] == [float(number) if number else None for number in (line[f"{column}.{name}"],)]
                assert cell[name] == (float(attributes[f"data-{name}"]) if f"data-{name}" in attributes else None)
            assert [str(cell["n"]), str(cell["expected"])] == [line[f"{column}.n"], line[f"{column}.expected"]]
            assert [attributes["data-n"], attributes["data-expected"]] == [str(cell["n"]), str(cell["expected"])]
            assert line[f"{column}.trials"].split() == attributes["data-trials"].split() == cell["trials"]
            assert any(entry.startswith(cell["text"].partition(" (n=")[0]) for entry in entries)


@pytest.mark.slow
def test_five_thousand_rows_are_the_same_in_every_format():
    world = make_world(weightings=[f"arm {index}" for index in range(5_000)], ps=(1,), seeds=(0,))
    table = build(world.plan, world.rows, FakeTable(rows=("weighting",), columns=("test_error_best",)))
    words = [[entry.text for entry in line] for line in lay_out(table).lines]

    assert len(words) == 5_000
    assert text_lines(render(table, "text"), len(words)) == expected_text(lay_out(table))
    assert markdown_cells(render(table, "markdown")) == read_html(render(table, "html")) == words
    assert latex_cells(render(table, "latex")) == [[escape(word) for word in line] for line in words]
    assert len(json.loads(render(table, "json"))["rows"]) == render(table, "csv").count("\n") - 1 == 5_000
