"""Which line and which column of a table a person means: by label, as it is printed, or by number."""

from collections.abc import Callable, Sequence

from orchestrator.errors import TableError
from orchestrator.tables.cells import Column
from orchestrator.tables.layout import column_title, key_text, unit_of
from orchestrator.tables.table import Table, TableRow
from trainables.errors import unknown_name


def row_label(row: TableRow) -> str:
    """Return what a line is called: `scalar 1`; its block does not belong to it."""
    return " ".join(filter(None, map(key_text, row.keys.values())))


def pick_row(table: Table, words: str) -> int:
    """Return a line's place from 0: by its whole label, its number from 1, or a part of its label that no other has.

    Raises: TableError where several are meant; UnknownName.
    """
    labels = [row_label(row) for row in table.rows]
    whole = [{label, _settings(row), f"{row.block} {label}"} for label, row in zip(labels, table.rows, strict=True)]
    parts = [{*map(key_text, row.keys.values()), *_settings(row).split(" ")} for row in table.rows]
    number = _number(words, len(labels))
    found = _places(whole, words)
    if not found and number is not None:
        return number
    found = found or _places(parts, words)
    if len(found) > 1:
        several = ", ".join(f"{index + 1} ({_settings(table.rows[index])})" for index in found)
        raise TableError(f"table {table.name!r} has {len(found)} rows {words!r}; name one by its number: {several}")
    if not found:
        _refuse_number(table, words, f"{len(labels)} rows")
        raise unknown_name("row", words, labels)
    return found[0]


def pick_column(table: Table, words: str) -> Column:
    """Return a column: by its name in JSON, its heading, its metric, or its number from 1. Raises: as `pick_row`."""
    ways: Sequence[Callable[[Column], set[str]]] = (
        lambda column: {column.name},
        lambda column: {column_title(column, unit_of(table, column)), column.title},
        lambda column: {column.metric},
    )
    for names in ways:
        found = [column for column in table.columns if words in names(column)]
        if len(found) == 1:
            return found[0]
        if found:
            several = ", ".join(repr(column.name) for column in found)
            raise TableError(f"table {table.name!r} has {len(found)} columns {words!r}; name one of {several}")
    number = _number(words, len(table.columns))
    if number is None:
        _refuse_number(table, words, f"{len(table.columns)} columns of numbers")
        raise unknown_name("column", words, [column.name for column in table.columns])
    return table.columns[number]


def _settings(row: TableRow) -> str:
    return " ".join(f"{key}={key_text(value)}" for key, value in row.keys.items())


def _number(words: str, count: int) -> int | None:
    """Return a place from 0 that is given from 1; None for what is no number up to so many."""
    plain = words.isascii() and words.isdigit() and len(words) < 10
    return int(words) - 1 if plain and 1 <= int(words) <= count else None


def _refuse_number(table: Table, words: str, there: str) -> None:
    """Raises: TableError for a number, which is then one that there is not."""
    if words.isdecimal():
        raise TableError(f"table {table.name!r} has {there}, and they are counted from 1; got {words}")


def _places(names: Sequence[set[str]], words: str) -> list[int]:
    return [index for index, those in enumerate(names) if words in those]
