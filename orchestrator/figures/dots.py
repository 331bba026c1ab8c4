"""The runs behind the cells of a table, each as a dot beside the median of its cell."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass

from orchestrator.document.spec import FigureSpec, TableSpec
from orchestrator.figures.figure import Epochs, Figure, Line, what_is_missing
from orchestrator.paper.published import UNITS
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.tables.cells import Column
from orchestrator.tables.computed import measured_only
from orchestrator.tables.evidence import Record
from orchestrator.tables.grouping import selected
from orchestrator.tables.layout import column_title, quoted_number, unit_of, whole_key_text
from orchestrator.tables.quantities import Unit, number_text, quantity_of
from orchestrator.tables.table import Table, TableRow
from orchestrator.tables.table import build as build_table
from trainables.errors import unknown_name
from trainables.trial import JSON, TrialRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Strip:
    """One cell: its runs, in the units of the rows."""

    label: str
    block: str
    """The heading above it, where one is."""
    median: float | None
    low: float | None
    high: float | None
    values: Mapping[str, float]
    """By trial id, in the order of the plan."""
    expected: int
    published: float | None = None
    published_half_range: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DotsPanel:
    """One column of a table."""

    title: str
    column: str
    unit: Unit
    strips: tuple[Strip, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return all that is drawn, and which trials it comes from."""
        strips = [{**asdict(strip), "values": dict(strip.values)} for strip in self.strips]
        return {"title": self.title, "column": self.column, "strips": strips}

    def lines(self) -> Iterator[Line]:
        """Yield each run beside its median, and each published number."""
        for strip in self.strips:
            numbers: Line = {"row": strip.label, "median": strip.median, "low": strip.low, "high": strip.high}
            for trial, value in strip.values.items():
                yield {**numbers, "trial": trial, "value": value}
            if strip.published is not None:
                yield {"row": strip.label, "published": strip.published, "half_range": strip.published_half_range}

    def words(self) -> str:
        """Return the median and the runs of each row."""
        said = []
        for strip in self.strips:
            if strip.median is None:
                quoted = f"published {number_text(strip.published, self.unit)}" if strip.published is not None else ""
                said.append(f"{strip.label}: {quoted or 'no run yet'}")
                continue
            runs = ", ".join(number_text(value, self.unit) for value in sorted(strip.values.values()))
            said.append(f"{strip.label}: median {number_text(strip.median, self.unit)} of {runs}")
        return "; ".join(said)


def build(
    plan: Plan, rows: Mapping[str, TrialRow], spec: FigureSpec, read_epochs: Callable[[TrialRow], Epochs]
) -> tuple[Figure, ...]:
    """Return the one figure, a panel for each column. Raises: TableError, UnknownName."""
    tables = {table.name: table for table in plan.tables}
    if spec.table not in tables:
        raise unknown_name("table", spec.table, tables)
    asked = tables[spec.table]
    table = build_table(measured_only(plan), rows, asked)
    errors = [column for column in table.columns if quantity_of(column.metric).judges]
    first = (errors or table.columns)[:1]
    wanted = spec.columns or [column.asked for column in first]
    record = Record(rows, plan.entries)
    return (
        Figure(
            name=spec.name,
            title=spec.title or table.title,
            kind="dots",
            panels=tuple(
                _panel(table, column, one_key=bool(asked.lines)) for column in table.columns if column.asked in wanted
            ),
            missing=what_is_missing(_trials(plan, asked), rows, record),
        ),
    )


def _trials(plan: Plan, spec: TableSpec) -> list[PlannedTrial]:
    """Return the trials of a table, of all its lines."""
    if not spec.lines:
        return selected(plan, spec.stage, spec.filter)
    parts = [(line.stage or spec.stage, {**spec.filter, **line.filter}) for line in spec.lines]
    return [trial for stage, chosen in parts if stage for trial in selected(plan, stage, chosen)]


def _panel(table: Table, column: Column, *, one_key: bool) -> DotsPanel:
    unit = unit_of(table, column)
    return DotsPanel(
        title=column_title(column, unit),
        column=column.name,
        unit=unit,
        strips=tuple(_strip(table, row, column, _label(table, row, one_key=one_key)) for row in table.rows),
    )


def _label(table: Table, row: TableRow, *, one_key: bool) -> str:
    """Return what tells a row from the others; of rows written out one by one their label, and more where it must."""
    if not one_key:
        return " ".join(filter(None, (_words(key, row.keys[key]) for key in table.keys)))
    name, *details = table.keys
    alike = [other for other in table.rows if other.keys[name] == row.keys[name]]
    telling = [key for key in details if len({str(other.keys[key]) for other in alike}) > 1]
    more = ", ".join(f"{key} {row.keys[key]}" for key in telling if row.keys[key])
    return f"{whole_key_text(row.keys[name])} ({more})" if more else whole_key_text(row.keys[name])


def _strip(table: Table, row: TableRow, column: Column, label: str) -> Strip:
    cell, quoted = row.cells[column.name], quoted_number(table, row, column)
    return Strip(
        label=label,
        block=row.block,
        median=cell.median,
        low=cell.low,
        high=cell.high,
        values={one.trial_id: one.value for one in cell.evidence if one.value is not None},
        expected=cell.expected,
        published=quoted.value if quoted else None,
        published_half_range=float(quoted.half_range * UNITS[quoted.unit]) if quoted and quoted.half_range else None,
    )


def _words(key: str, value: JSON) -> str:
    """Return `p=2`; a label speaks for itself."""
    return whole_key_text(value) if isinstance(value, str) else f"{key}={whole_key_text(value)}"
