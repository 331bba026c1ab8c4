"""Tables as text, Markdown, LaTeX, CSV and JSON."""

import re
import textwrap
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from orchestrator.tables.evidence import Evidence
from orchestrator.tables.formats.data import csv_text, json_text
from orchestrator.tables.formats.latex import latex
from orchestrator.tables.layout import Entry, Heading, Layout, lay_out
from orchestrator.tables.table import Table
from trainables.errors import unknown_name

GAP = "  "
_RAISED = str.maketrans("abcdefghijklmnop", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖ")
_MARKDOWN_SIGNS = re.compile(r"([\\`*|<>\[\]~$&#]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z]))")


def render(table: Table, form: str, *, width: int | None = None) -> str:
    """Return a table in one of FORMATS, ending in a newline; `width` in characters bounds text.

    Raises: UnknownName for another format.
    """
    if form not in FORMATS:
        raise unknown_name("format", form, FORMATS)
    return text(table, width=width) if form == "text" else FORMATS[form](table)


def text(table: Table, *, width: int | None = None) -> str:
    """Return a table as aligned lines; where they do not fit into `width`, as one paragraph a row."""
    layout = lay_out(table)
    columns = _columns(layout)
    widths = _widths(columns, width)
    body = _paragraphs(layout, width or 0) if widths is None else _grid(layout, columns, widths)
    notes = [f"{letter.translate(_RAISED)} {words}" for letter, words in layout.footnotes]
    tail = [line for note in (*notes, *layout.notes) for line in _wrapped(note, width)]
    return "\n".join([*_wrapped(layout.title, width), "", *body, "", *tail]).rstrip() + "\n"


def markdown(table: Table) -> str:
    """Return a table as a GitHub Markdown table with its notes below."""
    layout = lay_out(table)
    head = [_markdown_words(heading.title) for heading in layout.headings]
    lines = [[_markdown_entry(entry) for entry in line] for line in layout.lines]
    widths = [max(3, *(display_width(line[i]) for line in [head, *lines])) for i in range(len(head))]
    rules = ["-" * (w - 1) + ":" if h.numeric else "-" * w for h, w in zip(layout.headings, widths, strict=True)]
    rows = [
        " | ".join(_padded(c, w, False) for c, w in zip(line, widths, strict=True)) for line in (head, rules, *lines)
    ]
    for index, block in sorted(layout.blocks.items(), reverse=True):
        rows.insert(index + 2, f"*{_markdown_words(block)}*" + " |" * (len(head) - 1))
    notes = [f"<sup>{letter}</sup> {_markdown_words(words)}" for letter, words in layout.footnotes]
    notes += [_markdown_words(note) for note in layout.notes]
    tail = ["", *"  \n".join(notes).splitlines()] if notes else []
    return "\n".join([f"**{_markdown_words(layout.title)}**", "", *(f"| {row} |" for row in rows), *tail]) + "\n"


def evidence_text(evidence: Sequence[Evidence]) -> str:
    """Return what a number was made from, one trial a line: id, value or reason, label, commit, hardware and share."""
    lines = []
    for one in evidence:
        what = f"{one.value!r}" if one.state == "done" else f"{one.state}: {one.reason}"
        origin = ", ".join(part for part in (one.source, one.hardware, one.share) if part)
        lines.append(GAP.join(part for part in (one.trial_id, what, one.label, origin) if part))
    return "".join(f"{line}\n" for line in lines)


def display_width(words: str) -> int:
    """Return how many columns of a terminal a text takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in words)
    return len(words) + wide - sum(bool(unicodedata.combining(c)) for c in words)


def _columns(layout: Layout) -> list[list[str]]:
    """Return the columns of text, each with its heading first."""
    lines = [[_plain(entry) for entry in line] for line in layout.lines]
    return [[heading.title, *(line[i] for line in lines)] for i, heading in enumerate(layout.headings)]


def _plain(entry: Entry) -> str:
    return entry.text + entry.marks.translate(_RAISED)


def _widths(columns: Sequence[Sequence[str]], width: int | None) -> list[int] | None:
    """Return each column's width, taking from the widest what is too much; None when the words do not fit."""
    widths = [max(map(display_width, column)) for column in columns]
    least = [max(display_width(word) for item in column for word in (item.split() or [""])) for column in columns]
    if width is None:
        return widths
    room = width - len(GAP) * (len(columns) - 1)
    while sum(widths) > room:
        shrinkable = [i for i in range(len(widths)) if widths[i] > least[i]]
        if not shrinkable:
            return None
        widths[max(shrinkable, key=lambda i: widths[i])] -= 1
    return widths


def _grid(layout: Layout, columns: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    """Return the aligned lines: headings, a rule, and the rows under their blocks; long entries go on below."""
    rows = list(zip(*columns, strict=True))
    lines = _stacked(rows[0], layout.headings, widths)
    lines.append(GAP.join("─" * width for width in widths))
    for index, row in enumerate(rows[1:]):
        if index in layout.blocks:
            lines += ([""] if index else []) + [layout.blocks[index]]
        lines += _stacked(row, layout.headings, widths)
    return lines


def _stacked(row: Sequence[str], headings: Sequence[Heading], widths: Sequence[int]) -> list[str]:
    parts = [
        textwrap.wrap(item, max(1, width), break_long_words=False) or [""]
        for item, width in zip(row, widths, strict=True)
    ]
    lines = []
    for level in range(max(map(len, parts))):
        items = [part[level] if level < len(part) else "" for part in parts]
        padded = [_padded(i, w, h.numeric) for i, w, h in zip(items, widths, headings, strict=True)]
        lines.append(GAP.join(padded).rstrip())
    return lines


def _paragraphs(layout: Layout, width: int) -> list[str]:
    """Return one paragraph for each row: a heading and an entry on each line."""
    lines: list[str] = []
    for index, row in enumerate(layout.lines):
        if index in layout.blocks:
            lines += [layout.blocks[index], ""]
        for heading, entry in zip(layout.headings, row, strict=True):
            if not entry.text:
                continue
            lines += textwrap.wrap(f"{heading.title}: {_plain(entry)}", max(20, width), subsequent_indent=GAP)
        lines.append("")
    return lines[:-1]


def _wrapped(words: str, width: int | None) -> list[str]:
    return textwrap.wrap(words, max(20, width)) if width else [words]


def _padded(words: str, width: int, right: bool) -> str:
    space = " " * max(0, width - display_width(words))
    return space + words if right else words + space


def _markdown_words(words: str) -> str:
    return _MARKDOWN_SIGNS.sub(r"\\\1", " ".join(words.split()))


def _markdown_entry(entry: Entry) -> str:
    words = f"**{_markdown_words(entry.text)}**" if entry.bold else _markdown_words(entry.text)
    return words + (f"<sup>{entry.marks}</sup>" if entry.marks else "")


FORMATS: Mapping[str, Callable[[Table], str]] = {
    "text": text,
    "markdown": markdown,
    "latex": latex,
    "csv": csv_text,
    "json": json_text,
}
