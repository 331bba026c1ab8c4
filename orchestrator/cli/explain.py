"""The way back from a number to its runs: all numbers of a table in short, or all there is to know of one."""

import json
from collections.abc import Mapping

from orchestrator.ledger import Ledger
from orchestrator.tables.cells import COMPUTED, MARKS, Cell, Column
from orchestrator.tables.evidence import Evidence
from orchestrator.tables.layout import cell_change, column_title, quoted_number, runs_text, unit_of, unit_of_cell
from orchestrator.tables.layout import cell_text as printed_number
from orchestrator.tables.pick import row_label
from orchestrator.tables.table import Table, TableRow, explain
from orchestrator.words import shown_line, unrounded
from trainables.trial import JSON

INDENT = "  "
_SAID = ("missing", COMPUTED)
"""Marks that the sentence on how a number came says already."""


def explanation(table: Table, ledger: Ledger) -> str:
    """Return, for each number of a table, its runs: id, value, label, commit, hardware, share of it and folder."""
    blocks = [table.title]
    for index, row in enumerate(table.rows):
        keys = " ".join(
            f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in row.keys.items()
        )
        for column in table.columns:
            evidence = explain(table, index, column.name)
            if evidence:
                lines = [f"{keys}  {column.name}  {_number(column, row.cells[column.name])}".strip()]
                blocks.append("\n".join(lines + [_origin(one, ledger) for one in evidence]))
    return "\n\n".join(blocks)


def cell_json(table: Table, row: int, column: Column, ledger: Ledger) -> dict[str, JSON]:
    """Return all there is to know of one number: as it is printed, how it came, its marks and its runs."""
    line = table.rows[row]
    cell = line.cells[column.name]
    unit = unit_of(table, column)
    return {
        "table": table.name,
        "row": dict(line.keys),
        "column": column.name,
        "title": column_title(column, unit),
        "text": printed_number(column, cell, unit_of_cell(table, line, column, unit)),
        "value": column.value(cell),
        **{name: getattr(cell, name) for name in ("median", "low", "high", "half_range", "n", "expected")},
        "change": cell.change,
        "change_text": cell_change(table, line, column, unit),
        "how": _how(column, cell) if cell.expected else _quoted(table, line, column),
        **({"computed": dict(cell.computed)} if cell.computed else {}),
        "runs_text": runs_text(cell),
        "marks": {mark: MARKS[mark] for mark in cell.marks},
        "runs": [_run(one, ledger) for one in cell.evidence],
    }


def cell_text(table: Table, row: int, column: Column, ledger: Ledger) -> str:
    """Return the same in words."""
    found = cell_json(table, row, column, ledger)
    label = row_label(table.rows[row]) or f"row {row + 1}"
    change = f", {found['change_text']} against the baseline" if found["change_text"] else ""
    lines = [f"{table.name}: {label}, {found['title']}: {found['text']}{change}", found["how"]]
    lines += [f"{mark}: {words}" for mark, words in found["marks"].items() if mark not in _SAID]
    for run in found["runs"]:
        said = unrounded(run["value"]) if run["value"] is not None else f"{run['state']}: {run['reason']}"
        lines += ["", f"{run['trial']}  {said}"]
        lines += [f"{INDENT}{name:<9} {value}" for name, value in _told(run).items()]
    return "\n".join(shown_line(line) for line in lines)


def _told(run: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return what is said of a run below its value, as far as it is known."""
    names = ("label", "seed", "commit", "hardware", "share", "folder")
    alike = {"alike": f"taken over from {run['adopted_from']}"} if "adopted_from" in run else {}
    return {name: run[name] for name in names if run[name] not in (None, "")} | alike


def _run(one: Evidence, ledger: Ledger) -> dict[str, JSON]:
    """Return what one run says, and all that is needed to look it up."""
    row = None if one.undecided or " " in one.trial_id else ledger.row(one.trial_id)
    return {
        "trial": one.trial_id,
        "label": one.label,
        "seed": None if row is None else row.spec.seed,
        "state": one.state,
        "value": one.value,
        "reason": one.reason,
        "folder": "" if row is None else f"{ledger.storage.uri}/{ledger.folder(one.trial_id).path}",
        "commit": one.commit,
        "code": one.code,
        "versions": dict(one.versions or {}),
        "hardware": one.hardware,
        "share": one.share,
        "resumed": one.resumed,
        "unverified": one.unverified,
        **({"adopted_from": one.adopted_from} if one.adopted_from else {}),
    }


def _how(column: Column, cell: Cell) -> str:
    """Return how a number came from its runs, in a sentence."""
    values = sorted(cell.computed.values()) or sorted(one.value for one in cell.evidence if one.value is not None)
    listed = ", ".join(unrounded(value) for value in values)
    planned = f"{cell.n} of {cell.expected} planned runs" + (f", {cell.pooling}" if cell.pooling else "")
    if not values:
        return f"no number yet: {planned}"
    if cell.computed:
        planned = f"computed from the architecture; no run stands behind it: {planned}"
        if cell.low == cell.high:
            return planned
    if len(values) == 1:
        return f"the one value there is, {listed}: {planned}"
    if column.best:
        return f"the lowest of {listed}: {planned}"
    highest, lowest, half = map(unrounded, (values[-1], values[0], cell.half_range))
    spread = f"± is (max − min)/2 = ({highest} − {lowest})/2 = {half}"
    return f"the median of {listed} is {unrounded(cell.median)}; {spread}; {planned}"


def _quoted(table: Table, row: TableRow, column: Column) -> str:
    """Return where a number comes from of which no trial is planned, in a sentence."""
    number = quoted_number(table, row, column)
    if number is None or table.paper is None:
        return "no number: no trial of the plan belongs here, and nothing is quoted"
    if number.median is None:
        return f"quoted, not measured: {table.paper.title} prints {number.printed} for no number"
    return f"quoted, not measured: {number.printed} in {table.paper.title}; no run stands behind it"


def _number(column: Column, cell: Cell) -> str:
    """Return the number that stands in the table, unrounded: `median 68.1`, `best 66.8`."""
    value = column.value(cell)
    if cell.computed:
        return f"computed {unrounded(value)}; no run stands behind it"
    return "no number yet" if value is None else f"{'best' if column.best else 'median'} {unrounded(value)}"


def _origin(one: Evidence, ledger: Ledger) -> str:
    """Return what one run says, and all that is needed to look it up."""
    value = unrounded(one.value) if one.value is not None else f"{one.state}: {one.reason}"
    row = ledger.row(one.trial_id) if one.state == "done" else None
    seed = f"seed {row.spec.seed}" if row is not None else ""
    commit = f"commit {one.source}" if one.commit else ""
    folder = f"{ledger.storage.uri}/{ledger.folder(one.trial_id).path}" if row is not None else ""
    alike = f"taken over from {one.adopted_from}" if one.adopted_from else ""
    parts = (one.trial_id, value, one.label, seed, commit, one.hardware, one.share, alike, folder)
    return shown_line("  " + "  ".join(part for part in parts if part))
