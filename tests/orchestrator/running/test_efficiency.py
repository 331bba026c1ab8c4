"""How well a run fills its places, on a simulated clock: a thousand trials here, ten thousand in the benchmark."""

import pytest
from simulated_run import KINDS, Rows, efficiencies, frontier, grid, makespan


@pytest.mark.parametrize("slots", [26, 102])
@pytest.mark.parametrize("kind", ["lengths", "evaluated"])
def test_at_most_a_fiftieth_of_the_places_time_is_lost_though_no_duration_is_known(kind, slots):
    found = efficiencies(grid(KINDS[kind], part=10), slots)

    assert found["ours"] >= 0.98
    assert found["stage after stage"] < 0.95
    assert found["in the order of the plan"] < (found["ours"] if slots < 100 else 0.95)
    assert found["ours, had it known all durations"] - found["ours"] < 0.01


def test_no_schedule_is_shorter_than_the_bound():
    drawn = grid(KINDS["alike"], part=100)

    for slots in (1, 10, 200):
        rows, places = Rows(), [1.0] * slots
        assert makespan(drawn, frontier(drawn, rows), rows, places) >= drawn.bound(places) * (1 - 1e-9)
