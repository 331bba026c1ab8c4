"""A forecast as people read it."""

from dataclasses import replace

import pytest

from orchestrator.forecast.forecast import Forecast, Range, Rest
from orchestrator.forecast.slots import Slots
from orchestrator.forecast.words import lines, number

NONE = Range(low=0.0, median=0.0, high=0.0)
HOURS = Range(low=30.2, median=41.0, high=60.4)
TRAIN = Rest(trials=12, seconds=HOURS, basis="done")
GIVEN = Forecast(
    slots=Slots.of_gpus(2),
    trials=12,
    gpu_hours=HOURS,
    cpu_hours=NONE,
    disk_bytes=12.4e9,
    finish=Range(low=16 * 3600.0, median=21 * 3600.0, high=30 * 3600.0),
    stranded=0,
    stages={"train": TRAIN},
    done=12,
)


def test_it_says_what_is_still_to_do_what_that_rests_on_and_when_it_is_done():
    [line] = lines([GIVEN])

    assert line == (
        "still to do: 41 GPU hours (30 to 60), 12.4 GB on disk, from 12 done trials; "
        "on 2 GPUs done in 21 h (16 to 30, 80 %)"
    )


def test_several_machines_have_a_line_each():
    head, *each = lines([GIVEN, replace(GIVEN, slots=Slots.of_gpus(64))])

    assert head == "still to do: 41 GPU hours (30 to 60), 12.4 GB on disk, from 12 done trials"
    assert [line.split(" done")[0] for line in each] == ["  on 2 GPUs", "  on 64 GPUs"]


def test_where_nothing_is_to_do_nothing_is_said():
    assert lines([]) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"done": 1}, "from 1 done trial;"),
        ({"done": 1200}, "from 1,200 done trials;"),
        ({"stages": {"search": replace(TRAIN, basis="kind"), "train": TRAIN}}, "from 12 done trials, none of search;"),
        ({"done": 0, "stages": {"train": replace(TRAIN, basis="elsewhere")}}, "from done trials of other experiments;"),
        (
            {"done": 0, "stages": {"train": replace(TRAIN, basis="rough")}},
            "from the cost model alone: a factor of 1.5 either way;",
        ),
        ({"gpu_hours": NONE, "cpu_hours": HOURS}, "still to do: 41 CPU hours (30 to 60), 12.4 GB"),
        ({"cpu_hours": Range(low=1.0, median=2.0, high=3.0)}, "still to do: 41 GPU hours (30 to 60), 12.4 GB"),
        (
            {"cpu_hours": Range(low=900.0, median=1234.0, high=3000.0)},
            "still to do: 41 GPU hours (30 to 60), 1,200 CPU hours (900 to 3,000), 12.4 GB",
        ),
        ({"gpu_hours": Range(low=0.1, median=0.2, high=1.0)}, "still to do: 12 GPU minutes (6 to 60), "),
        ({"gpu_hours": Range(low=0.001, median=0.002, high=0.1)}, "still to do: 7.2 GPU seconds (3.6 to 360), "),
        ({"disk_bytes": 0.0}, "(30 to 60), from 12 done trials;"),
        ({"finish": Range(low=9e4, median=2e6, high=9e6)}, "on 2 GPUs done in 23 d (1 to 100, 80 %)"),
        (
            {"finish": None, "stranded": 3},
            "; not on 2 GPUs, which cannot hold 3 of 12 trials (--gpus N foresees other machines)",
        ),
    ],
)
def test_each_part_is_said_as_it_is(change, said):
    [line] = lines([replace(GIVEN, **change)])

    assert said in line


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.123, "0.12"), (9.94, "9.9"), (9.96, "10"), (41.4, "41"), (4149.0, "4,100"), (99.6, "100")],
)
def test_two_digits_count(value, shown):
    assert number(value) == shown
