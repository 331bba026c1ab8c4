"""Numbers are written as the paper writes them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.tables.quantities import QUANTITIES, change_text, number_text, number_texts, quantity_of, unit_for
from trainables.catalog import CATALOG, TIMING

PERCENT = quantity_of("test_error_best").units[0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.425, "5.43"),
        (2.345, "2.35"),
        (2.675, "2.68"),
        (0.125, "0.13"),
        (-0.125, "−0.13"),
        (0.0, "0.00"),
        (90, "90.00"),
    ],
)
def test_errors_have_two_decimals_and_halves_go_up(value, text):
    assert number_text(value, PERCENT) == text


@pytest.mark.parametrize(
    ("metric", "median", "half_range", "text"),
    [
        ("test_error", 5.445, 0.004, "5.445±0.004"),
        ("test_error", 5.44, 0.12, "5.44±0.12"),
        ("test_error", 5.44, 0.0, "5.44±0.00"),
        ("test_error", 5.44, 1e-9, "5.44±1.0e-9"),
        ("test_error", 0.0, 0.25, "0.00±0.25"),
        ("params", 3_529_270, 420, "3.5293±0.0004"),
        ("cpu_days", 0.00028, 0.0000021, "0.000280±0.000002"),
        ("cpu_days", 0.00028, 0.0, "0.00028±0.00000"),
        ("cpu_days", 0.0, 0.3, "0.00±0.30"),
        ("wall_seconds", 86_400, 0.04, "86400.00±0.04"),
        ("wall_seconds", 3.2e9, 45.26, "3.2e9±45"),
        ("wall_seconds", 2.8e-9, 45.26, "2.8e-9±45"),
        ("peak_memory_bytes", 2**30, 2**9, "1.0±4.8e-7"),
    ],
)
def test_a_spread_that_is_there_is_seen(metric, median, half_range, text):
    unit = unit_for(quantity_of(metric), [median])

    assert "±".join(number_texts([median, half_range], unit)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.004, "0.004"),
        (-0.001, "−0.001"),
        (-9.96e-8, "−1.0e-7"),
        (0.0096, "0.01"),
        (9.96e-8, "1.0e-7"),
        (1e9, "1.0e9"),
    ],
)
def test_only_nothing_looks_like_nothing_and_no_number_is_a_mile_long(value, text):
    assert number_text(value, PERCENT) == text


@given(st.integers(0, 10_000))
def test_every_error_on_ten_thousand_images_is_written_exactly(wrong):
    assert number_text(100 * wrong / 10_000, PERCENT) == f"{wrong // 100}.{wrong % 100:02d}"


@pytest.mark.parametrize(
    ("metric", "value", "text", "symbol"),
    [
        ("params", 3_529_270, "3.53", "M"),
        ("params", 23_456, "23.5", "k"),
        ("addmult", 578_600_000, "0.579", "B"),
        ("addmult", 31_020_000, "31.0", "M"),
        ("gpu_days", 0.8, "0.80", ""),
        ("gpu_days", 3150, "3150", ""),
        ("gpu_days", 45.26, "45", ""),
        ("gpu_days", 0.000521, "0.00052", ""),
        ("gpu_days", 0.0, "0", ""),
        ("peak_memory_bytes", 3 * 2**29, "1.5", "GiB"),
        ("anything_else", 1234.5, "1235", ""),
    ],
)
def test_a_metric_is_written_in_a_unit_that_suits_it(metric, value, text, symbol):
    unit = unit_for(quantity_of(metric), [value])

    assert (number_text(value, unit), unit.symbol) == (text, symbol)


def test_one_small_number_gives_the_whole_column_the_smaller_unit():
    assert unit_for(quantity_of("addmult"), [578_600_000, 31_000_000]).symbol == "M"


@given(st.lists(st.floats(1, 1e12), min_size=1), st.randoms())
def test_the_unit_does_not_depend_on_the_order_of_numbers(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)

    assert unit_for(quantity_of("addmult"), values) == unit_for(quantity_of("addmult"), shuffled)


@pytest.mark.parametrize(
    ("value", "baseline", "text"),
    [
        ("2.45", "2.83", "−13.4%"),
        ("1.02", "1.00", "+2.0%"),
        ("1.00", "1.00", "0.0%"),
        ("1.0005", "1.0000", "+0.1%"),
        ("9999", "10000", "−0.01%"),
        ("5", "2.5", "+100.0%"),
        ("3.0e9", "1", "+3.0e11%"),
        ("-1.1", "-2.2", "+50.0%"),
    ],
)
def test_a_change_has_a_sign_and_one_decimal_or_more_where_it_would_look_like_none(value, baseline, text):
    assert change_text(Decimal(value), Decimal(baseline)) == text


def test_every_metric_and_timing_that_trials_have_is_known_by_a_title():
    names = {*TIMING, *(metric for trainable in CATALOG.values() for metric in trainable.metrics)}

    assert names <= set(QUANTITIES)
