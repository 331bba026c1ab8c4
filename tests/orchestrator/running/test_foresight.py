"""When a run is expected to be done, as it goes on; time is set by hand."""

import re
from dataclasses import dataclass, replace

import pytest
from drive import planned

from orchestrator.forecast.durations import Durations
from orchestrator.forecast.forecast import Range
from orchestrator.forecast.outlook import Outlook
from orchestrator.forecast.slots import Slots
from orchestrator.running.foresight import Foresight, rest_text, truth_text
from orchestrator.running.session import Event
from orchestrator.running.time_left import Outline, Pace
from trainables.execution.job import Progress

TRIALS = [planned(seed) for seed in range(20)]
OUTLINE = Outline(stages={"root": [trial.trial_id for trial in TRIALS]}, done=[], epochs={}, costs={}, headline={})


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def foresight_of(clock, trials=TRIALS, **more) -> Foresight:
    return Foresight(Outlook(open=trials, durations=Durations()), Slots.local(), clock=clock, **more)


def finish(foresight: Foresight, clock: Clock, trial, seconds: float, **how) -> None:
    foresight.on_event(Event(kind="started", trial=trial))
    clock.now += seconds
    progress = Progress(trial_id=trial.trial_id, state="done", **how)
    foresight.on_event(Event(kind="finished", trial=trial, progress=progress))


def left_later(foresight: Foresight, clock: Clock) -> Range:
    """Return what is left after a while in which nothing happened."""
    clock.now += 100
    foresight.turn({})
    left = foresight.left()
    assert left is not None
    return left


def test_a_forecast_follows_what_trials_turn_out_to_take(clock):
    foresight = foresight_of(clock)
    at_first = foresight.left()
    for trial in TRIALS[:10]:
        finish(foresight, clock, trial, 5.0)
        foresight.turn({})
    later = foresight.left()

    assert at_first is not None
    assert later is not None
    assert at_first.median > 300  # nothing is known of such trials
    assert later.low <= 50 <= later.high
    assert later.high - later.low < 50


def test_it_learns_nothing_from_a_trial_that_took_over_the_row_of_another(clock):
    foresight = foresight_of(clock)
    for trial in TRIALS[:5]:
        finish(foresight, clock, trial, 0.01, adopted_from="0123456789ab")
        finish(foresight, clock, TRIALS[10 + TRIALS.index(trial)], 5.0)

    assert left_later(foresight, clock).low > 30


def test_when_the_trial_fails_that_others_wait_for_the_next_one_is_work_again(clock):
    first, *others = TRIALS[:3]
    twins = {trial.trial_id: first.trial_id for trial in others}
    outlook = Outlook(open=TRIALS[:3], durations=Durations(), twins=twins, share=dict.fromkeys(twins, 0.0))
    foresight = Foresight(outlook, Slots.local(), clock=clock)
    before = foresight.left()
    failed = Progress(trial_id=first.trial_id, state="failed")

    foresight.on_event(Event(kind="finished", trial=first, progress=failed))

    assert before is not None
    assert left_later(foresight, clock).median == pytest.approx(before.median, rel=0.5)


def test_it_learns_nothing_from_a_trial_of_which_this_run_did_only_a_part():
    clock, begun = Clock(), {trial.trial_id: 0.1 for trial in TRIALS[:5]}
    foresight = Foresight(Outlook(open=TRIALS, durations=Durations(), share=begun), Slots.local(), clock=clock)
    for trial in TRIALS[:5]:
        finish(foresight, clock, trial, 0.5)
        finish(foresight, clock, TRIALS[10 + TRIALS.index(trial)], 5.0)

    assert left_later(foresight, clock).low > 35


def test_it_is_made_anew_with_the_first_news_and_then_not_more_often_than_every_ten_seconds(clock, monkeypatch):
    foresight, made = foresight_of(clock), []
    monkeypatch.setattr("orchestrator.running.foresight.foresee", lambda *_: made.append(clock.now))
    for trial in TRIALS:
        finish(foresight, clock, trial, 1.0)
        foresight.turn({})
    assert made == [1.0, 11.0]

    for _ in range(200):
        clock.now += 1
        foresight.turn({})
    assert made == [1.0, 11.0, 21.0, 81.0, 141.0, 201.0]


def test_time_goes_by_between_two_forecasts(clock):
    foresight = foresight_of(clock)
    before = foresight.left()
    clock.now += 7
    after = foresight.left()
    clock.now += 1e9

    assert before is not None
    assert after is not None
    assert after.median == pytest.approx(before.median - 7)
    assert foresight.left() == Range(low=0, median=0, high=0)


def test_what_a_run_leaves_out_takes_no_time(clock):
    few = {trial.trial_id for trial in TRIALS[:5]}
    some, all_ = foresight_of(clock, chosen=lambda: few), foresight_of(clock)
    clock.now += 100
    for foresight in (some, all_):
        foresight.turn({})
    left = [each.left() for each in (some, all_)]

    assert left[0] is not None
    assert left[1] is not None
    assert left[0].median < left[1].median / 2


def test_a_trial_that_tells_how_long_it_needs_is_believed(clock):
    foresight = foresight_of(clock, TRIALS[:1])
    foresight.on_event(Event(kind="started", trial=TRIALS[0]))
    clock.now += 100
    foresight.turn({TRIALS[0].trial_id: 40.0})
    left = foresight.left()

    assert left is not None
    assert 28 < left.low < 40 < left.high < 55


def test_once_all_is_done_nothing_is_left_to_say(clock):
    foresight = foresight_of(clock, TRIALS[:1])
    finish(foresight, clock, TRIALS[0], 5.0)
    foresight.turn({})

    assert foresight.left() is None
    assert rest_text(foresight, Pace(outline=OUTLINE)) == ""
    assert foresight_of(clock, []).first is None


def test_the_rest_is_said_with_between_what_it_is(clock):
    foresight = foresight_of(clock, TRIALS[:1])

    said = rest_text(foresight, Pace(outline=OUTLINE), "left in all")
    assert re.fullmatch(r"\d+ s left in all \(\d+ s to \d+ min\)", said)
    assert rest_text(None, Pace(outline=OUTLINE)) == ""


def test_the_forecast_of_the_start_is_set_beside_what_came_where_it_is_a_minute_or_more(clock):
    forecast = foresight_of(clock, TRIALS[:1]).first
    assert forecast is not None
    long = replace(forecast, finish=Range(low=5400, median=7800, high=10800))

    assert truth_text(forecast, 20, "done") == ""
    assert truth_text(long, 8640, "done") == (
        "forecast at the start: 2 h 10 min (1 h 30 min to 3 h 00 min); it took 2 h 24 min"
    )
    assert truth_text(long, 3600, "interrupted").endswith("; interrupted after 60 min")
    assert truth_text(long, 3600, "limit").endswith("; ended by its limit after 60 min")
    assert truth_text(replace(forecast, finish=None), 3600, "interrupted") == ""
