"""Our sizes beside the paper's: Par. and +× of every row of its Tables 2, 3 and 4, and why they differ where they do.

What the paper prints, of which network, and the reasons are data of `experiments/paper.yaml`; ours are counted.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from orchestrator.cli.options import terminal_width
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


def paper_sizes() -> list[SizeRow]:
    """Return all rows of the paper's tables, in its order, with the sizes of those that can be built."""
    tables = load_published().tables.values()
    return [_compare(table, row) for table in tables for row in table.rows]


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


def markdown(rows: Sequence[SizeRow]) -> str:
    """Return the page `docs/sizes.md`."""
    page = [_HEAD.format(source=load_published().source, **_tally(rows))]
    for table in load_published().tables.values():
        ours = look_up_network(table.network).title
        page.append(f"## {table.title}\n\nOurs: {ours}.\n\n{_drawn(table, rows, box.MARKDOWN, width=10_000)}")
    return "\n".join(page)


def text(rows: Sequence[SizeRow]) -> str:
    """Return the tables as aligned lines."""
    tables = load_published().tables.values()
    width = terminal_width() or 160
    return "\n".join(f"{table.title}\n{_drawn(table, rows, box.SIMPLE, width=width)}" for table in tables)


def json_text(rows: Sequence[SizeRow]) -> str:
    """Return a list with an object for each row."""
    return json.dumps([_json(row) for row in rows], indent=1, ensure_ascii=False) + "\n"


FORMATS: Mapping[str, Callable[[Sequence[SizeRow]], str]] = {"text": text, "markdown": markdown, "json": json_text}


def _json(row: SizeRow) -> dict[str, JSON]:
    numbers = {
        column: {"printed": number.printed, "ours": number.ours, "verdict": number.verdict}
        for column, number in row.numbers.items()
    }
    return {"table": row.table, "row": row.row, "network": row.network, **numbers, "why": row.why}


def _tally(rows: Sequence[SizeRow]) -> dict[str, int]:
    verdicts = [number.verdict for row in rows for number in row.numbers.values()]
    return {
        "agree": verdicts.count(AGREES),
        "cut": verdicts.count(CUT),
        "differ": verdicts.count(DIFFERS),
        "quoted": verdicts.count(QUOTED),
    }


def _drawn(published: PublishedTable, rows: Sequence[SizeRow], frame: box.Box, *, width: int) -> str:
    """Return the lines of one table, each ending in a newline."""
    table = Table(box=frame)
    table.add_column("Row")
    table.add_column("Network")
    for column in COLUMNS:
        printed = published.columns[column]
        table.add_column(f"{printed.printed.split()[0]} {printed.unit}", justify="right")
        table.add_column(f"ours, {column}", justify="right")
        table.add_column("")
    table.add_column("Why")
    for row in rows:
        if row.table == published.title:
            numbers = [cell for number in row.numbers.values() for cell in _cells(number)]
            table.add_row(row.row, row.network, *numbers, row.why)
    page = io.StringIO()
    Console(file=page, width=width, color_system=None, markup=False).print(table)
    return "".join(f"{line.rstrip()}\n" for line in page.getvalue().splitlines() if line.strip())


def _cells(number: SizeNumber) -> tuple[str, str, str]:
    return number.printed, "" if number.ours is None else f"{number.ours:,}", number.verdict


_HEAD = """\
# Sizes: ours beside the paper's

Made by `sharptune cost --paper --format markdown`; a test holds this page to what the command prints.

The paper is {source}.
Par. (in Table 3 Params) counts all parameters but those of the auxiliary head; +× the multiply-accumulates of
convolutions and linear layers, the outputs of ReLUs, the inputs of pools, and two for each input of a batch norm, of
one image. Ours are exact counts of the networks that final training builds.

- **ok**: ours rounds to what is printed ({agree} numbers).
- **ok, cut**: what is printed is ours with further digits cut off ({cut}).
- **differs**: neither ({differ}); the last column says why.
- **quoted**: of a cited work whose network is not among the published architectures, so nothing is counted ({quoted}).
"""
