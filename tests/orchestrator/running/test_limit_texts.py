"""`--budget` and `--until` as people write them."""

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from orchestrator.errors import RunError
from orchestrator.running.limit_texts import read_budget, read_until
from orchestrator.running.limits import Budget, amount_text, clock_text
from trainables.errors import SharptuneError

HOUR = 3600.0
NOW = datetime(2026, 11, 29, 17, 30)


@pytest.mark.parametrize(
    ("text", "hours", "unit", "said"),
    [
        ("3gpu-days", 72, "gpu", "3 GPU days"),
        ("12 GPU-hours", 12, "gpu", "12 GPU hours"),
        ("1gpu-day", 24, "gpu", "24 GPU hours"),
        ("0.5cpu-hours", 0.5, "cpu", "0.5 CPU hours"),
        ("1cpu-hour", 1, "cpu", "1 CPU hour"),
        ("2.5cpu-days", 60, "cpu", "2.5 CPU days"),
        ("1234gpu-days", 1234 * 24, "gpu", "1,234 GPU days"),
        ("0.005cpu-hours", 0.005, "cpu", "18 CPU seconds"),
    ],
)
def test_a_budget_is_a_number_and_its_unit(text, hours, unit, said):
    budget = read_budget(text)

    assert budget == Budget(seconds=hours * HOUR, unit=unit)
    assert amount_text(budget.seconds, budget.unit) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3", "--budget '3': write a number and its unit, gpu-hours, gpu-days, cpu-hours or cpu-days, as in 3gpu-days"),
        ("many", "--budget 'many': write a number and its unit"),
        ("-1gpu-days", "--budget '-1gpu-days': write a number"),
        ("3gpudays", "unknown unit of --budget 'gpudays'; did you mean 'gpu-days'? known: cpu-days, cpu-hours,"),
        ("3tpu-hours", "unknown unit of --budget 'tpu-hours'; did you mean"),
        ("0gpu-days", "--budget '0gpu-days': with nothing to spend nothing runs; sharptune plan shows what would"),
    ],
)
def test_what_is_no_budget_is_said_in_a_sentence(text, said):
    with pytest.raises(SharptuneError) as caught:
        read_budget(text)

    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("18:00", "2026-11-29T18:00"),
        ("17:30", "2026-11-30T17:30"),  # the next such time
        ("8:05", "2026-11-30T08:05"),
        ("2026-12-01T08:00", "2026-12-01T08:00"),
        ("2026-12-01 08:00:30", "2026-12-01T08:00:30"),
        ("+6h", "2026-11-29T23:30"),
        ("+90min", "2026-11-29T19:00"),
        ("+ 1.5 d", "2026-12-01T05:30"),
        ("+20000min", "2026-12-13T14:50"),
    ],
)
def test_a_deadline_is_a_time_of_day_a_date_or_a_time_from_now(text, moment):
    assert read_until(text, NOW) == datetime.fromisoformat(moment)


def test_a_deadline_with_a_zone_is_shown_by_the_clock_here():
    moment = read_until("2026-12-01T08:00Z", NOW)

    assert moment.timestamp() == datetime.fromisoformat("2026-12-01T08:00+00:00").timestamp()
    assert moment.tzinfo is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("6pm", "write a time of day (18:00), a date with its time (2026-12-01T08:00), or a time from now (+6h; "),
        ("25:00", "write a time of day"),
        ("+6", "write a time of day"),
        ("+6x", "write a time of day"),
        ("2026-12-01", "write a time of day"),
        ("2026-13-01T08:00", "write a time of day"),
        ("2026-11-01T08:00", "that is over; it is 2026-11-29 17:30"),
        ("+0h", "that is over"),
        ("+999999999d", "that is in more than ten years"),
        ("9999-12-31T23:59-10:00", "that is in more than ten years"),
        ("0001-01-01T00:00+10:00", "that is over"),
    ],
)  # fmt: skip
def test_what_is_no_deadline_is_said_in_a_sentence(text, said):
    with pytest.raises(RunError) as caught:
        read_until(text, NOW)

    assert str(caught.value).startswith(f"--until {text!r}: {said}")


@pytest.fixture
def clock_put_back(monkeypatch) -> Iterator[datetime]:
    """Give a moment at which it is 2:45, a quarter of an hour before the clock is put back to 2:00."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield datetime(2026, 10, 25, 2, 45)
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "hours"), [("+30min", 0.5), ("02:30", 0.75), ("02:50", 1 / 12), ("03:30", 1.75), ("02:45", 1)]
)
def test_in_the_night_in_which_the_clock_is_put_back_a_deadline_is_the_next_such_moment(clock_put_back, text, hours):
    moment = read_until(text, clock_put_back)

    assert moment.timestamp() - clock_put_back.timestamp() == hours * HOUR


def test_a_time_has_its_day_where_that_is_not_today():
    now = datetime(2026, 11, 29, 17, 30).timestamp()

    assert clock_text(now + 1800, now) == "18:00"
    assert clock_text(now + 86400, now) == "2026-11-30 17:30"
