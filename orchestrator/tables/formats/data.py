"""Tables for programs: CSV and JSON, in the units of the rows, with nothing rounded."""

import csv
import io
import json
import re

from orchestrator.tables.cells import Cell, Column, plain_text
from orchestrator.tables.layout import (
    cell_change,
    column_title,
    marks_of,
    notes_of,
    quoted_number,
    runs_text,
    unit_of,
    unit_of_cell,
    whole_text,
)
from orchestrator.tables.quantities import Unit
from orchestrator.tables.table import Table, TableRow
from orchestrator.words import shown
from trainables.trial import JSON

_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
"""How a text begins that a spreadsheet takes for a formula."""
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
CSV_FIELDS = ("median", "low", "high", "half_range", "n", "expected", "marks", "trials")


def json_value(table: Table) -> dict[str, JSON]:
    """Return a table as JSON values; every cell names its trials and their numbers."""
    units = {column.name: unit_of(table, column) for column in table.columns}
    return {
        "name": table.name,
        "title": table.title,
        "stage": table.stage,
        "statistic": table.statistic,
        "baseline": dict(table.baseline),
        "keys": list(table.keys),
        "columns": [column.name for column in table.columns],
        "titles": {column.name: column_title(column, units[column.name]) for column in table.columns},
        "rows": [_row(table, row, units) for row in table.rows],
        "marks": marks_of(table),
        "notes": notes_of(table),
        **({"comparison": dict(table.comparison)} if table.comparison else {}),
    }


def json_text(table: Table) -> str:
    return json.dumps(json_value(table), indent=1, allow_nan=False) + "\n"


def csv_text(table: Table) -> str:
    """Return a table as CSV: the keys, then each column's numbers, marks and trials, and what the paper prints.

    A text that a spreadsheet would take for a formula begins with an apostrophe, which makes it a text there.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = [*table.keys, *(name for column in table.columns for name in _csv_names(table, column))]
    writer.writerow(map(_as_text, names))
    for row in table.rows:
        fields = [field for column in table.columns for field in _csv_fields(table, row, column)]
        writer.writerow([*(_as_text(plain_text(row.keys[key])) for key in table.keys), *fields])
    return buffer.getvalue()


def _as_text(words: str) -> str:
    """Return a text that is one wherever the file is opened: no formula, and nothing that a terminal acts on."""
    words = shown(words)
    return f"'{words}" if _FORMULA.match(words) and not _NUMBER.fullmatch(words) else words


def _row(table: Table, row: TableRow, units: dict[str, Unit]) -> dict[str, JSON]:
    cells = {column.name: _cell(table, row, column, units[column.name]) for column in table.columns}
    data: dict[str, JSON] = {
        "keys": dict(row.keys),
        **({"block": row.block} if row.block else {}),
        **({"best": sorted(row.best)} if row.best else {}),
        "cells": cells,
        "n": row.runs.n,
        "expected": row.runs.expected,
        "independent": row.runs.independent,
        "runs": runs_text(row.runs, each=row.each),
    }
    if table.paper is not None:
        data["paper"] = _quoted(table, row)
    return data


def _cell(table: Table, row: TableRow, column: Column, unit: Unit) -> dict[str, JSON]:
    cell = row.cells[column.name]
    data: dict[str, JSON] = {
        **{
            name: getattr(cell, name)
            for name in ("median", "low", "high", "half_range", "n", "expected", "independent")
        },
        "trials": list(cell.trials),
        "values": {one.trial_id: one.value for one in cell.evidence if one.state == "done"},
        **{state: list(cell.in_state(state)) for state in ("failed", "missing", "untrusted", "unmeasured")},
        "text": whole_text(column, row, unit_of_cell(table, row, column, unit)),
        "marks": list(cell.marks),
    }
    if alike := cell.in_state("alike"):
        data["alike"] = list(alike)
    if cell.computed:
        data["computed"] = dict(cell.computed)
    if cell.change is not None:
        data["change"] = cell.change
        data["change_text"] = cell_change(table, row, column, unit)
    return data


def _quoted(table: Table, row: TableRow) -> dict[str, JSON]:
    """Return what the paper prints beside a row's cells, by column."""
    found = {}
    for column in table.columns:
        if (number := quoted_number(table, row, column)) is not None:
            source = f"{table.paper.title.partition(':')[0]}, {row.paper[column.name].name}" if table.paper else ""
            found[column.name] = {"printed": number.printed, "value": number.value, "source": source}
    return found


def _csv_names(table: Table, column: Column) -> list[str]:
    more = [*(["change"] if table.shows_change(column) else []), *(["paper"] if table.paper else [])]
    return [f"{column.name}.{name}" for name in (*CSV_FIELDS, *more)]


def _csv_fields(table: Table, row: TableRow, column: Column) -> list[JSON]:
    cell: Cell = row.cells[column.name]
    fields: list[JSON] = [getattr(cell, name) for name in CSV_FIELDS[:6]]
    fields += [" ".join(cell.marks), " ".join(cell.trials)]
    if table.shows_change(column):
        fields.append(cell.change)
    if table.paper is not None:
        number = quoted_number(table, row, column)
        fields.append(number.printed if number else None)
    return fields
