"""The published numbers, read from `experiments/paper.yaml`: what the paper says, word for word, and where it says it.

They stand beside ours in columns of their own and are never aggregated with them.
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from orchestrator.document.spec import Line, TableSpec
from orchestrator.errors import TableError
from trainables.errors import unknown_name
from trainables.trial import JSON

PAPER_RUNS = 3
"""Runs behind every published range ("at least 3 runs": arXiv:1903.09900, caption of Table 2)."""

UNITS: Mapping[str, int] = {"": 1, "%": 1, "k": 10**3, "M": 10**6, "B": 10**9}
"""Units the paper prints, and how many of our stored unit make one."""

_NUMBER = re.compile(r"(?P<about>~?)(?P<median>-?\d+(\.\d+)?(e-?\d+)?)( ?± ?(?P<half>\d+(\.\d+)?))?(?P<unit>[kMB%]?)")
DASH = "–"
"""Printed where "data was either not available or not applicable" (caption of Table 3)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """One printed number."""

    printed: str
    """As in the paper: `5.44±0.12`, `~557`, `0.9M`, `–`."""
    unit: str
    median: Decimal | None
    """In the printed unit; None for a dash."""
    half_range: Decimal | None
    approximate: bool = False

    @property
    def value(self) -> float | None:
        """The number in our stored unit (percent, operations, parameters, days)."""
        return None if self.median is None else float(self.median * UNITS[self.unit])

    def decimals(self, scale: int) -> int:
        """Return how many decimals are printed, in a unit of that many stored units."""
        assert self.median is not None
        exponent = self.median.scaleb(self._shift(scale)).as_tuple().exponent
        return max(0, -exponent) if isinstance(exponent, int) else 0

    def _shift(self, scale: int) -> int:
        return (Decimal(UNITS[self.unit]) / scale).adjusted()  # units are powers of ten: digits only move

    def text(self, scale: int) -> str:
        """Return the number in a unit of that many stored units, with the digits that the paper printed."""
        if self.median is None:
            return DASH
        shift = self._shift(scale)
        spread = "" if self.half_range is None else f"±{self.half_range.scaleb(shift):f}"
        return f"{'~' if self.approximate else ''}{self.median.scaleb(shift):f}{spread}"


def parse_number(printed: str, unit: str = "") -> Published:
    """Return a printed number; a unit printed beside it wins over the column's. Raises: ValueError."""
    if printed == DASH:
        return Published(printed=printed, unit=unit, median=None, half_range=None)
    found = _NUMBER.fullmatch(printed)
    if found is None:
        raise ValueError(f"{printed!r} is no number as papers print them, like 5.44±0.12, ~557, 0.9M or –")
    half = found["half"]
    return Published(
        printed=printed,
        unit=found["unit"] or unit,
        median=Decimal(found["median"]),
        half_range=Decimal(half) if half else None,
        approximate=bool(found["about"]),
    )


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, Mapping) else value


class PublishedColumn(_Model):
    """A column of a published table, by the name of our metric."""

    printed: str
    """The column's heading in the paper."""
    unit: Literal["", "%", "M", "B"] = ""


class PublishedSize(_Model):
    """The network whose size a row prints, at the channels and cells that `NETWORKS` says."""

    genotype: str
    """The name of a published one."""
    operations: Literal["ssc", "original"] = "ssc"
    mid_channels: int = 32
    """Said where it matters."""


class PublishedRow(_Model):
    """A row of a published table."""

    name: str
    cells: dict[str, str]
    """Printed numbers by the names of our columns; what the paper leaves blank is absent."""
    best: dict[str, str] = Field(default_factory=dict)
    """What the paper's text says of the best run, by the same names; filled in from the statements."""
    match: Annotated[list[dict[str, Any]], BeforeValidator(_listed)] = Field(default_factory=list)
    """Settings of ours that this row reports, each a whole alternative; none for work of others."""
    size: PublishedSize | None = None
    """None for networks of others that cannot be built here."""
    produced_by: str = ""
    """The packaged experiment that makes this row anew."""
    quoted: bool = False
    """No experiment makes it: work of others, which the paper quotes too."""
    bold: bool = False
    """Printed bold: the paper's own, with AutoAugment and Cosine Power Annealing."""
    dagger: bool = False
    """Its genotype is in the paper's repository."""
    cites: list[int] = Field(default_factory=list)
    details: dict[str, Any] = Field(default_factory=dict)
    """The columns that are no numbers."""
    remark: str = ""
    """What is known of a number beyond what is printed."""


class PublishedTable(_Model):
    """A table of the paper."""

    name: str = ""
    title: str
    setting: str
    """How its numbers were made, in a line."""
    runs: int = Field(default=PAPER_RUNS, ge=1)
    """Runs behind each of its numbers, at least."""
    network: Literal["", "cifar", "imagenet", "multichannel_released"] = ""
    """What the rows that have a `size` are networks of."""
    columns: dict[str, PublishedColumn]
    rows: list[PublishedRow]

    @model_validator(mode="after")
    def _consistent(self) -> "PublishedTable":
        names = [row.name for row in self.rows]
        if len(set(names)) < len(names):
            raise ValueError(f"two rows have one name: {sorted({name for name in names if names.count(name) > 1})}")
        for row in self.rows:
            if row.quoted and row.produced_by:
                raise ValueError(f"row {row.name!r} cannot be both quoted and made by {row.produced_by!r}")
            for column, printed in (*row.cells.items(), *row.best.items()):
                if column not in self.columns:
                    raise ValueError(f"row {row.name!r} has a number for {column!r}, which is not a column")
                parse_number(printed)
        return self

    def number(self, row: PublishedRow, column: str) -> Published | None:
        """Return what is printed in a cell; None where the paper leaves it blank or has no such column.

        `test_error_best:best` is what the paper's text says of the best run.
        """
        name, _, statistic = column.partition(":")
        printed = (row.best if statistic == "best" else row.cells).get(name)
        return None if printed is None else parse_number(printed, self.columns[name].unit)

    def row(self, name: str) -> PublishedRow:
        """Raises: UnknownName."""
        for row in self.rows:
            if row.name == name:
                return row
        raise unknown_name("published row", name, [row.name for row in self.rows])

    def matching(self, fits: Callable[[Mapping[str, JSON]], bool]) -> PublishedRow | None:
        """Return the row with the most specific alternative that fits; None when none does, or two do equally."""
        fitting = [(len(match), row) for row in self.rows for match in row.match if fits(match)]
        most = max((size for size, _ in fitting), default=0)
        best = {row.name: row for size, row in fitting if size == most}
        return next(iter(best.values())) if len(best) == 1 else None


class Statement(_Model):
    """A number in the paper's text: one that repeats a table's, contradicts it, or stands nowhere else."""

    printed: str
    column: str = ""
    table: str = ""
    row: str = ""
    where: str
    statistic: Literal["median", "best", "change", "difference"] = "median"
    """What the number is: of several runs, of the best run, or relative to (or less) another row's."""
    sentence: str
    """The words of the paper, shortened with … only."""
    remark: str = ""

    @property
    def about(self) -> tuple[str, str, str]:
        return self.table, self.row, self.column


class Paper(_Model):
    """All published numbers."""

    source: str
    tables: dict[str, PublishedTable]
    statements: list[Statement]

    @model_validator(mode="after")
    def _statements_meet_tables(self) -> "Paper":
        for statement in self.statements:
            if statement.table and (statement.table not in self.tables or not self._has(statement)):
                raise ValueError(
                    f"the statement {statement.printed!r} ({statement.where}) "
                    f"speaks of {statement.about}, which is nowhere"
                )
        return self

    def _has(self, statement: Statement) -> bool:
        table = self.tables[statement.table]
        return statement.row in [row.name for row in table.rows] and statement.column in ("", *table.columns)

    def table(self, name: str) -> PublishedTable:
        """Raises: UnknownName."""
        if name not in self.tables:
            raise unknown_name("published table", name, self.tables)
        return self.tables[name]

    def readings(self, table: str, row: str, column: str) -> list[tuple[str, str]]:
        """Return all the paper says of one number, as (where, as printed); the table's own cell first."""
        cell = self.table(table).row(row).cells.get(column)
        own = [] if cell is None else [(self.tables[table].title.partition(":")[0], cell)]
        statements = [statement for statement in self.statements if statement.about == (table, row, column)]
        return own + [
            (statement.where, statement.printed)
            for statement in statements
            if statement.statistic in ("median", "best")
        ]

    def conflicts(self) -> dict[tuple[str, str, str], list[tuple[str, str]]]:
        """Return the numbers that table and text give differently: (table, row, column) → all readings."""
        found = {}
        for about in sorted(
            {statement.about for statement in self.statements if statement.column and statement.statistic == "median"}
        ):
            statements = [c for c in self.statements if c.about == about and c.statistic == "median"]
            cell = self.tables[about[0]].row(about[1]).cells.get(about[2], DASH)
            printed = [parse_number(text) for text in (cell, *(statement.printed for statement in statements))]
            medians = {number.median for number in printed}
            spreads = {number.half_range for number in printed} - {None}
            if len(medians) > 1 or len(spreads) > 1:
                found[about] = self.readings(*about)
        return found


def load_published(path: Path | None = None) -> Paper:
    """Return the published numbers of a file; the packaged ones by default. Raises: TableError."""
    return _packaged() if path is None else _parse(path.read_text(encoding="utf-8"), str(path))


def shown_details(table: TableSpec, line: Line, published: PublishedTable | None) -> dict[str, JSON]:
    """Return, by title, what a line says in the columns of the table's `details`; None where nothing is known."""
    names = [row.name for row in published.rows] if published else []
    quoted = published.row(line.paper).details if published and line.paper in names else {}
    known = {**quoted, **line.details}
    return {title: known.get(key) for title, key in table.details.items()}


@functools.cache
def _packaged() -> Paper:
    return _parse(files("experiments").joinpath("paper.yaml").read_text(encoding="utf-8"), "paper.yaml")


def _parse(text: str, name: str) -> Paper:
    try:
        data = YAML(typ="safe", pure=True).load(text)
        for key, table in data["tables"].items():
            table["name"] = key
            for row in table["rows"]:
                row["best"] = _best_runs(data["statements"], key, row["name"])
        return Paper.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise TableError(f"{name}: {problems}") from error
    except (YAMLError, KeyError, TypeError, AttributeError) as error:
        raise TableError(f"{name}: it is not a document of published numbers: {error}") from error


def _best_runs(statements: Iterable[Mapping[str, Any]], table: str, row: str) -> dict[str, str]:
    """Return column -> what the statements say of the best run; nothing where two of them disagree."""
    found: dict[str, set[str]] = {}
    for statement in statements:
        if (statement.get("table"), statement.get("row"), statement.get("statistic")) == (table, row, "best"):
            found.setdefault(str(statement.get("column")), set()).add(str(statement["printed"]))
    return {column: next(iter(printed)) for column, printed in found.items() if len(printed) == 1}
