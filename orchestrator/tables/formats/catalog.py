"""The formats that tables are written in, by name."""

from collections.abc import Callable, Mapping

from orchestrator.tables.formats.comments import Source
from orchestrator.tables.formats.data import csv_text, json_text
from orchestrator.tables.formats.html import html_text
from orchestrator.tables.formats.latex import latex
from orchestrator.tables.formats.markdown import markdown
from orchestrator.tables.formats.text import text
from orchestrator.tables.formats.widths import Spelled
from orchestrator.tables.table import Table
from trainables.errors import unknown_name


def render(
    table: Table, form: str, *, width: int | None = None, spelled: Spelled = str, source: Source | None = None
) -> str:
    """Return a table in one of FORMATS, ending in a newline.

    `width` in characters bounds text, and `spelled` returns what stands in it in its reader's letters; with a `source`,
    LaTeX says in comments what its numbers were made from.

    Raises: UnknownName for another format.
    """
    if form not in FORMATS:
        raise unknown_name("format", form, FORMATS)
    if form == "latex":
        return latex(table, source=source)
    return text(table, width=width, spelled=spelled) if form == "text" else FORMATS[form](table)


FORMATS: Mapping[str, Callable[[Table], str]] = {
    "text": text,
    "markdown": markdown,
    "latex": latex,
    "html": html_text,
    "csv": csv_text,
    "json": json_text,
}
