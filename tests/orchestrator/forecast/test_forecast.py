"""A forecast: what it rests on, between what it lies, and that it holds what came."""

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from drive import planned
from places import places
from quickstart_rows import quickstart

from orchestrator.document.experiment import load_experiment
from orchestrator.forecast.durations import Durations, Group, Paces
from orchestrator.forecast.forecast import Forecast, Range, foresee
from orchestrator.forecast.outlook import Outlook
from orchestrator.forecast.slots import Slots
from orchestrator.ledger import TrialState
from orchestrator.planning.plan import PlannedTrial, Resources, expand
from orchestrator.work import Work
from trainables.catalog import CATALOG
from trainables.record.beats import AtWork
from trainables.record.claims import Claim, Process

GPU = Resources(cpus=1, gpus=1)
NEW = TrialState(state="new", reason="never started")
TWO = places([{"CPU": 2.0}])


def trainings(count: int, stage: str = "train", trainable: str = "train", cost: float = 1e9) -> list[PlannedTrial]:
    """Return as many trials that ask for a GPU."""
    spec = [replace(planned(seed, stage=stage).spec, trainable=trainable) for seed in range(count)]
    return [
        replace(planned(0), spec=each, trial_id=each.trial_id, stage=stage, resources=GPU, expected_cost=cost)
        for each in spec
    ]


def foreseen(trials: Sequence[PlannedTrial], gpus: int = 1, done: Sequence[float] = (), **more) -> Forecast:
    """Return the forecast of trials, of which the first took so many seconds."""
    durations = Durations()
    for trial, seconds in zip(trials, done, strict=False):
        durations.note(trial, seconds)
    outlook = Outlook(open=trials[len(done) :], durations=durations, done=len(done), **more)
    found = foresee(outlook, Slots.of_gpus(gpus, trials))
    assert found is not None
    return found


def finish(*given, **more) -> Range:
    found = foreseen(*given, **more).finish
    assert found is not None
    return found


def width(found: Range) -> float:
    assert 0 < found.low <= found.median <= found.high
    return math.sqrt(found.high / found.low)


def test_where_nothing_is_to_do_there_is_no_forecast():
    plan, rows = quickstart()
    states = {trial_id: TrialState(state="done", reason="", row=row) for trial_id, row in rows.items()}

    assert foresee(Outlook.of(plan.trials, states), TWO) is None
    assert foresee(Outlook.of([], {}), TWO) is None


def test_the_same_trials_and_states_give_the_same_forecast():
    trials = trainings(30)

    assert foreseen(trials, done=[9.0, 11.0]) == foreseen(trials, done=[9.0, 11.0])


def test_trials_go_on_as_those_of_their_stage_did_the_surer_the_more_are_done():
    chance = Random(1)
    took = [100 * math.exp(chance.gauss(0, 0.1)) for _ in range(64)]
    few, many = (foreseen(trainings(100), done=took[:count]) for count in (2, 64))

    assert few.stages["train"].basis == many.stages["train"].basis == "done"
    assert many.finish is not None
    assert few.finish is not None
    assert many.finish.low < 36 * 100 < many.finish.high
    assert 1.1 < width(many.finish) < 1.5
    assert width(many.finish) < width(few.finish)
    assert many.gpu_hours.median == pytest.approx(many.finish.median / 3600, rel=0.1)


def test_a_stage_of_which_nothing_is_done_goes_by_others_and_is_less_sure():
    seen, spread = trainings(9, "first"), [90.0, 95.0, 105.0, 110.0]
    rests = (seen[4:], trainings(5, "second"), trainings(5, "third", "search", 1e8))
    known, kin, other = (foreseen([*seen[:4], *rest], done=spread) for rest in rests)
    unknown = foreseen(trainings(5, "fourth", "something else", 1.0))

    bases = [rest.basis for each in (known, kin, other, unknown) for rest in each.stages.values()]
    assert bases == ["done", "kind", "any", "rough"]
    assert known.factor < kin.factor < other.factor < unknown.factor
    assert kin.gpu_hours.median == pytest.approx(known.gpu_hours.median, rel=0.25)


def test_what_other_experiments_took_here_is_worth_something():
    trials = trainings(5)
    slow = Paces()
    for _ in range(3):
        slow.add(math.log(10))
    told = foreseen(trials, elsewhere={Group("train", "", 1.0, 0): slow})
    rough = foreseen(trials)

    assert told.stages["train"].basis == "elsewhere"
    assert told.gpu_hours.median == pytest.approx(10 * rough.gpu_hours.median, rel=0.3)
    assert told.factor < rough.factor


def test_trials_are_wrong_together_so_that_many_are_no_surer_than_few_where_nothing_is_known():
    few, many = (foreseen(trainings(count)).gpu_hours for count in (3, 150))

    assert width(many) == pytest.approx(width(few), rel=0.1)
    assert many.median == pytest.approx(50 * few.median, rel=0.2)


def test_more_gpus_are_no_later_and_cost_the_same():
    trials = trainings(40)
    found = [foreseen(trials, gpus) for gpus in (1, 4, 64)]
    one, four, many = (each.finish.median for each in found if each.finish is not None)

    assert one / 4 == pytest.approx(four, rel=0.15)
    assert many < four / 3
    assert len({each.gpu_hours for each in found}) == 1


def test_very_many_trials_are_bounded_instead_of_simulated_and_the_two_agree():
    few, many = (finish(trainings(count), 8, done=[100.0, 110.0, 90.0, 105.0]) for count in (204, 208))

    assert many.median == pytest.approx(few.median * 204 / 200, rel=0.1)
    assert width(many) == pytest.approx(width(few), rel=0.1)


def test_a_trial_that_says_what_it_needs_is_believed_and_of_one_that_was_begun_the_rest_counts():
    [trial] = trainings(1)
    whole, half = finish([trial]), finish([trial], share={trial.trial_id: 0.5})
    told = finish([trial], share={trial.trial_id: 0.5}, told={trial.trial_id: 50.0})

    assert half.median == pytest.approx(whole.median / 2)
    assert 40 < told.low < 50 < told.high < 65


def test_trials_that_no_node_holds_are_counted_and_never_done():
    found = foresee(Outlook(open=trainings(3), durations=Durations()), TWO)

    assert found is not None
    assert (found.finish, found.stranded, found.trials) == (None, 3, 3)
    assert found.gpu_hours.median > 0
    assert found.to_json()["finish_seconds"] is None


def test_hours_are_those_of_what_each_trial_holds():
    trials = [replace(trial, resources=Resources(cpus=4, gpus=0.5)) for trial in trainings(4)]
    on_cpus = [replace(trial, resources=Resources(cpus=4)) for trial in trials]
    gpus, cpus = (foreseen(each, done=[3600.0, 3600.0]) for each in (trials, on_cpus))

    assert gpus.cpu_hours.high == cpus.gpu_hours.high == 0
    assert gpus.gpu_hours.median == pytest.approx(2 * 0.5, rel=0.2)
    assert cpus.cpu_hours.median == pytest.approx(2 * 4, rel=0.2)


def test_the_first_forecast_of_a_quickstart_holds_what_it_takes():
    """120 to 150 s on two free cores, two and a half times as long where others worked on them."""
    plan, rows = quickstart()
    found = foresee(Outlook.of(plan.trials, dict.fromkeys(rows, NEW)), TWO)

    assert found is not None
    assert found.finish is not None
    assert found.finish.low < 120 < 400 < found.finish.high
    seconds = sum(float(row.timing["wall_seconds"]) for row in rows.values())
    assert found.cpu_hours.low < seconds / 3600 < found.cpu_hours.high
    assert 3 < found.factor < 7


def test_the_first_forecast_of_the_papers_table_is_what_the_paper_needed():
    """15 trainings of 2.8 days, 27 of 1.4, searches of 0.8 and 1.8 days on its GPUs."""
    trials = expand(load_experiment("table2"), CATALOG).trials
    found = foresee(Outlook.of(trials, {trial.trial_id: NEW for trial in trials}), Slots.of_gpus(8, trials))

    assert found is not None
    days = 15 * 2.8 + 27 * 1.4 + 2.6
    assert days / 2 < found.gpu_hours.median / 24 < 2 * days


@pytest.mark.parametrize("done", [2, 5, 10])
def test_in_the_middle_of_a_quickstart_the_rest_is_held(done):
    plan, rows = quickstart()
    first = list(rows)[:done]
    states = {
        trial_id: TrialState(state="done", reason="", row=row) if trial_id in first else NEW
        for trial_id, row in rows.items()
    }
    found = foresee(Outlook.of(plan.trials, states), Slots.local())

    assert found is not None
    assert found.finish is not None
    rest = sum(float(row.timing["wall_seconds"]) for trial_id, row in rows.items() if trial_id not in first)
    assert found.finish.low < rest < found.finish.high
    assert found.done == done


def test_the_outlook_reads_from_states_what_is_open_begun_and_told():
    done, begun, told, failed, new = (replace(planned(seed), effective={"root": {"epochs": 4}}) for seed in range(5))
    claim = Claim(number=1, token="", driver="", driver_process=Process.current(), worker_process=Process.current())
    at_work = AtWork(since="2026-11-29T03:50:28+00:00", left=12.0)
    states = {
        done.trial_id: TrialState(state="done", reason="", row=next(iter(quickstart()[1].values()))),
        begun.trial_id: TrialState(state="resumable", reason="", epoch=3),
        told.trial_id: TrialState(
            state="running", reason="", work=Work(claim=claim, beat=None, at_work=at_work, age=None)
        ),
        failed.trial_id: TrialState(state="failed", reason=""),
        new.trial_id: NEW,
    }
    outlook = Outlook.of([done, begun, told, failed, new, new], states)

    assert [*outlook.open] == [begun, told, new]
    assert (outlook.share, outlook.told) == ({begun.trial_id: 0.25}, {told.trial_id: 12.0})
    assert (outlook.done, outlook.at_work) == (1, {told.trial_id})
