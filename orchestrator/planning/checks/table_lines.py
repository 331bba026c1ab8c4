"""Checks a table whose rows are written out one by one: each line is a table of one row, checked as such."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TypeAlias

from orchestrator.document.spec import Line, TableSpec
from orchestrator.document.yaml_document import Path
from orchestrator.paper.published import PublishedTable, load_published, shown_details
from orchestrator.planning.checks.comparisons import check_arms, check_labels, check_metric
from orchestrator.planning.grids.grid import StageGrid, keys_of
from orchestrator.planning.grids.keys import find_name
from orchestrator.planning.grids.stage_order import Report
from trainables.catalog import TIMING
from trainables.errors import UnknownName, unknown_name

Check: TypeAlias = Callable[[TableSpec, Path], TableSpec | None]
"""Checks a table of one stage; None when its stage could not be read."""


def check_lines(
    table: TableSpec, path: Path, grids: Mapping[str, Sequence[StageGrid]], check: Check, report: Report
) -> TableSpec | None:
    """Return the table with its lines' filters as the plan shows them; report what is wrong.

    Args:
        grids: stage -> its grid and its ancestors', nearest first.
        check: for each line as a table by itself.
    """
    published = check_paper(table, path, report)
    _check_whole(table, path, report)
    _check_labels(table, path, published, report)
    _check_details(table, path, published, report)
    check_labels(table, path, report)
    check_metric(table, path, (), report)
    check_arms(sum(bool(line.stage or table.stage) for line in table.lines), table, path, report)
    known = dict.fromkeys((column.metric for column in table.columns), False)
    lines: list[Line] = []
    for index, line in enumerate(table.lines):
        place = (*path, "lines", index)
        _check_quote(line, published, place, report)
        stage = line.stage or table.stage
        if not stage:
            if line.filter:
                report((*place, "filter"), "a line without a stage has no trials to choose from")
            if line.paper is None:
                report(place, "needs a stage, or the name of a published row")
            lines.append(line)
            continue
        columns = [column for column in table.columns if find_name(column.metric, metrics_of(grids.get(stage, ())))]
        known |= {column.metric: True for column in columns}
        part = check(table.of_line(line, columns or table.columns), place)
        if part is None:
            return None
        lines.append(line.model_copy(update={"filter": part.filter}))
    for index, column in enumerate(column.metric for column in table.columns):
        only_quoted = published is not None and column in published.columns
        if not known[column] and not only_quoted and any(known.values()):
            names = [name for line in grids.values() for measured in metrics_of(line).values() for name in measured]
            report((*path, "columns", index), str(unknown_name("column", column, set(names))))
    return table.model_copy(update={"lines": lines, "filter": {}})


def metrics_of(line: Iterable[StageGrid]) -> dict[str, tuple[str, ...]]:
    """Return what a table can show of the rows of each of these stages, in their order."""
    return {grid.name: (*grid.entry.metrics, *TIMING) for grid in line}


def _check_whole(table: TableSpec, path: Path, report: Report) -> None:
    if table.rows:
        report((*path, "rows"), "a table has either rows or lines")
    if not any(line.stage or table.stage for line in table.lines):
        report((*path, "lines"), "none of them names a stage, so the table would only quote")


def _check_labels(table: TableSpec, path: Path, published: PublishedTable | None, report: Report) -> None:
    """Report lines of one block that look alike, and a baseline that is not one line."""
    labels = [line.label for line in table.lines]
    blocks = accumulate((line.block for line in table.lines), lambda above, own: own or above)
    looks = [
        (block, line.label, *map(str, shown_details(table, line, published).values()))
        for block, line in zip(blocks, table.lines, strict=True)
    ]
    for index, look in enumerate(looks):
        if look in looks[:index]:
            report((*path, "lines", index, "label"), f"the label {labels[index]!r} stands twice")
    for key, value in (table.baseline or {}).items():
        if key != table.heading:
            report((*path, "baseline", key), f"must be {table.heading!r}, over the labels of the lines")
        elif value not in labels:
            report((*path, "baseline", key), str(unknown_name("label", value, labels)))
        elif labels.count(str(value)) > 1:
            report((*path, "baseline", key), f"several lines have the label {value!r}")


def _check_details(table: TableSpec, path: Path, published: PublishedTable | None, report: Report) -> None:
    printed = [key for row in published.rows for key in row.details] if published else []
    known = dict.fromkeys([*printed, *(key for line in table.lines for key in line.details)])
    for title, key in table.details.items():
        if key not in known:
            report((*path, "details", title), str(unknown_name("detail", key, known)))
        if title == table.heading:
            report((*path, "details", title), "is the heading of the labels already")
    for index, line in enumerate(table.lines):
        for key in line.details:
            if key not in table.details.values():
                report((*path, "lines", index, "details", key), "no column shows this; name it in the table's details")


def check_paper(table: TableSpec, path: Path, report: Report) -> PublishedTable | None:
    """Return the published table that a table names; None when it names none, or, with a report, an unknown one."""
    if table.paper is None:
        return None
    try:
        return load_published().table(table.paper)
    except UnknownName as error:
        report((*path, "paper"), str(error))
        return None


def check_published(table: TableSpec, path: Path, lineages: Sequence[Sequence[StageGrid]], report: Report) -> None:
    """Report published rows that cannot stand in a table as lines of their own, or say nothing there."""
    place = (*path, "published")
    if not table.published or not lineages:
        return
    if table.paper is None:
        report(place, "needs the published table: give the table the key paper")
        return
    published = check_paper(table, path, lambda *_: None)  # a wrong name is reported once
    if published is None:
        return
    if not table.rows and not table.lines:
        report(place, "needs rows, whose first column says which published row a line is")
    sides = [c.metric for c in table.columns for grids in lineages if _is_side(c.metric, grids)]
    if not table.lines and sides:
        report(place, f"a published number belongs to no value of {sides[0]}, which the columns set side by side")
    telling = {row.name: any(published.number(row, column.name) for column in table.columns) for row in published.rows}
    if not any(telling.values()):
        known = ", ".join(published.columns)
        report(place, f"{published.title.partition(':')[0]} has none of the table's columns; it has {known}")
    elif table.published is not True:
        _check_named(table, telling, place, report)


def _is_side(column: str, grids: Sequence[StageGrid]) -> bool:
    return not find_name(column, metrics_of(grids)) and bool(find_name(column, keys_of(grids)))


def _check_named(table: TableSpec, telling: Mapping[str, bool], place: Path, report: Report) -> None:
    """Report names of published rows that are none, stand twice, or have no number under the table's columns."""
    names = [*table.published] if isinstance(table.published, list) else []
    quoted = [line.paper for line in table.lines]
    for index, name in enumerate(names):
        if name not in telling:
            report((*place, index), str(unknown_name("published row", name, telling)))
        elif name in names[:index]:
            report((*place, index), "stands twice")
        elif name in quoted:
            report((*place, index), f"stands beside line {quoted.index(name) + 1} already")
        elif not telling[name]:
            report((*place, index), f"the paper prints nothing of {name!r} under the table's columns")


def _check_quote(line: Line, published: PublishedTable | None, place: Path, report: Report) -> None:
    if line.paper is None:
        return
    if published is None:
        report((*place, "paper"), "needs the published table: give the whole table the key paper")
        return
    try:
        published.row(line.paper)
    except UnknownName as error:
        report((*place, "paper"), str(error))
