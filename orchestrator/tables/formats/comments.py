"""The comments by which LaTeX files tell what their numbers were made from.

Each is a line `% sharptune: {…}`: one JSON object in ASCII, which no text in it can leave. A table file begins with the
record of its table (experiment, storage, digest) and has one before each line of the table; a file of macros has one
before each macro. `check-paper` reads them again.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from orchestrator.tables.cells import Column
from orchestrator.tables.layout import Unit, cell_change, cell_text, key_text, unit_of, unit_of_cell
from orchestrator.tables.table import Table, TableRow
from trainables.trial import canonical_json

CHANGE = " change"
"""What follows a column's name where its change against the baseline is meant."""
_COMMENT = re.compile(r"\s*% sharptune: (.*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where tables come from: what `sharptune table` was asked."""

    experiment: str
    storage: str
    overrides: tuple[str, ...] = ()
    version: int | None = None
    """Of the trainables, where another than today's was asked for."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CellRecord(_Record):
    """One number as it was printed, and its runs."""

    text: str
    n: int
    expected: int
    trials: tuple[str, ...] = ()
    """Ids of the runs whose values are in it."""
    computed: bool | None = None
    """True for a number that settings alone determine: no run stands behind it."""


class LineRecord(_Record):
    """The line of the table that follows."""

    line: int
    """From 0."""
    keys: dict[str, str]
    block: str = ""
    cells: dict[str, CellRecord]
    """By column, and by column and CHANGE; without those that have no trials in the plan."""


class TableRecord(_Record):
    """What the lines or macros that follow come from."""

    table: str
    experiment: str
    storage: str
    set: tuple[str, ...] = ()
    version: int | None = None
    digest: str
    """Of every line's record."""


class MacroRecord(_Record):
    """The macro that follows: one number of a line."""

    macro: str
    column: str
    line: int
    keys: dict[str, str]
    block: str = ""
    cell: CellRecord


class EndRecord(_Record):
    """The last line of a table."""

    end: str


Record = TableRecord | LineRecord | MacroRecord | EndRecord
RECORDS: Mapping[str, type[Record]] = {
    "experiment": TableRecord,
    "cells": LineRecord,
    "cell": MacroRecord,
    "end": EndRecord,
}
"""By the key that only such a record has."""


class NoRecordError(ValueError):
    """A comment of ours that is not as we write them."""


def comment(record: Record) -> str:
    """Return the line that holds a record."""
    return f"% sharptune: {json.dumps(record.model_dump(exclude_defaults=True), allow_nan=False)}"


def read_comment(line: str) -> Record | None:
    """Return the record in a line of LaTeX; None where there is none. Raises: NoRecordError."""
    found = _COMMENT.fullmatch(line)
    if found is None:
        return None
    try:
        value = json.loads(found[1])
        kind = next(kind for key, kind in RECORDS.items() if key in value)
        return kind.model_validate_json(found[1])
    except (ValueError, TypeError, StopIteration, RecursionError) as error:
        raise NoRecordError("a comment of sharptune that was changed, or that another version wrote") from error


def is_comment(line: str) -> bool:
    """Say whether a line of LaTeX is a comment of ours."""
    return _COMMENT.fullmatch(line) is not None


def line_records(table: Table) -> list[LineRecord]:
    """Return what each line of a table says, and from which runs."""
    units = {column.name: unit_of(table, column) for column in table.columns}
    return [
        LineRecord(
            line=index,
            keys={key: key_text(value) for key, value in row.keys.items()},
            block=row.block,
            cells=dict(
                record
                for column in table.columns
                if row.cells[column.name].expected
                for record in _cell_records(table, row, column, units[column.name])
            ),
        )
        for index, row in enumerate(table.rows)
    ]


def _cell_records(table: Table, row: TableRow, column: Column, unit: Unit) -> Iterator[tuple[str, CellRecord]]:
    cell = row.cells[column.name]
    text = cell_text(column, cell, unit_of_cell(table, row, column, unit))
    computed = bool(cell.computed) or None
    yield column.name, CellRecord(text=text, n=cell.n, expected=cell.expected, trials=cell.trials, computed=computed)
    if (change := cell_change(table, row, column, unit)) and row.baseline is not None:
        against = table.rows[row.baseline].cells[column.name]
        record = CellRecord(
            text=change,
            n=cell.n + against.n,
            expected=cell.expected + against.expected,
            trials=(*cell.trials, *against.trials),
            computed=None if cell.n + against.n else True,
        )
        yield f"{column.name}{CHANGE}", record


def table_record(table: Table, lines: Sequence[LineRecord], source: Source) -> TableRecord:
    """Return the record that a file of a table's numbers begins with."""
    return TableRecord(
        table=table.name,
        experiment=source.experiment,
        storage=source.storage,
        set=source.overrides,
        version=source.version,
        digest=digest(lines),
    )


def digest(lines: Sequence[LineRecord]) -> str:
    """Return 16 hexadecimal digits that stand for all that a table shows, and for the runs behind it."""
    shown = canonical_json([line.model_dump(mode="json", exclude_none=True) for line in lines])
    return hashlib.sha256(shown.encode()).hexdigest()[:16]
