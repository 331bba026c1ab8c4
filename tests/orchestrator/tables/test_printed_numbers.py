"""Whatever runs measure: what is printed is true to its last digit, says something, and is everywhere the same."""

import csv
import io
import json
from collections.abc import Sequence
from fractions import Fraction
from itertools import zip_longest

from few import few
from hypothesis import given
from hypothesis import strategies as st
from table_readers import READERS
from table_worlds import FakeTable, make_world

from orchestrator.tables.formats.catalog import render
from orchestrator.tables.layout import NOTHING
from orchestrator.tables.quantities import QUANTITIES, quantity_of
from orchestrator.tables.table import Table, build

LOOKS = {(quantity.kind, quantity.units): metric for metric, quantity in reversed(QUANTITIES.items())}
METRICS = (*LOOKS.values(), "a_metric_of_someones_own")
"""One of each look that a quantity has."""
COUNTS = [metric for metric, quantity in QUANTITIES.items() if quantity.kind == "count"]
UNITS = {"%": 1, "s": 1, "k": 10**3, "M": 10**6, "B": 10**9, "GiB": 2**30, "MiB": 2**20}
LONGEST = 17
"""Characters of the longest number."""
ARMS = ("a", "b", "c")
SEEDS = (0, 1, 2, 3)

Runs = Sequence[Sequence[float]]
"""What the runs of each of ARMS measured."""


def runs_of(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Runs]:
    arm = st.lists(numbers, max_size=len(SEEDS))
    return st.tuples(arm, arm, arm).filter(any)


def near(number: float) -> st.SearchStrategy[float]:
    """Return numbers that differ little from one another."""
    return st.builds(lambda steps, place: number + steps * 10.0**-place, st.integers(0, 9), st.integers(0, 12))


ANY = runs_of(
    st.one_of(
        st.decimals(0, 100, places=3).map(float),
        near(5.44),
        near(0.00028),
        st.floats(-1e3, 1e3),
        st.floats(0, 1e12),
        st.sampled_from([0.0, 2.675, 0.125, 999_999_999.5, 1e-30, 1e30, 5e-3, 3_529_270.0]),
    )
)
WHOLE = runs_of(st.integers(0, 40).map(float))


def table_of(runs: Runs, *, best: bool = False, metrics: Sequence[str] = METRICS) -> Table:
    """Return a table of arms whose runs measured these numbers, as each of some quantities, against the first arm."""
    world = make_world(weightings=ARMS, ps=(1,), seeds=SEEDS)
    for arm, values in zip(ARMS, runs, strict=True):
        for seed, value in zip_longest(SEEDS, values):
            trial = world.find("train", **{"search.weighting": arm}, p=1, seed=seed)
            if value is None:
                del world.rows[trial.trial_id]
            else:
                world.change(trial, metrics=dict.fromkeys(metrics, value), timing={})
    statistic = "best" if best else "median"
    asked = FakeTable(rows=("weighting",), columns=metrics, baseline={"weighting": "a"}, statistic=statistic)
    return build(world.plan, world.rows, asked)


def cells_of(table: Table) -> list[dict[str, tuple[str, str]]]:
    """Return what is printed of each row, by column: the number, and its Δ."""
    found = []
    for _, *entries, _ in READERS["markdown"](render(table, "markdown")):
        pairs = zip(entries[::2], entries[1::2], strict=True)
        found.append(dict(zip((column.name for column in table.columns), pairs, strict=True)))
    return found


def exact(printed: str) -> Fraction:
    return Fraction(printed.replace("−", "-").removesuffix("%").removeprefix("+"))


def half_digit(printed: str) -> Fraction:
    """Return half of what the last digit of a number stands for."""
    digits, _, power = printed.removesuffix("%").partition("e")
    return Fraction(10) ** (int(power or 0) - len(digits.partition(".")[2])) / 2


def scale_of(title: str) -> int:
    return UNITS[title.rpartition("(")[2].removesuffix(")")] if title.endswith(")") else 1


def printed_numbers(table: Table) -> list[tuple[str, Fraction]]:
    """Return each number in a table as printed, beside what it was printed of, in the printed unit."""
    data = json.loads(render(table, "json"))
    found = []
    for row, printed in zip(data["rows"], cells_of(table), strict=True):
        for column in table.columns:
            cell, text = row["cells"][column.name], printed[column.name][0]
            if cell["n"] == 0:
                assert text == NOTHING
                continue
            best = "high" if quantity_of(column.metric).rising else "low"
            values = [cell[best if column.best else "median"], cell["half_range"]]
            scale = scale_of(data["titles"][column.name])
            found += [(t, Fraction(repr(v)) / scale) for t, v in zip(text.split("±"), values, strict=False)]
    return found


@few(25)
@given(ANY, st.booleans())
def test_a_printed_number_is_within_half_of_its_last_digit_and_is_zero_only_where_there_is_nothing(runs, best):
    table = table_of(runs, best=best)
    for text, number in printed_numbers(table):
        assert abs(exact(text) - number) <= half_digit(text), (text, float(number))
        assert (exact(text) == 0) == (number == 0), (text, float(number))
        assert len(text) <= LONGEST, text
    assert len(table.columns) == len(METRICS)


@few(25)
@given(ANY, st.booleans())
def test_a_change_is_that_of_the_numbers_that_are_printed(runs, best):
    rows = cells_of(table_of(runs, best=best))
    assert {change for _, change in rows[0].values()} == {""}
    for row in rows[1:]:
        for column, (text, change) in row.items():
            base = rows[0][column][0]
            if NOTHING in (text, base) or exact(base.partition("±")[0]) == 0:
                assert change == ""
                continue
            value, against = (exact(each.partition("±")[0]) for each in (text, base))
            expected = 100 * (value - against) / abs(against)
            assert abs(exact(change) - expected) <= half_digit(change), (base, text, change)
            assert (change[0] if expected else "") == ("−" if expected < 0 else "+" if expected else "")


def test_between_0_and_5_skips_are_2_and_a_half_and_changes_are_from_there():
    rows = cells_of(table_of(([0.0, 5.0], [1.0, 6.0], [4.0]), metrics=["skips"]))

    assert [row["skips"] for row in rows] == [("2.5±2.5", ""), ("3.5±2.5", "+40.0%"), ("4.0", "+60.0%")]


def test_half_of_an_odd_range_is_no_whole_number_either():
    rows = cells_of(table_of(([0.0, 2.0, 5.0], [1.0], []), metrics=["skips", "a_metric_of_someones_own"]))

    assert [[text for text, _ in row.values()] for row in rows] == [["2.0±2.5"] * 2, ["1.0"] * 2, [NOTHING] * 2]


@few(25)
@given(WHOLE)
def test_counts_are_printed_with_their_halves_and_with_the_same_digits_in_the_whole_column(runs):
    table = table_of(runs, metrics=COUNTS)
    numbers = printed_numbers(table)
    columns = [[row[column.name][0] for row in cells_of(table)] for column in table.columns]

    assert all(exact(text) == number for text, number in numbers)
    for column in columns:
        shown = [number for text in column if text != NOTHING for number in text.split("±")]
        assert {len(number.partition(".")[2]) for number in shown} <= {int(any("." in number for number in shown))}
    assert any(number.denominator == 2 for _, number in numbers) == any("." in text for text, _ in numbers)


@few(25)
@given(st.one_of(ANY, WHOLE), st.booleans())
def test_every_format_prints_the_same_numbers(runs, best):
    table = table_of(runs, best=best)
    expected = cells_of(table)
    words = [[each for pair in row.values() for each in pair] for row in expected]
    latex = [line[1:-1] for line in READERS["latex"](render(table, "latex"))]
    text = [line[1 : -1 if len(line) > 1 else None] for line in READERS["text"](render(table, "text"))]
    rows = json.loads(render(table, "json"))["rows"]
    lines = list(csv.DictReader(io.StringIO(render(table, "csv"))))

    assert latex == words
    assert text == [[each for each in row if each] for row in words]
    for printed, row, line in zip(expected, rows, lines, strict=True):
        for column, cell in row["cells"].items():
            assert (cell["text"].partition(" (")[0], cell.get("change_text", "")) == printed[column]
            for name in ("median", "low", "high", "half_range", "change"):
                in_csv = line[f"{column}.{name}"]
                assert cell.get(name) == (float(in_csv) if in_csv else None)
