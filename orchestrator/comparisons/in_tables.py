"""A table with what comparisons say of it: sentences below it, and the bold that they do not deny.

A class is the lines below one heading of a table; a table without headings is one class. Its best line is that of the
lowest error, regret, or highest accuracy, and is bold only where it was shown to be better than every other line of its
class.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from math import comb

from orchestrator.comparisons.arms import Arm, arms_of
from orchestrator.comparisons.comparison import MOST_COMPARISONS, Comparison, all_pairs, columns_of, compare
from orchestrator.comparisons.words import as_json, conclusions, metric_title
from orchestrator.errors import TableError
from orchestrator.planning.plan import Plan
from orchestrator.tables.cells import Column
from orchestrator.tables.quantities import quantity_of
from orchestrator.tables.table import Table, TableRow


def with_comparison(plan: Plan, table: Table) -> Table:
    """Return a table with the comparison that its author asked for, and with bold as `TableSpec.bold` has it."""
    return _with_bold(plan, _with_sentences(plan, table))


def _with_sentences(plan: Plan, table: Table) -> Table:
    if table.compare is None:
        return table
    try:
        found = compare(plan, table)
    except TableError as error:  # what only the rows there are can tell
        return replace(table, said=(str(error),))
    return replace(table, comparison=as_json(found), said=(f"Compared: {metric_title(found)}", *conclusions(found)))


def _with_bold(plan: Plan, table: Table) -> Table:
    """Return a table whose bold lines, or bold numbers, are what the author asked for as far as it is confirmed."""
    if table.bold is None and (table.compare is None or not any(row.bold for row in table.rows)):
        return table
    if table.bold is None:
        columns = columns_of(table, table.compare and table.compare.metric)
        best = {place for column in columns for place in _confirmed(plan, table, column)}
        rows = [replace(row, bold=row.bold and place in best) for place, row in enumerate(table.rows)]
        denied = [row for row, now in zip(table.rows, rows, strict=True) if row.bold and not now.bold]
        said = [f"{_name(row)} is not bold: it is not shown to be better than all others" for row in denied]
        return replace(table, rows=tuple(rows), said=(*table.said, *said))
    bold: list[set[str]] = [set() for _ in table.rows]
    for column in table.columns if table.bold else ():
        for place in _confirmed(plan, table, column):
            bold[place].add(column.name)
    rows = [replace(row, bold=False, best=frozenset(names)) for row, names in zip(table.rows, bold, strict=True)]
    words = (f"Bold: {_best_of(table, bold)} than all others (permutation tests, Holm, 5 %)",) if any(bold) else ()
    return replace(table, rows=tuple(rows), said=(*table.said, *words))


def _best_of(table: Table, bold: Sequence[Collection[str]]) -> str:
    """Return what is bold, in words: `the lowest error, where it was shown to be lower`."""
    columns = [column for column in table.columns if any(column.name in names for names in bold)]
    kinds = dict.fromkeys(quantity_of(column.metric).kind for column in columns)
    if len(kinds) > 1:
        return "the best of its column, where it was shown to be better"
    (kind,) = kinds
    if kind == "accuracy":
        return "the highest accuracy, where it was shown to be higher"
    return f"the lowest {kind}, where it was shown to be lower"


def _confirmed(plan: Plan, table: Table, column: Column) -> Iterator[int]:
    """Yield the places of lines that are the best of their class in a column, as all comparisons of the class show."""
    quantity = quantity_of(column.metric)
    if not quantity.judges or column.best:
        return
    sign = -1 if quantity.rising else 1
    arms = arms_of(plan, table, column)
    for places in _classes(table.rows):
        if any(not table.rows[place].runs.expected and column.name in table.rows[place].paper for place in places):
            continue  # a published number without its runs: nothing can be shown of it
        there = [(place, arm) for place in places if (arm := arms[place]) is not None]
        if comb(len(there), 2) > MOST_COMPARISONS:
            continue
        found = all_pairs([arm for _, arm in there])
        values = {place: column.value(table.rows[place].cells[column.name]) for place, _ in there}
        known = {place: sign * value for place, value in values.items() if value is not None}
        if len(there) < 2 or len(known) < len(there):
            continue
        best = min(known, key=known.__getitem__)
        arm = dict(there)[best]
        held = [one for one in found if arm in (one.first, one.second)]
        if len(held) == len(there) - 1 and all(one.decided and sign * _ahead(one, arm) < 0 for one in held):
            yield best


def _ahead(one: Comparison, arm: Arm) -> float:
    """Return how much more one of two compared arms has than the other, on average."""
    return arm.mean - (one.second if arm is one.first else one.first).mean


def _classes(rows: Sequence[TableRow]) -> list[list[int]]:
    """Return the places of the lines below each heading."""
    classes: list[list[int]] = []
    for place, row in enumerate(rows):
        if row.block or not classes:
            classes.append([])
        classes[-1].append(place)
    return classes


def _name(row: TableRow) -> str:
    return next((str(value) for value in row.keys.values()), "A line")
