"""What `docs/tables.md` shows is what a table prints."""

import re
from pathlib import Path

import pytest
from doc_pages import blocks
from ruamel.yaml import YAML
from table_worlds import FakeTable, make_world

from orchestrator.document.spec import ColumnSpec, TableSpec
from orchestrator.tables.formats.catalog import render
from orchestrator.tables.table import build

PAGE = Path(__file__).parents[3] / "docs" / "tables.md"
EXAMPLES = re.findall(
    r"<!-- (\w+) -->\n```yaml\n(.*?)```\n\n```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
)


@pytest.mark.parametrize(("asked", "printed"), [example[1:] for example in EXAMPLES], ids=[e[0] for e in EXAMPLES])
def test_a_table_of_the_page_is_printed_as_it_stands_there(asked: str, printed: str):
    world = make_world()
    wishes = YAML(typ="safe", pure=True).load(asked)
    columns = [ColumnSpec(**one) if isinstance(one, dict) else one for one in wishes.pop("columns")]
    form = TableSpec if "lines" in wishes else FakeTable
    shown = render(build(world.plan, world.rows, form(name="t", columns=columns, **wishes)), "text", width=None)

    assert [line.rstrip() for line in printed.splitlines()] == [
        line.rstrip() for line in shown.splitlines()[2 : 2 + len(printed.splitlines())]
    ]


def test_no_table_of_the_page_is_left_out():
    assert len(EXAMPLES) == sum(block.page == "docs/tables.md" for block in blocks(""))


def test_every_note_that_the_page_quotes_is_said():
    world = make_world()
    spec = FakeTable(columns=("test_error_best", "params"), filter={"p": 1}, constant="hide")
    (quoted,) = re.findall(r"with the note `(.*?)`", PAGE.read_text(encoding="utf-8"))

    assert quoted in render(build(world.plan, world.rows, spec), "text", width=None)
