"""Tables for a paper: LaTeX with booktabs, safe for any text, pdflatex included."""

import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.tables.formats.comments import (
    CHANGE,
    EndRecord,
    LineRecord,
    Source,
    comment,
    line_records,
    table_record,
)
from orchestrator.tables.formats.latex_widths import ENVIRONMENTS, IN_WORDS, ROOM, Fit, Item, fit, parts, words_width
from orchestrator.tables.layout import Entry, Heading, Layout, lay_out
from orchestrator.tables.table import Table

_SIGNS: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "*": "{*}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "Δ": r"$\Delta$",
    "∼": r"$\sim$",
    "\u200b": "{}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\rightarrow$",
    "✓": r"$\surd$",
    "✗": r"$\times$",
    "·": r"$\cdot$",
    "°": r"\textdegree{}",
    "²": r"\texttwosuperior{}",
    "³": r"\textthreesuperior{}",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "ε": r"$\epsilon$",
    "η": r"$\eta$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
}
_ACCENTS: Mapping[str, str] = {
    "\u0300": r"\`",
    "\u0301": r"\'",
    "\u0302": r"\^",
    "\u0303": r"\~",
    "\u0308": r"\"",
    "\u030a": r"\r",
    "\u030c": r"\v",
    "\u0327": r"\c",
}
_LETTERS: Mapping[str, str] = {"ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}", "ł": r"\l{}"}


_NAMED = 3
"""Columns that a sentence names."""
_LONG = 15.0
"""The width in em from on which a word may be broken in notes."""


def escape(words: str) -> str:
    """Return LaTeX that prints these words; a character that pdflatex cannot print becomes its code, `[U+4E2D]`."""
    text = re.sub(r"([-',])(?=\1)", "\\1\u200b", " ".join(words.split()))  # two hyphens stay two: they become no dash
    return "".join(_sign(character) for character in text)


def latex(table: Table, *, source: Source | None = None) -> str:
    r"""Return a floating environment as wide as the table says; the document needs the packages that it names first.

    With a source, comments tell what each number was made from: `comments` reads them.
    """
    records = line_records(table) if source else []
    layout = lay_out(table)
    fitted = fit_of(table, layout)
    numeric = [heading.numeric for heading in layout.headings]
    grid = _Grid(numeric=numeric, widths=fitted.widths or [None] * len(numeric))
    environment = ENVIRONMENTS[fitted.width]
    notes = [rf"\textsuperscript{{{letter}}} {breakable(words)}" for letter, words in layout.footnotes]
    notes += [breakable(note) for note in layout.notes]
    shown = {heading.column for heading in layout.headings}
    if left_out := [record for record in (_of(record, shown, has=False) for record in records) if record.cells]:
        notes[-1] = "\n".join([*map(comment, left_out), notes[-1]])  # the note that says what is the same in all rows
    tabular = [
        rf"\begin{{tabular}}{{{grid.alignment}}}",
        r"\toprule",
        grid.head(layout.headings, short=fitted.short),
        r"\midrule",
        *_body(layout, grid, [comment(_of(record, shown)) for record in records]),
        r"\bottomrule",
        r"\end{tabular}%",
    ]
    if fitted.too_wide:
        tabular = [r"\resizebox{\linewidth}{!}{%", *tabular, "}"]
    lines = [
        f"% needs {' '.join(_packages(fitted))}",
        *([comment(table_record(table, records, source))] if source else []),
        rf"\begin{{{environment}}}",
        r"\centering",
        rf"\caption{{{breakable(layout.title)}}}",
        rf"\label{{tab:{_label(table.name)}}}",
        *([fitted.size] if fitted.size else []),
        *([] if fitted.gap is None else [rf"\setlength{{\tabcolsep}}{{{fitted.gap}em}}"]),
        *tabular,
        *([r"\par\medskip", r"{\footnotesize\raggedright", "\n\\par\n".join(notes) + r"\par}"] if notes else []),
        rf"\end{{{environment}}}",
        *([comment(EndRecord(end=table.name))] if source else []),
    ]
    return "\n".join(lines) + "\n"


def _of(record: LineRecord, columns: Collection[str], *, has: bool = True) -> LineRecord:
    """Return the record of the cells in some columns, or in all but these."""
    cells = {name: cell for name, cell in record.cells.items() if (name.removesuffix(CHANGE) in columns) is has}
    return record.model_copy(update={"cells": cells})


def fit_of(table: Table, layout: Layout | None = None) -> Fit:
    """Return how a table fits into the width that it asks for."""
    layout = layout or lay_out(table)
    columns = [
        [Item(text=heading.title), *(_item(entry, heading.numeric) for entry in entries)]
        for heading, *entries in zip(layout.headings, *layout.lines, strict=True)
    ]
    short = [Item(text=heading.short or heading.title) for heading in layout.headings]
    return fit(columns, short, table.width)


def too_wide(table: Table) -> str:
    """Return one sentence on a table that fits nowhere it may stand, which names its widest columns; "" on others."""
    layout = lay_out(table)
    fitted = fit_of(table, layout)
    if not fitted.too_wide or fitted.widths is None:
        return ""
    order = sorted(zip(fitted.widths, layout.headings, strict=True), key=lambda each: -each[0])
    widest = ", ".join(repr(heading.title) for _, heading in order[:_NAMED])
    fits = [width for width in ROOM if not fit_of(replace(table, width=width), layout).too_wide]
    advice = f"width: {fits[0]} would do" if fits else "leave columns out, or give them short titles"
    return (
        f"table {table.name!r} is {fitted.too_wide:.0f} em wider than {IN_WORDS[fitted.width]} in the smallest type "
        f"that can be read, so it is scaled down; its widest columns are {widest}: {advice}"
    )


def _item(entry: Entry, numeric: bool) -> Item:
    return Item(text=entry.text, marks=entry.marks, bold=entry.bold, number=numeric)


def breakable(words: str) -> str:
    """Return LaTeX that prints words, the longest of which may go on below."""
    return " ".join(escape(word) if words_width(word) < _LONG else _broken(word) for word in words.split())


def _broken(words: str) -> str:
    """Return LaTeX that prints words, each of which may go on below after its signs."""
    return " ".join(r"\allowbreak{}".join(map(escape, parts(word))) for word in words.split())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Grid:
    """The columns of a table: what stands at the right, and how wide each is at most."""

    numeric: Sequence[bool]
    widths: Sequence[float | None]

    @property
    def alignment(self) -> str:
        inside = "".join("r" if numeric else "l" for numeric in self.numeric)
        return inside if None in self.widths else f"@{{}}{inside}@{{}}"

    def head(self, headings: Sequence[Heading], *, short: bool) -> str:
        items = [Item(text=(heading.short if short else "") or heading.title) for heading in headings]
        return self._line(
            self._box(item, width, "b", heading.numeric, heading.quoted)
            for item, heading, width in zip(items, headings, self.widths, strict=True)
        )

    def line(self, entries: Sequence[Entry]) -> str:
        return self._line(
            self._box(_item(entry, numeric), width, "t", numeric)
            for entry, width, numeric in zip(entries, self.widths, self.numeric, strict=True)
        )

    def _line(self, items: Iterable[str]) -> str:
        return " & ".join(items) + r" \\"

    def _box(self, item: Item, width: float | None, place: str, right: bool, italic: bool = False) -> str:
        """Return an entry; one that is wider than its column as a paragraph, whose first or last line is the line's."""
        marks = rf"\textsuperscript{{{item.marks}}}" if item.marks else ""
        if width is None or item.width <= width:
            return _styled(escape(item.text), item.bold, italic) + marks
        words = escape(item.text) if item.number else _broken(item.text)
        side = r"\raggedleft" if right else r"\raggedright"
        room = f"{math.ceil(width * 100) / 100}em"
        return rf"\parbox[{place}]{{{room}}}{{{side} {_styled(words, item.bold, italic)}{marks}\strut}}"


def _body(layout: Layout, grid: _Grid, comments: Sequence[str]) -> Iterator[str]:
    for index, line in enumerate(layout.lines):
        if index in layout.blocks:
            if index:
                yield r"\midrule"
            yield rf"\multicolumn{{{len(line)}}}{{l}}{{\textit{{{escape(layout.blocks[index])}}}}} \\"
        yield from comments[index : index + 1]
        yield grid.line(line)


def _packages(fitted: Fit) -> Iterator[str]:
    yield r"\usepackage{booktabs}"
    if fitted.width == "sideways":
        yield r"\usepackage{rotating}"
    if fitted.too_wide:
        yield r"\usepackage{graphicx}"


def _styled(words: str, bold: bool, italic: bool) -> str:
    words = rf"\textbf{{{words}}}" if bold else words
    return rf"\textit{{{words}}}" if italic else words


def _sign(character: str) -> str:
    if character in _SIGNS or character in _LETTERS:
        return _SIGNS.get(character) or _LETTERS[character]
    if " " <= character <= "~":
        return character
    base, *accents = unicodedata.normalize("NFD", character)
    if base.isascii() and base.isalpha() and len(accents) == 1 and accents[0] in _ACCENTS:
        return rf"{_ACCENTS[accents[0]]}{{{base}}}"
    return f"{{[}}U+{ord(character):04X}]"


def _label(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name)
