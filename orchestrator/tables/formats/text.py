"""Tables as aligned text for terminals."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

from orchestrator.tables.formats.widths import Frame, Spelled, fitted_widths, natural_widths
from orchestrator.tables.layout import Entry, Layout, lay_out
from orchestrator.tables.table import Table

GAP = "  "
_RAISED = str.maketrans("abcdefghijklmnop", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖ")


@dataclass(frozen=True, kw_only=True, slots=True)
class TextStyle:
    """How aligned lines look."""

    line: Frame
    rule: Frame
    """Around the rule below the headings."""
    hyphens: bool = True
    """Whether a word may go on below after its hyphen."""


SPACED = TextStyle(line=Frame(between=GAP), rule=Frame(between=GAP))


def text(table: Table, *, width: int | None = None, spelled: Spelled = str) -> str:
    """Return a table as aligned lines; where they do not fit into `width`, as one paragraph a row.

    `spelled` returns a text in the letters that there are where it will be read.
    """
    layout = lay_out(table)
    notes = [f"{letter.translate(_RAISED)} {words}" for letter, words in layout.footnotes]
    head, *tail = [_wrapped(spelled(note), width) for note in (layout.title, *notes, *layout.notes)]
    body = text_lines(layout, width=width, spelled=spelled)
    return "\n".join([*head, "", *body, "", *chain(*tail)]).rstrip() + "\n"


def text_lines(layout: Layout, *, width: int | None, style: TextStyle = SPACED, spelled: Spelled = str) -> list[str]:
    """Return a table's headings and entries: aligned, or as one paragraph a row where they do not fit into `width`."""
    layout = _spelled(layout, spelled)
    columns = _columns(layout)
    room = None if width is None else style.line.room(width, len(columns))
    widths = natural_widths(columns) if room is None else fitted_widths(columns, room)
    return _paragraphs(layout, width or 0) if widths is None else _grid(layout, columns, widths, style)


def _spelled(layout: Layout, spelled: Spelled) -> Layout:
    """Return the layout with all that stands in its grid spelled, marks included."""
    return replace(
        layout,
        headings=tuple(replace(heading, title=spelled(heading.title)) for heading in layout.headings),
        lines=tuple(tuple(Entry(text=spelled(_plain(entry))) for entry in line) for line in layout.lines),
        blocks={place: spelled(words) for place, words in layout.blocks.items()},
    )


def _columns(layout: Layout) -> list[list[str]]:
    """Return the columns of text, each with its heading first."""
    return [[heading.title, *(line[i].text for line in layout.lines)] for i, heading in enumerate(layout.headings)]


def _plain(entry: Entry) -> str:
    return entry.text + entry.marks.translate(_RAISED)


def _grid(layout: Layout, columns: Sequence[Sequence[str]], widths: Sequence[int], style: TextStyle) -> list[str]:
    """Return the aligned lines: headings, a rule, and the rows under their blocks; long entries go on below."""
    numeric = [heading.numeric for heading in layout.headings]
    head, *rows = (_stacked(row, numeric, widths, style) for row in zip(*columns, strict=True))
    lines = [*head, style.rule.line(["─" * width for width in widths], widths, numeric)]
    for index, row in enumerate(rows):
        if index in layout.blocks:
            lines += ([""] if index else []) + [layout.blocks[index]]
        lines += row
    return lines


def _stacked(row: Sequence[str], numeric: Sequence[bool], widths: Sequence[int], style: TextStyle) -> list[str]:
    parts = [
        textwrap.wrap(item, max(1, width), break_long_words=False, break_on_hyphens=style.hyphens)
        for item, width in zip(row, widths, strict=True)
    ]
    levels = zip_longest(*parts, fillvalue="") if any(parts) else [[""] * len(row)]
    return [style.line.line(items, widths, numeric) for items in levels]


def _paragraphs(layout: Layout, width: int) -> list[str]:
    """Return one paragraph for each row: a heading and an entry on each line."""
    lines: list[str] = []
    for index, row in enumerate(layout.lines):
        if index in layout.blocks:
            lines += [layout.blocks[index], ""]
        for heading, entry in zip(layout.headings, row, strict=True):
            if not entry.text:
                continue
            said = f"{heading.title}: " if heading.title else ""
            lines += textwrap.wrap(f"{said}{entry.text}", max(20, width), subsequent_indent=GAP)
        lines.append("")
    return lines[:-1]


def _wrapped(words: str, width: int | None) -> list[str]:
    return textwrap.wrap(words, max(20, width)) if width else [words]
