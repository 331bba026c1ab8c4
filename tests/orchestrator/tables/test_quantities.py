"""Numbers are written as the paper writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.tables.quantities import QUANTITIES, change_text, number_text, quantity_of, spread_text, unit_for
from trainables.catalog import CATALOG, TIMING

PERCENT = quantity_of("test_error_best").units[0]


@pytest.mark.parametrize(
    ("value", "text"),
    [(5.425, "5.43"), (2.345, "2.35"), (2.675, "2.68"), (1.005, "1.01"), (0.0, "0.00"), (90, "90.00")],
)
def test_errors_have_two_decimals_and_halves_go_up(value, text):
    assert number_text(value, PERCENT) == text


def test_a_median_that_binary_arithmetic_left_just_off_a_half_rounds_like_the_half():
    median, half_range = (5.4 + 5.45) / 2, (5.45 - 5.4) / 2

    assert half_range != 0.025
    assert spread_text(median, half_range, PERCENT) == "5.43±0.03"


def test_a_number_that_rounds_to_zero_has_no_sign():
    assert number_text(-0.001, PERCENT) == "0.00"


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
    ("change", "text"), [(-0.1343, "−13.4%"), (0.02, "+2.0%"), (0.0, "0.0%"), (-0.0001, "0.0%"), (0.0005, "+0.1%")]
)
def test_a_change_has_a_sign_and_one_decimal(change, text):
    assert change_text(change) == text


def test_every_metric_and_timing_that_trials_have_is_known_by_a_title():
    names = {*TIMING, *(metric for trainable in CATALOG.values() for metric in trainable.metrics)}

    assert names <= set(QUANTITIES)
