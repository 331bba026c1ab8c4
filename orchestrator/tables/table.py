"""A table is a pure function of a plan, the rows there are, and what the author asked for.

The plan says which trials belong in which cell, also those that have not run; every cell keeps the evidence it was made
from, so that each number can be walked back to its rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Literal

from orchestrator.document.spec import CompareSpec, Line, TableSpec
from orchestrator.errors import TableError
from orchestrator.paper.published import PublishedRow, PublishedTable, load_published, shown_details
from orchestrator.planning.grids.keys import find_name
from orchestrator.planning.grids.planned_trial import identity, open_axes
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.tables.cells import FEW, NOTHING, Cell, Column, Members, cells_of, detail_text
from orchestrator.tables.columns import ask, known_metrics, written
from orchestrator.tables.computed import Computed
from orchestrator.tables.counts import members_of, runs_column, runs_of
from orchestrator.tables.evidence import Ancestry, Evidence, Record
from orchestrator.tables.grouping import Group, agreed, grouped, pooled_axes, selected
from orchestrator.tables.statistics import relative_change
from trainables.errors import SharptuneError
from trainables.trial import JSON, TrialRow


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRow:
    """One line of a table."""

    keys: Mapping[str, JSON]
    cells: Mapping[str, Cell]
    """By the columns' names."""
    runs: Cell
    """The line's trials, whatever they measured: how many are in, how many are expected, and the marks all carry."""
    each: bool = False
    """`runs` holds for each of several settings side by side, not for all of them together."""
    paper: Mapping[str, PublishedRow] = field(default_factory=dict)
    """The published row that stands beside a cell, by the column's name."""
    block: str = ""
    """A heading above this line."""
    bold: bool = False
    best: frozenset[str] = frozenset()
    """Columns in which it is the best of its class, as a comparison confirms."""
    baseline: int | None = None
    """The line that its changes are against, from 0; None for that line itself, and where there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table, ready to be written in any format."""

    name: str
    title: str
    stage: str
    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    note: str = ""
    statistic: str = "median"
    baseline: Mapping[str, JSON] = field(default_factory=dict)
    paper: PublishedTable | None = None
    as_printed: bool = False
    """Units and digits follow the published numbers."""
    written_out: bool = False
    """Its lines were written out one by one."""
    compare: CompareSpec | None = None
    """What its author asked to be compared."""
    bold: bool | None = None
    """Whether the best of each class is bold; None leaves it to the lines."""
    comparison: Mapping[str, JSON] = field(default_factory=dict)
    """What the comparison that its author asked for says, as data."""
    said: tuple[str, ...] = ()
    """The same in sentences."""
    width: Literal["column", "page", "sideways"] | None = None
    """What its LaTeX fits into; None for a page or, where it must, a page on its side."""
    pool: tuple[str, ...] = ()
    """The keys, beside seeds, over which its cells pool."""
    runs: bool = True
    """A last column says how many runs each line is of."""
    hide_constant: bool = False
    """What is the same in all lines is said below, not in a column."""
    by_spread: bool = False
    """A median and its ± have the digits of the ± that mean something."""

    def shows_change(self, column: Column) -> bool:
        """Say whether a column's change against the baseline stands beside it."""
        return bool(self.baseline) and column.change


def build(plan: Plan, rows: Mapping[str, TrialRow], spec: TableSpec) -> Table:
    """Return the table that an experiment asks for; `rows` go by trial id, as `Ledger.rows` has them.

    Raises: TableError when the table would mix settings, or names a stage, baseline or published table there is not.
    """
    if spec.lines:
        return _written_out(plan, rows, spec)
    record = Record(rows, plan.entries)
    ancestry = Ancestry(plan.trials, record)
    trials = selected(plan, spec.stage, spec.filter)
    if not trials:
        raise TableError(f"table {spec.name!r} has no trials: its filter leaves none of stage {spec.stage!r}")
    published = load_published().table(spec.paper) if spec.paper else None
    asked, side_keys = ask(plan, rows, trials[0].lineage, spec)
    groups = grouped(plan, trials, spec.rows)
    pooled = pooled_axes(trials[0], spec.pool)
    _refuse_open_axes(spec.name, grouped(plan, trials, (*spec.rows, *side_keys)) if side_keys else groups, pooled)
    sides = [group.keys for group in grouped(plan, trials, side_keys)] if side_keys else [{}]
    columns = tuple(replace(column, settings=settings) for settings in sides for column in asked)
    counts = [replace(runs_column("runs", spec.stage), settings=settings) for settings in sides]
    total = runs_column("all runs", spec.stage)
    members = [members_of(plan, group, sides, columns, counts, total) for group in groups]
    computed = Computed(plan, record, ancestry)
    lines = tuple(
        TableRow(
            keys=group.keys,
            cells=computed.fill(some, columns, cells),
            **runs_of([cells[count.name] for count in counts], cells[total.name]),
            paper=_quoted(plan, columns, some, published),
        )
        for group, some, cells in zip(
            groups, members, cells_of(record, ancestry, members, (*columns, *counts, total), pooled), strict=True
        )
    )
    return _table(spec, published, spec.rows, columns, lines)


def _refuse_open_axes(table: str, groups: Sequence[Group], pooled: Sequence[str]) -> None:
    """Raises: TableError when an axis other than a seed, or those that pool, takes several values inside one line."""
    mixed = open_axes([group.trials for group in groups], pooled)
    if mixed:
        words = "; ".join(f"{axis} ({', '.join(map(str, values))})" for axis, values in sorted(mixed.items()))
        raise TableError(
            f"table {table!r} would mix different settings in one cell: {words}; "
            "name each such axis in rows, columns or pool, or fix it in filter"
        )


def _written_out(plan: Plan, rows: Mapping[str, TrialRow], spec: TableSpec) -> Table:
    """Return a table of lines named one by one: each is a table of one row, and all stand under the same columns."""
    published = load_published().table(spec.paper) if spec.paper else None
    parts = [_line_table(plan, rows, spec, line) for line in spec.lines]
    columns = _merged(spec, [part for part in parts if part is not None], published)
    lines = tuple(
        _written_line(spec, line, part, columns, published) for line, part in zip(spec.lines, parts, strict=True)
    )
    return _table(spec, published, (spec.heading, *spec.details), columns, lines)


def _table(
    spec: TableSpec,
    published: PublishedTable | None,
    keys: Sequence[str],
    columns: tuple[Column, ...],
    lines: tuple[TableRow, ...],
) -> Table:
    return Table(
        name=spec.name,
        title=spec.title or spec.name,
        stage=spec.stage,
        keys=tuple(keys),
        columns=columns,
        rows=(
            *_marked(spec, published, _compared(spec, columns, lines)),
            *_published_lines(spec, published, columns, lines),
        ),
        note=spec.note or "",
        statistic=spec.statistic,
        baseline=dict(spec.baseline or {}),
        paper=published,
        as_printed=spec.digits == "printed",
        written_out=bool(spec.lines),
        compare=spec.compare,
        bold=spec.bold,
        width=spec.width,
        pool=tuple(spec.pool),
        runs=spec.runs,
        hide_constant=spec.constant == "hide",
        by_spread=spec.rounding == "spread",
    )


def _line_table(plan: Plan, rows: Mapping[str, TrialRow], spec: TableSpec, line: Line) -> Table | None:
    """Return a line's own table, of one row and the columns its stage or an ancestor has; None if it only quotes."""
    stage = line.stage or spec.stage
    if not stage:
        return None
    trial = next((trial for trial in plan.trials if trial.stage == stage), None)
    known = known_metrics(plan, rows, trial.lineage if trial else ())
    columns = [column for column in spec.columns if find_name(column.metric, known)]
    table = build(plan, rows, spec.of_line(line, columns))
    if any(column.settings for column in table.columns):
        raise TableError(f"table {spec.name!r}: a table of lines cannot set settings side by side")
    return table


def _merged(spec: TableSpec, parts: Sequence[Table], published: PublishedTable | None) -> tuple[Column, ...]:
    """Return the columns that any of the lines has, or the published table alone, in the order asked for."""
    found = {column.name: column for part in reversed(parts) for column in part.columns}
    for column in spec.columns:
        if published and column.metric in published.columns:
            stage, _, metric = column.metric.rpartition(".")
            quoted = Column(asked=column.name, stage=stage, metric=metric, own=False, **written(column))
            found.setdefault(column.name, quoted)
    return tuple(found[column.name] for column in spec.columns if column.name in found)


def _written_line(
    spec: TableSpec, line: Line, part: Table | None, columns: Sequence[Column], published: PublishedTable | None
) -> TableRow:
    row = part.rows[0] if part else TableRow(keys={}, cells={}, runs=NOTHING)
    quoted = published.row(line.paper) if published and line.paper else None
    return replace(
        row,
        keys=_line_keys(spec, line, published),
        cells={column.name: row.cells.get(column.name, NOTHING) for column in columns},
        paper={c.name: quoted for c in columns if published and quoted and published.number(quoted, c.asked)},
        block=line.block or "",
        bold=line.bold,
    )


def _line_keys(spec: TableSpec, line: Line, published: PublishedTable | None) -> dict[str, JSON]:
    details = shown_details(spec, line, published)
    return {spec.heading: line.label, **{title: detail_text(value) for title, value in details.items()}}


def _published_lines(
    spec: TableSpec, published: PublishedTable | None, columns: Sequence[Column], lines: Sequence[TableRow]
) -> tuple[TableRow, ...]:
    """Return the published rows that no line stands for, as lines of their own: they quote and have no runs."""
    if published is None or not spec.published:
        return ()
    taken = {row.name for line in lines for row in line.paper.values()} | {line.paper for line in spec.lines}
    wanted = [row for row in published.rows if spec.published is True or row.name in spec.published]
    found: list[TableRow] = []
    for row in wanted:
        paper = {column.name: row for column in columns if published.number(row, column.asked)}
        if not paper or row.name in taken:
            continue
        named = dict(zip_longest(spec.rows, [row.name], fillvalue=""))
        keys = _line_keys(spec, Line(label=row.name, paper=row.name), published) if spec.lines else named
        cells = {column.name: NOTHING for column in columns}
        block = "" if found else f"Published ({published.title.partition(':')[0]})"
        found.append(TableRow(keys=keys, cells=cells, runs=NOTHING, paper=paper, block=block))
    return tuple(found)


def explain(table: Table, row: int | Mapping[str, JSON], column: str) -> tuple[Evidence, ...]:
    """Return what a number was made from: every planned trial of the cell, with its value or why it gives none.

    `row` is a line's place from 0, or keys that only one line has. Raises: TableError.
    """
    if isinstance(row, int):
        lines = list(table.rows[row : row + 1]) if row >= 0 else []
    else:
        lines = [line for line in table.rows if _has(line.keys, row)]
    if len(lines) != 1:
        raise TableError(f"table {table.name!r} has {len(lines)} rows for {row!r}; name one of its {len(table.rows)}")
    if column not in lines[0].cells:
        raise TableError(f"table {table.name!r} has no column {column!r}; it has {', '.join(lines[0].cells)}")
    return tuple(lines[0].cells[column].evidence)


def _quoted(
    plan: Plan, columns: Sequence[Column], members: Members, published: PublishedTable | None
) -> dict[str, PublishedRow]:
    """Return, by column, the published row whose settings are those of the cell's trials."""
    if published is None:
        return {}
    found = {}
    for column in columns:
        trials = members[column.name]

        def fits(match: Mapping[str, JSON], trials: Sequence[PlannedTrial] = trials) -> bool:
            try:
                return all(identity(agreed(plan, trials, key)) == identity(value) for key, value in match.items())
            except (LookupError, SharptuneError):  # the plan has no such setting
                return False

        row = published.matching(fits)
        if row is not None and published.number(row, column.asked) is not None:
            found[column.name] = row
    return found


def _marked(spec: TableSpec, published: PublishedTable | None, lines: tuple[TableRow, ...]) -> tuple[TableRow, ...]:
    """Return the lines without the mark for few runs, where the author or a published table of single runs is so."""
    if spec.few and (published is None or published.runs > 1):
        return lines

    def unmarked(cell: Cell) -> Cell:
        return replace(cell, marks=tuple(mark for mark in cell.marks if mark != FEW))

    return tuple(
        replace(line, runs=unmarked(line.runs), cells={name: unmarked(cell) for name, cell in line.cells.items()})
        for line in lines
    )


def _compared(spec: TableSpec, columns: Sequence[Column], lines: tuple[TableRow, ...]) -> tuple[TableRow, ...]:
    """Return the lines with each cell's relative change against its baseline line. Raises: TableError."""
    if not spec.baseline:
        return lines
    if strangers := sorted(set(spec.baseline) - set(lines[0].keys)):
        raise TableError(
            f"table {spec.name!r}: baseline names {', '.join(strangers)}, which is not among its rows "
            f"({', '.join(lines[0].keys)})"
        )
    if not any(_has(line.keys, spec.baseline) for line in lines):
        raise TableError(f"table {spec.name!r}: no row has the baseline {dict(spec.baseline)}")
    places = baselines(lines, spec.baseline, by_label=bool(spec.lines))
    compared = []
    for line, base in zip(lines, places, strict=True):
        if base is None:
            compared.append(line)
            continue
        cells = {c.name: _with_change(c, line, lines[base]) if c.change else line.cells[c.name] for c in columns}
        compared.append(replace(line, cells=cells, baseline=base))
    return tuple(compared)


def baselines(
    lines: Sequence[TableRow], values: Mapping[str, JSON], *, by_label: bool = False
) -> tuple[int | None, ...]:
    """Return, for each line, the place of the one that differs from it in having these values; None for such a one.

    `by_label`: the lines were written out, and their labels alone tell them apart.
    """
    telling = tuple(values if by_label or not lines else lines[0].keys)
    places = {_values(line.keys, telling): index for index, line in reversed(list(enumerate(lines)))}
    found = (places.get(_values({**line.keys, **values}, telling)) for line in lines)
    return tuple(None if base == index else base for index, base in enumerate(found))


def _with_change(column: Column, line: TableRow, base: TableRow) -> Cell:
    cell = line.cells[column.name]
    value, against = column.value(cell), column.value(base.cells[column.name])
    return replace(cell, change=relative_change(value, against)) if value is not None and against else cell


def _values(keys: Mapping[str, JSON], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(identity(keys[name]) for name in names)


def _has(keys: Mapping[str, JSON], some: Mapping[str, JSON]) -> bool:
    return all(key in keys and identity(keys[key]) == identity(value) for key, value in some.items())
