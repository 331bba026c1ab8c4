"""What would have been forecast of a run that is over is made of what was known then, and set beside what came."""

import runpy
from datetime import datetime
from pathlib import Path

import pytest
from quickstart_rows import quickstart

OF_RUNS = runpy.run_path(str(Path(__file__).with_name("forecast_of_runs.py")))
held_against, summary = OF_RUNS["held_against"], OF_RUNS["summary"]


@pytest.fixture(scope="module")
def told():
    """Return the forecasts of a quickstart, as if its trials had run one after the other."""
    plan, rows = quickstart()
    ends = sorted(datetime.fromisoformat(str(row.timing["finished"])).timestamp() for row in rows.values())
    return [*held_against(plan, rows, ends[0] - 16, ends[-1] + 1, "local")], ends


def test_the_truth_is_the_time_from_each_moment_to_the_end(told):
    forecasts, ends = told

    assert [each.moment for each in forecasts] == ["at the start", "a quarter done", "half done"]
    assert [each.truth for each in forecasts] == [
        ends[-1] + 17 - ends[0],
        ends[-1] + 1 - ends[3],
        ends[-1] + 1 - ends[6],
    ]


def test_the_more_is_done_the_less_is_left_and_the_surer_it_is(told):
    start, quarter, half = (each.finish for each in told[0])

    assert start.high / start.low > 4 > 2 > quarter.high / quarter.low > 1
    assert quarter.median > half.median
    assert quarter.median == pytest.approx(10 * 16.5, rel=0.15)


def test_what_was_held_is_counted_by_moment(told):
    forecasts, _ = told
    found = summary(forecasts)

    assert found["all"]["forecasts"] == 3
    assert found["all"]["cover"] == pytest.approx(sum(each.covered for each in forecasts) / 3, abs=1e-3)
    assert [" in" in each.line()[-4:] for each in forecasts] == [each.covered for each in forecasts]
