"""The published numbers are the paper's, all of them, and nothing reads them as anything else."""

from decimal import Decimal

import pytest

from orchestrator.errors import TableError
from orchestrator.paper.published import load_published, parse_number
from orchestrator.tables.statistics import relative_change
from trainables.errors import UnknownName

PAPER = load_published()
SSC = "SharpSepConvDARTS, AutoAugment"


def number(table: str, row: str, column: str) -> float:
    published = PAPER.table(table)
    found = published.number(published.row(row), column)
    assert found is not None
    assert found.value is not None
    return found.value


@pytest.mark.parametrize(("table", "rows", "numbers"), [("table2", 20, 74), ("table3", 13, 65), ("table4", 3, 12)])
def test_every_row_and_number_of_the_tables_is_there(table, rows, numbers):
    published = PAPER.table(table)

    assert len(published.rows) == rows
    assert sum(len(row.cells) for row in published.rows) == numbers


@pytest.mark.parametrize(
    ("table", "row", "cells"),
    [
        ("table2", "ShakeShake64d", {"test_error_best": "2.9±0.3", "cifar10_1_error_best": "7.0±1.8"}),
        ("table2", SSC, {"test_error_best": "1.98±0.07", "cifar10_1_error_best": "5.9±0.5", "addmult": "0.579"}),
        ("table2", "DARTS+SSC, no search, AutoAugment", {"test_error_best": "2.05±0.14", "search.gpu_days": "–"}),
        ("table2", "sharpDARTS", {"test_error_best": "2.97", "params": "1.98", "search.gpu_days": "1.8"}),
        (
            "table3",
            "sharpDARTS cmid 32",
            {"test_error_best": "31.3", "test_error_top5_best": "11.34", "params": "3.17"},
        ),
        ("table3", "GPipe AmoebaNet-B", {"addmult": "~50", "search.gpu_days": "3150"}),
        ("table4", "Scalar", {"params": "0.8M", "addmult": "23M", "test_error_best": "8.62±0.16"}),
        ("table4", "Max-W", {"test_error_best": "5.44±0.12", "cifar10_1_error_best": "12.4±1.0"}),
    ],
)
def test_numbers_stand_as_they_are_printed(table, row, cells):
    assert cells.items() <= PAPER.table(table).row(row).cells.items()


def test_daggers_and_bold_rows_are_those_of_the_paper():
    rows = PAPER.table("table2").rows

    assert [row.name for row in rows if row.dagger] == [
        "NASNet-A †",
        "AmoebaNet-A †",
        "DARTS † first order",
        "DARTS † second order",
    ]
    assert [len([row for row in PAPER.table(name).rows if row.bold]) for name in PAPER.tables] == [3, 3, 1]


def test_all_readings_of_the_contradicted_number_are_listed():
    assert PAPER.readings("table2", SSC, "cifar10_1_error_best") == [
        ("Table 2", "5.9±0.5"),
        ("abstract, best run", "5.5"),
        ("abstract", "5.8±0.3"),
        ("section 3.3", "5.925±0.48"),
    ]


def test_exactly_two_numbers_of_the_tables_are_contradicted_by_the_text():
    assert list(PAPER.conflicts()) == [
        ("table2", "ShakeShake64d", "cifar10_1_error_best"),
        ("table2", SSC, "cifar10_1_error_best"),
    ]


def test_every_claim_quotes_a_sentence_that_holds_its_number():
    assert len(PAPER.statements) == 33
    for statement in PAPER.statements:
        words = statement.sentence.replace(" ", "")
        assert statement.printed.strip("~").rstrip("M%") in words, statement


BASES = {
    "section 4.2, against DARTS second order": ("table2", "DARTS † second order"),
    "section 4.2, against DARTS first order": ("table2", "DARTS † first order"),
    "section 3.3, against DARTS": ("table3", "DARTS"),
    "section 4, against DARTS random": ("table2", "DARTS random"),
}


@pytest.mark.parametrize(
    "statement", [c for c in PAPER.statements if c.statistic == "change"], ids=lambda c: f"{c.row}-{c.column}"
)
def test_the_relative_changes_the_paper_claims_follow_from_its_tables(statement):
    change = relative_change(number(*statement.about), number(*BASES[statement.where], statement.column))

    assert abs(change) == pytest.approx(float(statement.printed.rstrip("%")) / 100, abs=0.01)


@pytest.mark.parametrize(
    ("printed", "unit", "value", "half"),
    [
        ("5.44±0.12", "%", 5.44, "0.12"),
        ("1.0 ± 0.05", "%", 1.0, "0.05"),
        ("~557", "M", 557e6, None),
        ("0.9M", "", 0.9e6, None),
        ("0.357", "B", 357e6, None),
        ("–", "", None, None),
    ],
)
def test_printed_numbers_are_read(printed, unit, value, half):
    found = parse_number(printed, unit)

    assert found.value == value
    assert found.half_range == (None if half is None else Decimal(half))
    assert found.approximate == printed.startswith("~")


@pytest.mark.parametrize("printed", ["", "about 5", "5,9", "nan", "5±", "1.0M5"])
def test_what_is_no_printed_number_is_refused(printed):
    with pytest.raises(ValueError, match="no number as papers print"):
        parse_number(printed)


@pytest.mark.parametrize(
    ("printed", "scale", "text"),
    [("0.579", 10**9, "0.579"), ("0.579", 10**6, "579"), ("~50", 10**6, "~50000"), ("2.10±0.20", 10**9, "2.10±0.20")],
)
def test_a_printed_number_keeps_its_digits_in_another_unit(printed, scale, text):
    assert parse_number(printed, "B").text(scale) == text


def test_the_most_specific_row_stands_beside_ours():
    ours = {"space": "darts_ssc", "weighting": "scalar", "order": 1, "autoaugment": True}

    def fits(match) -> bool:
        return all(ours.get(key) == value for key, value in match.items())

    found = PAPER.table("table2").matching(fits)
    assert found is not None
    assert found.name == SSC


def test_two_rows_that_fit_equally_well_quote_nothing():
    assert PAPER.table("table4").matching(lambda match: "weighting" in match) is None


def test_an_unknown_table_is_refused_with_a_suggestion():
    with pytest.raises(UnknownName, match="did you mean 'table4'"):
        PAPER.table("tabel4")


GOOD = """
source: somewhere
tables:
  one:
    title: "Table 1: one"
    setting: none
    columns: {params: {printed: Par., unit: M}}
    rows: [{name: a, cells: {params: "1.0"}}]
statements: []
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("params: {printed", "size: {printed", "which is not a column"),
        ('"1.0"', '"one"', "no number as papers print"),
        ("name: a", "name: a, nmae: b", "Extra inputs"),
        ("statements: []", "statements: [{printed: '1', where: x, sentence: y, table: two}]", "which is nowhere"),
        ("setting: none", "setting: none\n    setting: again", "duplicate"),
        ("tables:", "tabels:", "tables"),
    ],
)
def test_a_damaged_document_is_refused_with_a_sentence(tmp_path, old, new, message):
    path = tmp_path / "paper.yaml"
    path.write_text(GOOD)
    assert list(load_published(path).tables) == ["one"]
    path.write_text(GOOD.replace(old, new, 1))

    with pytest.raises(TableError, match=message):
        load_published(path)
