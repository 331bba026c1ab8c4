"""Our sizes beside the paper's: every row, which agree, and the page that shows them."""

import json
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator.cli.networks.sizes import text
from orchestrator.paper.published import load_published, parse_number
from orchestrator.paper.sizes import AGREES, CUT, DIFFERS, QUOTED, SizeRow, judge, paper_sizes
from orchestrator.tables.formats.widths import display_width
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.networks import NETWORKS

PAGE = Path(__file__).parents[4] / "docs" / "sizes.md"

VERDICTS = {
    ("Table 2", "NASNet-A †"): (AGREES, AGREES),
    ("Table 2", "AmoebaNet-A †"): (AGREES, AGREES),
    ("Table 2", "DARTS † first order"): (DIFFERS, CUT),
    ("Table 2", "DARTS † second order"): (DIFFERS, AGREES),
    ("Table 2", "SharpSepConvDARTS, AutoAugment"): (AGREES, AGREES),
    ("Table 2", "SharpSepConvDARTS"): (AGREES, AGREES),
    ("Table 2", "DARTS+SSC, no search, AutoAugment"): (AGREES, AGREES),
    ("Table 2", "DARTS+SSC, no search"): (AGREES, AGREES),
    ("Table 2", "sharpDARTS, AutoAugment"): (DIFFERS, AGREES),
    ("Table 2", "sharpDARTS"): (DIFFERS, AGREES),
    ("Table 3", "DARTS"): (DIFFERS, DIFFERS),
    ("Table 3", "SharpSepConvDARTS"): (CUT, AGREES),
    ("Table 3", "sharpDARTS cmid 96"): (AGREES, AGREES),
    ("Table 3", "sharpDARTS cmid 32"): (AGREES, AGREES),
    ("Table 4", "Scalar"): (AGREES, CUT),
    ("Table 4", "Handmade"): (AGREES, AGREES),
    ("Table 4", "Max-W"): (AGREES, AGREES),
}
"""(Par., +×) of every row that can be built; whatever the released code reproduces agrees."""
CUT_OFF = {place for place, pair in VERDICTS.items() if CUT in pair}
NOT_AGREEING = {place for place, pair in VERDICTS.items() if {CUT, DIFFERS} & set(pair)}


@pytest.fixture(scope="module")
def sizes() -> list[SizeRow]:
    return paper_sizes(architecture_cost)


def place(row: SizeRow) -> tuple[str, str]:
    return row.table.partition(":")[0], row.row


def test_every_row_of_the_paper_is_there_in_its_order(sizes):
    tables = load_published().tables.values()

    assert [place(row) for row in sizes] == [(t.title.partition(":")[0], r.name) for t in tables for r in t.rows]
    assert len(sizes) == 36


def test_every_row_that_the_released_code_reproduces_agrees(sizes):
    counted = {place(row): tuple(number.verdict for number in row.numbers.values()) for row in sizes if row.network}

    assert counted == VERDICTS


def test_agreement_is_within_half_a_unit_of_the_last_printed_digit(sizes):
    units = {table.title: {name: column.unit for name, column in table.columns.items()} for table in _tables()}
    seen = Counter()
    for row in sizes:
        for column, number in row.numbers.items():
            if number.verdict not in (AGREES, CUT):
                continue
            unit = {"M": 10**6, "B": 10**9}[units[row.table][column]]
            difference = Decimal(number.ours) / unit - Decimal(number.printed)
            last_digit = Decimal(1).scaleb(int(Decimal(number.printed).as_tuple().exponent))

            if number.verdict == AGREES:
                assert abs(difference) <= last_digit / 2, (row.row, column)
            else:
                assert last_digit / 2 < difference < last_digit, (row.row, column)
            seen[number.verdict] += 1

    assert seen == Counter(verdict for pair in VERDICTS.values() for verdict in pair if verdict != DIFFERS)


def _tables():
    return load_published().tables.values()


def test_whatever_does_not_agree_has_its_reason(sizes):
    reasons = {place(row): row.why for row in sizes if row.why}

    assert reasons.keys() >= NOT_AGREEING
    assert {place for place, why in reasons.items() if "cuts off" in why} >= CUT_OFF


def test_rows_of_other_works_are_quoted_and_not_counted(sizes):
    others = [row for row in sizes if not row.network]

    assert len(others) == 36 - len(VERDICTS)
    for row in others:
        printed = [number for number in row.numbers.values() if number.printed not in ("", "–")]
        assert {(number.ours, number.verdict) for number in printed} == {(None, QUOTED)}


def test_the_networks_counted_are_those_that_stand_beside_our_trials():
    rows = [row for table in _tables() for row in table.rows]
    named = [(match, row.size) for row in rows for match in row.match if "genotype" in match]

    assert len(named) == 16
    for match, size in named:
        assert size is not None
        assert match["genotype"] == size.genotype
        assert match.get("operations", "ssc") == size.operations
        assert match.get("mid_channels", 32) == size.mid_channels


@pytest.mark.parametrize(
    ("printed", "ours", "verdict"),
    [
        ("3.8", 3_850_000, AGREES),
        ("3.8", 3_850_001, CUT),
        ("3.8", 3_750_000, AGREES),
        ("3.8", 3_749_999, DIFFERS),
        ("3.8", 3_899_999, CUT),
        ("3.8", 3_900_000, DIFFERS),
        ("23M", 23_654_400, CUT),
        ("0.579B", 578_604_672, AGREES),
    ],
)
def test_a_count_is_judged_by_the_digits_that_are_printed(printed, ours, verdict):
    assert judge(parse_number(printed, "M"), ours) == verdict


def test_the_page_is_what_the_command_prints(sharptune, sizes):
    assert sharptune("cost", "--paper", "--format", "markdown").out == PAGE.read_text(encoding="utf-8")


def test_the_sizes_as_json_and_text(sharptune, sizes):
    found = json.loads(sharptune("cost", "--paper", "--json").out)
    text = sharptune("cost", "--paper").out

    assert [row["row"] for row in found] == [row.row for row in sizes]
    assert found[-1]["addmult"] == {"printed": "31", "ours": 31_023_616, "verdict": "ok"}
    assert all(f"{row.numbers['params'].ours:,}" in text for row in sizes if row.network)


@pytest.mark.parametrize("width", [60, 130, 160, 400])
def test_the_sizes_fit_the_terminal_and_leave_no_number_out(sizes, monkeypatch, width):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(width))
    lines = text(sizes).splitlines()
    counted = [f"{number.ours:,}" for row in sizes for number in row.numbers.values() if number.ours is not None]

    assert max(map(display_width, lines)) <= width
    assert Counter(counted) <= Counter(word for line in lines for word in line.split())
    assert not any(line.startswith(":") for line in lines)  # the verdicts have no heading


def test_the_networks_by_name_are_those_a_training_may_ask_for():
    from typing import get_args

    from trainables.config import Network

    assert tuple(NETWORKS) == get_args(Network)
