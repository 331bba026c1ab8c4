"""Our sizes beside the paper's: Par. and +× of every row of its Tables 2, 3 and 4, and why they differ where they do.

What the paper prints, of which network, and the reasons are data of `experiments/paper.yaml`; ours are counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from pathlib import Path

from orchestrator.paper.published import UNITS, Published, PublishedRow, PublishedTable, load_published
from trainables.architecture.genotype import read_genotype
from trainables.architecture.networks import look_up_network
from trainables.trial import JSON

COLUMNS = ("params", "addmult")

AGREES = "ok"
"""Ours rounds to what the paper prints."""
CUT = "ok, cut"
"""Ours with its further digits cut off is what the paper prints."""
DIFFERS = "differs"
QUOTED = "quoted"
"""The network cannot be built here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeNumber:
    """One printed number beside ours."""

    printed: str
    """Without a unit; empty where the paper leaves the cell blank."""
    ours: int | None
    verdict: str
    """Empty where nothing is printed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeRow:
    """One row of one of the paper's tables."""

    table: str
    """Its title in the paper."""
    row: str
    network: str
    """What was counted; empty for what cannot be."""
    numbers: Mapping[str, SizeNumber]
    """By the names of COLUMNS."""
    why: str

    def to_json(self) -> dict[str, JSON]:
        numbers = {
            column: {"printed": number.printed, "ours": number.ours, "verdict": number.verdict}
            for column, number in self.numbers.items()
        }
        return {"table": self.table, "row": self.row, "network": self.network, **numbers, "why": self.why}


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeTable:
    """One of the paper's tables with our sizes beside its own, in words."""

    title: str
    network: str
    """What our networks are."""
    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    """Whether a column is of numbers."""
    lines: tuple[tuple[str, ...], ...]


def paper_sizes() -> list[SizeRow]:
    """Return all rows of the paper's tables, in its order, with the sizes of those that can be built."""
    tables = load_published().tables.values()
    return [_compare(table, row) for table in tables for row in table.rows]


def size_tables(rows: Sequence[SizeRow]) -> list[SizeTable]:
    """Return all of these rows as tables, in the paper's order."""
    return [
        SizeTable(
            title=table.title,
            network=look_up_network(table.network).title,
            headings=("Row", "Network", *(words for column in COLUMNS for words in _headings(table, column)), "Why"),
            numeric=(False, False, *(True, True, False) * len(COLUMNS), False),
            lines=tuple(_line(row) for row in rows if row.table == table.title),
        )
        for table in load_published().tables.values()
    ]


def tally(rows: Sequence[SizeRow]) -> dict[str, int]:
    """Return how many of the printed numbers got each verdict."""
    verdicts = [number.verdict for row in rows for number in row.numbers.values()]
    return {verdict: verdicts.count(verdict) for verdict in (AGREES, CUT, DIFFERS, QUOTED)}


def judge(published: Published, ours: int) -> str:
    """Say whether a count is the number that is printed, to the digits that are printed: AGREES, CUT or DIFFERS."""
    assert published.median is not None, "a dash is no number"
    exact = Decimal(ours) / UNITS[published.unit]
    if exact.quantize(published.median, ROUND_HALF_EVEN) == published.median:
        return AGREES
    return CUT if exact.quantize(published.median, ROUND_DOWN) == published.median else DIFFERS


def _compare(table: PublishedTable, row: PublishedRow) -> SizeRow:
    counted = _count(table, row)
    numbers = {}
    for column in COLUMNS:
        published = table.number(row, column)
        ours = counted.get(column)
        verdict = ""
        if published is not None and published.median is not None:
            verdict = QUOTED if ours is None else judge(published, ours)
        numbers[column] = SizeNumber(
            printed="" if published is None else published.printed.rstrip("M"), ours=ours, verdict=verdict
        )
    return SizeRow(table=table.title, row=row.name, network=_describe(table, row), numbers=numbers, why=row.remark)


def _count(table: PublishedTable, row: PublishedRow) -> dict[str, int]:
    if row.size is None:
        return {}
    from trainables.architecture.final_networks import architecture_cost

    cost = architecture_cost(
        read_genotype(row.size.genotype, base=Path()),
        network=table.network,
        operations=row.size.operations,
        mid_channels=row.size.mid_channels,
    )
    return {column: getattr(cost, column) for column in COLUMNS}


def _describe(table: PublishedTable, row: PublishedRow) -> str:
    if row.size is None:
        return ""
    network = look_up_network(table.network)
    parts = [row.size.genotype]
    if network.cells:
        parts += [row.size.operations, f"C = {network.channels}", f"{network.layers} cells"]
    if "mid_channels" in row.size.model_fields_set:
        parts.append(f"mid channels {row.size.mid_channels}")
    return ", ".join(parts)


def _headings(table: PublishedTable, column: str) -> tuple[str, str, str]:
    printed = table.columns[column]
    return f"{printed.printed.split()[0]} {printed.unit}", f"ours, {column}", ""


def _line(row: SizeRow) -> tuple[str, ...]:
    numbers = (
        words
        for number in row.numbers.values()
        for words in (number.printed, "" if number.ours is None else f"{number.ours:,}", number.verdict)
    )
    return row.row, row.network, *numbers, row.why
