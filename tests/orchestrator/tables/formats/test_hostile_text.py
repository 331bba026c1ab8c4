"""Labels, titles, notes and errors of strangers stay text: in a spreadsheet, a browser, a terminal, in Markdown."""

import csv
import io
import json
import re
import unicodedata
from functools import cache

import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st
from table_worlds import FakeTable, make_world

from orchestrator.tables.formats.catalog import FORMATS, render
from orchestrator.tables.formats.comments import Source
from orchestrator.tables.formats.latex import latex
from orchestrator.tables.formats.macros import macros_of, macros_text
from orchestrator.tables.table import Table, build

HOSTILE = (
    '=HYPERLINK("http://x","y")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "＝1+1",
    "\x1b[31mred\x1b]0;title\x07\x9b2J\x08\x7f",
    "\u202eevil\u2066 \u200f\u061c \u2028 \ufeff",
    "two\nlines\r\n\nand a paragraph",
    "<img src=x onerror=alert(1)> </table></script> &amp; \" ' `",
    "| a | b |\n|---|---|",
    "[link](http://x) ![i](y) **b** <!-- c",
    "# heading",
    "- item",
    "1. item",
    "====",
    "\ud800 \x00",
    r"\end{table} % \input{x}",
)
ACTED_ON = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""What terminals and browsers act on: a list of its own, not the one of the code."""


@cache
def table_of(words: str) -> Table:
    """Return a table in which a text stands wherever one can: title, note, labels, a block, a heading, an error."""
    world = make_world(weightings=(words, "max_w"), ps=(1,))
    trial = world.find("train", **{"search.weighting": words}, p=1, seed=0)
    world.fail(trial)
    world.change(trial, error=words)
    object.__setattr__(trial, "label", words)
    parent = world.find("search", weighting="max_w", seed=0)
    world.change(parent, artifacts={"genotype": {}})  # all its trainings are left out, by name, in a note
    return build(world.plan, world.rows, FakeTable(title=words, note=words, columns=("params", "test_error_best")))


@pytest.mark.parametrize("form", sorted(FORMATS))
@pytest.mark.parametrize("words", HOSTILE)
def test_nothing_that_a_terminal_or_browser_acts_on_is_in_any_format(words, form):
    """Also in files, which are printed with `cat`."""
    assert ACTED_ON.findall(render(table_of(words), form)) == []


@pytest.mark.parametrize("words", HOSTILE)
def test_no_field_of_the_csv_is_a_formula(words):
    rendered = render(table_of(words), "csv")
    fields = [field for row in csv.reader(io.StringIO(rendered)) for field in row]
    texts = [field for field in fields if not re.fullmatch(r"-?[\d.]+(e-?\d+)?", field)]

    assert len(fields) == 3 * (2 + 2 * 8)
    assert [text for text in texts if unicodedata.normalize("NFKC", text)[:1] in ("=", "+", "-", "@", "\t", "\r")] == []


@pytest.mark.parametrize("words", ["-1", "+0.5", "-1e-3", "2", "a=b", "'quoted'", ""])
def test_numbers_and_words_stay_as_they_are_in_csv(words):
    first, *_ = csv.reader(io.StringIO(render(table_of(words), "csv").partition("\n")[2]))

    assert first[0] == words


@pytest.mark.parametrize("words", HOSTILE)
def test_text_has_a_line_a_row_and_markdown_begins_nothing(words):
    text = render(table_of(words), "text").splitlines()
    markdown = render(table_of(words), "markdown").splitlines()

    assert text[1] == markdown[1] == ""  # the title is one line
    assert len([line for line in markdown if line.startswith("| ")]) == 2 + 2
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in markdown if line.startswith("| ")}) == 1
    notes = markdown[markdown.index("", 2) + 1 :]
    assert [note for note in notes if re.match(r"\s*([-+*>#|]|=+\s*$|\d+[.)]\s|<(?!sup>)|```)", note)] == []


@few(40)
@given(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30)), st.sampled_from(HOSTILE))
def test_comments_in_latex_are_one_line_of_ascii_whatever_they_name(words, source):
    table = table_of("max-w")
    origin = Source(experiment=words, storage=source, overrides=(words, source))
    written = latex(table, source=origin) + macros_text([table], macros_of([table]), origin)
    comments = [line for line in written.split("\n") if line.startswith("% sharptune: ")]

    assert written.isascii()
    assert len(comments) == (1 + 2 + 1) + (1 + len(macros_of([table])))
    heads = [json.loads(line.partition(": ")[2]) for line in comments if '"digest"' in line]
    assert [(head["experiment"], head["storage"]) for head in heads] == [(words, source)] * 2
