"""Tables as GitHub Markdown."""

import re

from orchestrator.tables.formats.widths import Frame, natural_widths
from orchestrator.tables.layout import Entry, lay_out
from orchestrator.tables.table import Table

_SIGNS = re.compile(r"([\\`*|<>\[\]~$&#]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z]))")
PIPES = Frame(left="| ", between=" | ", right=" |")


def markdown(table: Table) -> str:
    """Return a table as a GitHub Markdown table with its notes below."""
    layout = lay_out(table)
    head = [_words(heading.title) for heading in layout.headings]
    lines = [[_entry(entry) for entry in line] for line in layout.lines]
    widths = [max(3, width) for width in natural_widths(zip(head, *lines, strict=True))]
    rules = ["-" * (w - 1) + ":" if h.numeric else "-" * w for h, w in zip(layout.headings, widths, strict=True)]
    rows = [PIPES.line(line, widths, [False] * len(head)) for line in (head, rules, *lines)]
    for index, block in sorted(layout.blocks.items(), reverse=True):
        rows.insert(index + 2, f"| *{_words(block)}*" + " |" * len(head))
    notes = [f"<sup>{letter}</sup> {_words(words)}" for letter, words in layout.footnotes]
    notes += [_paragraph(note) for note in layout.notes]
    tail = ["", *"  \n".join(notes).splitlines()] if notes else []
    return "\n".join([f"**{_words(layout.title)}**", "", *rows, *tail]) + "\n"


def _words(words: str) -> str:
    return _SIGNS.sub(r"\\\1", " ".join(words.split()))


def _paragraph(words: str) -> str:
    """Return words that begin no list, heading or rule."""
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", _words(words))


def _entry(entry: Entry) -> str:
    words = f"**{_words(entry.text)}**" if entry.bold else _words(entry.text)
    return words + (f"<sup>{entry.marks}</sup>" if entry.marks else "")
