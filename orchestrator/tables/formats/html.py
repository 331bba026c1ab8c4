"""Tables as HTML: a fragment for any page, and a small whole document whose numbers are linked to their runs.

All text is escaped by Jinja2, and what a browser would act on without showing it (controls, which way letters go) is
spelled out before.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from orchestrator.tables.cells import Cell, Column
from orchestrator.tables.evidence import Evidence
from orchestrator.tables.layout import Entry, Layout, key_text, lay_out, whole_text
from orchestrator.tables.layout import unit_of as unit_of_column
from orchestrator.tables.layout import unit_of_cell as unit_of
from orchestrator.tables.quantities import Unit
from orchestrator.tables.table import Table, TableRow
from orchestrator.words import shown_line, unrounded

if TYPE_CHECKING:
    import jinja2

Link = Callable[[int, str], str | None]
"""Where a number's runs are told: (line from 0, column's name) -> a URL, mostly `#…`; None for no link."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """One entry of the table where it stands."""

    entry: Entry
    heading: Any
    cell: Cell | None = None
    """The cell whose number it is; None for keys, changes, published numbers and counts."""
    href: str | None = None


def html(table: Table, *, link: Link | None = None) -> str:
    """Return a `<div class="table">` with a `<table>`, its caption, and its notes below, and no style of its own.

    Each number's `<td>` has `data-column`, `data-median`, `data-low`, `data-high`, `data-n`, `data-expected` and
    `data-trials` (ids between blanks), in the units of the rows; footnotes are linked, and with `link` each number is,
    to where its runs are told. Its id is `table-` and the table's name; no other in it is that of another table's.
    """
    return _render("table.html.j2", **_content(table, link))


def html_page(tables: Sequence[Table]) -> str:
    """Return a whole document, in UTF-8: the tables, and under each the runs that its numbers were made from."""
    title = ", ".join(table.title for table in tables) or "no table"
    parts = [{**_content(table, lambda row, column, t=table: f"#{cell_id(t, row, column)}")} for table in tables]
    cells = [list(_told_cells(table)) for table in tables]
    return _render("page.html.j2", title=title, parts=list(zip(parts, cells, strict=True)))


def html_text(table: Table) -> str:
    """Return a table as a document of its own."""
    return html_page([table])


def cell_id(table: Table, row: int, column: str) -> str:
    """Return the id of the place where the runs of a number are told: `runs-0-2-weighting`."""
    place = [each.name for each in table.columns].index(column)
    return f"runs-{row}-{place}-{table.name}"


def _content(table: Table, link: Link | None) -> dict[str, Any]:
    layout = lay_out(table)
    return {
        "name": table.name,
        "stage": table.stage,
        "keys": len(list(takewhile(lambda heading: not heading.numeric, layout.headings[: len(table.keys)]))),
        "layout": layout,
        "blocks": list(_blocks(table, layout, link)),
    }


def _blocks(table: Table, layout: Layout, link: Link | None) -> Iterator[tuple[str, list[list[_Place]]]]:
    """Yield the lines under one heading, with that heading; "" for lines above the first."""
    lines: list[list[_Place]] = []
    heading = ""
    for index, line in enumerate(layout.lines):
        if index in layout.blocks:
            if lines:
                yield heading, lines
            heading, lines = layout.blocks[index], []
        lines.append(list(_places(table, layout, index, line, link)))
    yield heading, lines


def _places(table: Table, layout: Layout, index: int, line: Sequence[Entry], link: Link | None) -> Iterator[_Place]:
    cells = table.rows[index].cells
    for heading, entry in zip(layout.headings, line, strict=True):
        cell = cells.get(heading.column) if heading.column else None
        href = link(index, heading.column) if link and cell is not None and cell.expected else None
        yield _Place(entry=entry, heading=heading, cell=cell, href=href)


def _told_cells(table: Table) -> Iterator[Mapping[str, Any]]:
    """Yield, for each number of a table, what it says and its runs."""
    units = {column.name: unit_of_column(table, column) for column in table.columns}
    for index, row in enumerate(table.rows):
        for column in table.columns:
            cell = row.cells[column.name]
            if cell.expected:
                yield {
                    "id": cell_id(table, index, column.name),
                    "head": _head(table, row, column, units[column.name]),
                    "runs": [_run(one) for one in cell.evidence],
                }


def _head(table: Table, row: TableRow, column: Column, unit: Unit) -> str:
    keys = " ".join(f"{key}={key_text(value)}" for key, value in row.keys.items())
    text = whole_text(column, row, unit_of(table, row, column, unit))
    return f"{keys} {column.name}: {text}".strip()


def _run(one: Evidence) -> tuple[str, ...]:
    said = unrounded(one.value) if one.value is not None else f"{one.state}: {one.reason}"
    return (one.trial_id, said, one.label, one.source, " ".join(part for part in (one.hardware, one.share) if part))


@cache
def _environment() -> "jinja2.Environment":
    import jinja2

    folder = resources.files("orchestrator.tables.formats") / "templates"
    names = ("table.html.j2", "page.html.j2")
    return jinja2.Environment(
        loader=jinja2.DictLoader({name: (folder / name).read_text(encoding="utf-8") for name in names}),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_visible,
    )


def _render(template: str, **content: Any) -> str:
    _line.cache_clear()
    return _environment().get_template(template).render(**content)


def _visible(value: Any) -> Any:
    """Return text with what is not seen of it spelled out, all else as it is: `Markup` has been here before."""
    return _line(value) if type(value) is str else value


@cache
def _line(words: str) -> str:
    """Return words as a line, once while a page is made: most stand in it many times."""
    return shown_line(words)
