"""A table as words: headings, entries and footnotes, the same for every format that people read."""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from orchestrator.document.units import unit_scale
from orchestrator.paper.published import PAPER_RUNS, Published
from orchestrator.tables.cells import FEW, LEFT_OUT, MARKS, Cell, Column, plain_text
from orchestrator.tables.grouping import same_places, span
from orchestrator.tables.quantities import (
    Unit,
    by_spread,
    change_text,
    in_unit,
    named_unit,
    number_texts,
    printed_value,
    quantity_of,
    unit_for,
    with_halves,
)
from orchestrator.tables.table import Table, TableRow
from orchestrator.words import shown_line
from trainables.trial import JSON

NOTHING = "–"
PUBLISHED = "paper"
"""Heading of every column that quotes and does not measure."""
LONGEST_KEY = 60
"""Characters shown of a key; longer ones (a whole genotype) are cut."""
_LETTERS = "abcdefghijklmnop"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry: its text, and the letters of its footnotes."""

    text: str
    marks: str = ""
    bold: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """The head of one column of text."""

    title: str
    numeric: bool
    quoted: bool = False
    """The column holds published numbers."""
    column: str = ""
    """The name of the measured column whose numbers stand below; "" for all else."""
    short: str = ""
    """The title where there is little room; "" where it is short already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """What to write, before any format's own signs."""

    title: str
    headings: tuple[Heading, ...]
    lines: tuple[tuple[Entry, ...], ...]
    blocks: Mapping[int, str]
    """Headings between the lines: number of the line below -> words."""
    footnotes: tuple[tuple[str, str], ...]
    """(letter, words) of the marks used."""
    notes: tuple[str, ...]


def lay_out(table: Table) -> Layout:
    """Return a table's words."""
    units = {column.name: unit_of(table, column) for column in table.columns}
    letters = _letters(table)
    quoted = {column.name: _is_quoted(table, column) for column in table.columns}
    headings = tuple(_headings(table, units, quoted))
    lines = tuple(tuple(_line(table, row, units, quoted, letters)) for row in table.rows)
    alike = same_places(
        [[(entry.text, entry.marks) for entry in line] for line in lines] if table.hide_constant else ()
    )
    shown = [place for place in range(len(headings)) if place not in alike]
    return Layout(
        title=one_line(table.title),
        headings=tuple(headings[place] for place in shown),
        lines=tuple(tuple(line[place] for place in shown) for line in lines),
        blocks={index: one_line(row.block) for index, row in enumerate(table.rows) if row.block},
        footnotes=tuple((letter, MARKS[mark]) for mark, letter in letters.items()),
        notes=tuple(map(one_line, (*notes_of(table), *_said(headings, lines, alike)))),
    )


def _said(headings: Sequence[Heading], lines: Sequence[Sequence[Entry]], places: Collection[int]) -> list[str]:
    """Return what stands in columns that are left out, as one sentence."""
    words = [f"{headings[place].title}: {lines[0][place].text}" for place in sorted(places)]
    return [f"The same in all rows: {'; '.join(words)}."] if words else []


def one_line(words: str) -> str:
    """Return words as one line, in which what a terminal or a browser would act on is spelled out."""
    return shown_line(" ".join(words.split()))


def unit_of(table: Table, column: Column) -> Unit:
    """Return the unit that a whole column is shown in; the halves of whole numbers have their decimal in all of it."""
    cells = [row.cells[column.name] for row in table.rows]
    unit = _unit_of(table, column, [value for cell in cells if (value := column.value(cell)) is not None])
    if column.digits is not None:
        return replace(unit, digits=column.digits)
    whole = all(cell.whole for cell in cells)
    return with_halves(unit, (number for cell in cells for number in _numbers(column, cell))) if whole else unit


def _unit_of(table: Table, column: Column, values: Sequence[float]) -> Unit:
    """Return the unit that suits a column's values: that of the published numbers, where some stand beside it."""
    quantity = quantity_of(column.metric)
    if column.unit is not None:
        return named_unit(quantity, column.unit, unit_scale(column.metric, column.unit), values)
    asked = column.asked.partition(":")[0]
    if table.paper is not None and asked in table.paper.columns and (table.as_printed or _is_quoted(table, column)):
        for unit in quantity.units:
            if unit.symbol == table.paper.columns[asked].unit:
                return unit if table.as_printed else in_unit(unit, values)
    return unit_for(quantity, values)


def column_title(column: Column, unit: Unit) -> str:
    """Return a column's heading: `test error, best epoch (%)`, `search: GPU days`."""
    if column.title:
        return f"{settings_text(column.settings)}: " * bool(column.settings) + column.title + symbol_of(unit)
    stage = "" if column.own else f"{column.stage}: "
    side = f"{settings_text(column.settings)}: " if column.settings else ""
    best = ", best run" if column.best else ""
    return f"{side}{stage}{quantity_of(column.metric).title}{best}{symbol_of(unit)}"


def short_title(column: Column, unit: Unit) -> str:
    """Return a column's heading where there is little room: `test err. (%)`, `search: GPU d`."""
    side = f"{', '.join(map(key_text, column.settings.values()))}: " if column.settings else ""
    if column.short or column.title:
        return side + (column.short or column.title) + symbol_of(unit)
    stage = "" if column.own else f"{column.stage}: "
    quantity = quantity_of(column.metric)
    return f"{side}{stage}{quantity.short or quantity.title}{', best' if column.best else ''}{symbol_of(unit)}"


def symbol_of(unit: Unit) -> str:
    """Return what follows a title: ` (%)`; nothing for a plain number."""
    return f" ({unit.symbol})" if unit.symbol else ""


def unit_of_cell(table: Table, row: TableRow, column: Column, unit: Unit) -> Unit:
    """Return the column's unit, with the digits that the published number beside the cell or its ± gives, if asked."""
    if column.digits is not None:
        return unit
    number = quoted_number(table, row, column) if table.as_printed else None
    if number is not None and number.median is not None:
        return replace(unit, digits=number.decimals(unit.scale))
    numbers = _numbers(column, row.cells[column.name])
    return by_spread(unit, numbers[1]) if table.by_spread and len(numbers) > 1 else unit


def cell_text(column: Column, cell: Cell, unit: Unit) -> str:
    """Return the number of a cell: `5.44±0.12`; no ± for one run, for a best run, or for a size all runs share."""
    return "±".join(number_texts(_numbers(column, cell), unit)) or NOTHING


def cell_change(table: Table, row: TableRow, column: Column, unit: Unit) -> str:
    """Return how far what is printed in a cell is from what is printed in the baseline's: `−13.4%`; "" without one."""
    if row.baseline is None or not table.shows_change(column):
        return ""
    value, against = (_printed(table, line, column, unit) for line in (row, table.rows[row.baseline]))
    return change_text(value, against) if value is not None and against else ""


def _printed(table: Table, row: TableRow, column: Column, unit: Unit) -> Decimal | None:
    """Return the number that is printed in a cell, less its ±; None where there is none."""
    numbers = _numbers(column, row.cells[column.name])
    return printed_value(numbers, unit_of_cell(table, row, column, unit)) if numbers else None


def _numbers(column: Column, cell: Cell) -> tuple[float, ...]:
    """Return what a cell shows: nothing, one number, or a median and its ±."""
    value, half_range = column.value(cell), cell.half_range
    if value is None or half_range is None:
        return ()
    exact = quantity_of(column.metric).kind == "size" and cell.low == cell.high
    return (value,) if cell.n == 1 or column.best or exact else (value, half_range)


def count_text(cell: Cell) -> str:
    """Return `n=3`, or `n=2/3` when runs are not in."""
    return f"n={cell.n}" if cell.n == cell.expected else f"n={cell.n}/{cell.expected}"


def runs_text(cell: Cell, *, each: bool = False) -> str:
    """Return how many runs a cell is of: `n=3`, `n=2/3 (1 failed)`, `n=6: 2 searches × 3`."""
    left_out = [f"{count} {state}" for state in LEFT_OUT if (count := cell.states.get(state))]
    why = f" ({', '.join(left_out)})" if left_out else ""
    return f"{count_text(cell)}{' each' if each else ''}{why}" + (f": {cell.pooling}" if cell.pooling else "")


def whole_text(column: Column, row: TableRow, unit: Unit) -> str:
    """Return a cell that says everything about itself: `5.44±0.12 (n=3)`."""
    cell = row.cells[column.name]
    return f"{cell_text(column, cell, unit)} ({'computed, ' if cell.computed else ''}{runs_text(cell)})"


def key_text(value: JSON) -> str:
    """Return a key of a row as one short line of printable characters."""
    text = whole_key_text(value)
    return text if len(text) <= LONGEST_KEY else f"{text[: LONGEST_KEY - 1]}…"


def whole_key_text(value: JSON) -> str:
    """Return the same, however long it is."""
    text = plain_text(value)
    return " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in text).split())


def notes_of(table: Table) -> list[str]:
    """Return what a reader must know of the whole table, one sentence each."""
    notes = [table.note] if table.note else []
    cells = [row.cells[column.name] for row in table.rows for column in table.columns if not column.best]
    if any(cell.n > 1 for cell in cells):
        over = "n" if table.runs else span(sorted({cell.n for cell in cells if cell.n}))
        notes.append(f"Numbers are median ± (max − min)/2 over {over} runs.")
    if any(cell.computed and cell.low != cell.high for cell in cells):
        notes.append("Computed numbers are median ± (max − min)/2 over the architectures of a row.")
    if table.pool:
        notes.append(f"Numbers pool over {' and '.join(table.pool)}.")
    if any(FEW in row.runs.marks and row.runs.n >= PAPER_RUNS for row in table.rows):
        notes.append("Runs that share a draw, as the trainings of one search do, count once as runs: they are too few.")
    if _has_shared(table):
        notes.append("Numbers of a search are of that search alone, not of the n runs of a row.")
    if any("missing" in row.runs.marks for row in table.rows):
        notes.append(f"{MARKS['missing']}.")
    if any(table.shows_change(column) for column in table.columns):
        notes.append(f"Δ is the relative change against {settings_text(table.baseline)}.")
    if table.paper is not None and any(row.paper for row in table.rows):
        notes.append(
            f"Columns headed “{PUBLISHED}” are quoted, not measured: {table.paper.title}; {table.paper.setting}."
        )
    elif table.paper is not None:
        notes.append(f"No row of {table.paper.title} has the settings of a row here.")
    for row in table.rows:
        for one in row.runs.evidence if row.runs.states.get("untrusted") else ():
            if one.state == "untrusted":
                notes.append(f"Left out: {one.trial_id} ({one.label}): {one.reason}.")
    waiting = (cell for row in table.rows for cell in row.cells.values() if cell.undecided)
    shown = (one for cell in waiting for one in cell.evidence)
    notes += [f"{each}." for each in dict.fromkeys(one.reason for one in shown if one.undecided)]
    return [*notes, *(each if each.endswith(".") else f"{each}." for each in table.said)]


def marks_of(table: Table) -> dict[str, str]:
    """Return the marks that occur in a table, with what they mean, in the order of the footnotes."""
    used = {mark for row in table.rows for cell in (row.runs, *row.cells.values()) for mark in cell.marks}
    return {mark: words for mark, words in MARKS.items() if mark in used}


def quoted_number(table: Table, row: TableRow, column: Column) -> Published | None:
    """Return what the paper prints beside a cell; None where it is silent."""
    if table.paper is None or column.name not in row.paper:
        return None
    return table.paper.number(row.paper[column.name], column.asked)


def settings_text(settings: Mapping[str, JSON]) -> str:
    return ", ".join(f"{key}={key_text(value)}" for key, value in settings.items())


def _is_shared(table: Table, cell: Cell) -> bool:
    """Say whether a table that prints as the paper does leaves the count of a number to a note: nothing is missing."""
    return table.as_printed and cell.n == cell.expected


def _has_shared(table: Table) -> bool:
    return any(
        0 < cell.n != row.runs.n and _is_shared(table, cell) for row in table.rows for cell in row.cells.values()
    )


def _letters(table: Table) -> dict[str, str]:
    """Return the footnote letter of each mark that occurs; `missing` needs none, since n=2/3 says it."""
    lettered = [mark for mark in marks_of(table) if mark != "missing"]
    return dict(zip(lettered, _LETTERS, strict=False))


def _is_quoted(table: Table, column: Column) -> bool:
    """Say whether a column has published numbers beside it."""
    return any(column.name in row.paper for row in table.rows)


def _headings(table: Table, units: Mapping[str, Unit], quoted: Mapping[str, bool]):
    for key in table.keys:
        yield Heading(title=one_line(key), numeric=False)
    for column in table.columns:
        unit = units[column.name]
        title, short = one_line(column_title(column, unit)), one_line(short_title(column, unit))
        yield Heading(title=title, short=short, numeric=True, column=column.name)
        if table.shows_change(column):
            yield Heading(title="Δ", numeric=True)
        if quoted[column.name]:
            yield Heading(title=PUBLISHED, numeric=True, quoted=True)
    if table.runs:
        yield Heading(title="runs", numeric=False)


def _line(
    table: Table, row: TableRow, units: Mapping[str, Unit], quoted: Mapping[str, bool], letters: Mapping[str, str]
):
    for key in table.keys:
        yield Entry(text=key_text(row.keys[key]), bold=row.bold)
    for column in table.columns:
        cell, unit = row.cells[column.name], units[column.name]
        text = cell_text(column, cell, unit_of_cell(table, row, column, unit))
        same_runs = table.runs and (cell.n, cell.expected) == (row.runs.n, row.runs.expected)
        if not row.runs.expected:
            text = ""
        elif _says_count(table, row, cell):
            text = f"{text} ({count_text(cell)})"
        said = row.runs.marks if column.own and same_runs else ()
        bold = row.bold or column.name in row.best
        yield Entry(text=text, marks=_marked(cell.marks, letters, said), bold=bold)
        if table.shows_change(column):
            yield Entry(text=cell_change(table, row, column, unit))
        if quoted[column.name]:
            number = quoted_number(table, row, column)
            yield Entry(text="" if number is None else number.text(unit.scale))
    if table.runs:
        runs = runs_text(row.runs, each=row.each) if row.runs.expected else ""
        yield Entry(text=runs, marks=_marked(row.runs.marks, letters))


def _says_count(table: Table, row: TableRow, cell: Cell) -> bool:
    """Say whether a number stands with its own count: where its line's does not hold for it, or is not there."""
    if not table.runs:
        return cell.n != cell.expected
    same = (cell.n, cell.expected) == (row.runs.n, row.runs.expected)
    return cell.n > 0 and not same and not _is_shared(table, cell)


def _marked(marks: Sequence[str], letters: Mapping[str, str], said: Sequence[str] = ()) -> str:
    """Return the letters of the marks that the line's own count does not carry already."""
    return "".join(letters[mark] for mark in marks if mark in letters and mark not in said)
