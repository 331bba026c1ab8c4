r"""Numbers as LaTeX macros, for the text of a paper: `\weightingScalarPOneTestError` prints 5.44±0.12.

A macro is called after its table, line and column, in letters: it stays the same whatever the numbers become, and
whichever other lines come. Names that would be the same end in letters of a digest instead, all of them.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from orchestrator.tables.formats.comments import (
    LineRecord,
    MacroRecord,
    Source,
    TableRecord,
    comment,
    line_records,
    table_record,
)
from orchestrator.tables.formats.latex import escape
from orchestrator.tables.layout import NOTHING
from orchestrator.tables.table import Table
from trainables.trial import JSON, canonical_json

_DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
_SIGNS: Mapping[str, str] = {".": " Point ", "-": " Minus ", "+": " Plus ", "×": " Times ", "±": " Or "}
"""What becomes a word within numbers, so that 0.1 and 01 have other names."""
_CLASH_LETTERS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Macro:
    """One number and its name, without the backslash."""

    name: str
    record: MacroRecord
    table: str
    clashes: bool = False
    """Another number would have had its name."""

    def to_json(self) -> dict[str, JSON]:
        """Return what the file says of it."""
        return {"table": self.table, **self.record.model_dump(mode="json", exclude_none=True), "clashes": self.clashes}


def macros_of(tables: Sequence[Table]) -> list[Macro]:
    """Return the macros of all numbers that there are: cells without a number have none."""
    found = [each for table in tables for each in _of_table(table)]
    count = Counter(name for name, *_ in found)
    return [_macro(*each, clashes=count[each[0]] > 1) for each in found]


def macros_text(tables: Sequence[Table], macros: Sequence[Macro], source: Source) -> str:
    r"""Return a file of macros for `\input`, each below a comment that says what it was made from."""
    lines = ["% Written by sharptune; \\input it before \\begin{document}. `sharptune check-paper` reads the comments."]
    for table in tables:
        lines += ["", comment(_head(table, source))]
        for macro in macros:
            if macro.table == table.name:
                lines += [comment(macro.record), rf"\newcommand{{\{macro.name}}}{{{number(macro.record.cell.text)}}}"]
    return "\n".join(lines) + "\n"


def number(text: str) -> str:
    """Return LaTeX that prints a number in text and in formulae."""
    return escape(text).replace(r"$\pm$", r"\ensuremath{\pm}").replace("$-$", r"\ensuremath{-}")


def _head(table: Table, source: Source) -> TableRecord:
    return table_record(table, line_records(table), source)


def _of_table(table: Table) -> Iterator[tuple[str, str, LineRecord, str]]:
    for line, row in zip(line_records(table), table.rows, strict=True):
        said = [value if isinstance(row.keys[key], str) else f"{key} {value}" for key, value in line.keys.items()]
        for column, cell in line.cells.items():
            if cell.text != NOTHING:
                yield _name(table.name, line.block, *said, column), table.name, line, column


def _macro(name: str, table: str, line: LineRecord, column: str, *, clashes: bool) -> Macro:
    if clashes:
        name += _letters(canonical_json([table, line.block, line.keys, column, _copy_of(line)]))
    record = MacroRecord(
        macro=name, column=column, line=line.line, keys=line.keys, block=line.block, cell=line.cells[column]
    )
    return Macro(name=name, record=record, table=table, clashes=clashes)


def _copy_of(line: LineRecord) -> JSON:
    """Return what tells lines apart whose words are the same."""
    return line.line


def _name(table: str, *parts: str) -> str:
    """Return letters alone: the words of all parts, each but the first beginning with a capital."""
    first, *rest = [word for part in (table, *parts) for word in _words(part)] or ["number"]
    first = first[:1].lower() + first[1:]
    kept = "the" + first.capitalize() if first.lower().startswith("end") else first  # \end… is LaTeX's own
    return kept + "".join(word[:1].upper() + word[1:] for word in rest)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text)
    within = re.sub(r"(?<=\d)[.+×±-](?=\d)|(?<![^\s=:,(])[-+](?=\d)", lambda sign: _SIGNS[sign[0]], plain)
    spelled = re.sub(r"[0-9]", lambda digit: f" {_DIGITS[int(digit[0])]} ", within)
    return re.findall("[A-Za-z]+", spelled.encode("ascii", "ignore").decode())


def _letters(text: str) -> str:
    """Return letters that stand for a text."""
    value = int(sha256(text.encode()).hexdigest(), 16)
    return "X" + "".join(chr(ord("a") + value // 26**place % 26) for place in range(_CLASH_LETTERS))
