"""Trials of one run that are alike: one works, the others take over its row, and nobody waits for ever."""

import dataclasses

from drive import planned
from fakes import CATALOG
from jobs import folder_of, make_job
from places import places
from running_contract import essences, go

from orchestrator.forecast.durations import Durations
from orchestrator.forecast.forecast import foresee
from orchestrator.forecast.outlook import Outlook
from orchestrator.forecast.schedule import simulate
from orchestrator.forecast.slots import Slots
from orchestrator.ledger import Ledger
from orchestrator.report.methods import compute_of
from orchestrator.running.alike import named
from orchestrator.running.session import Event
from orchestrator.running.time_left import Outline, Pace
from trainables.execution.job import Progress
from trainables.execution.likeness import LIKENESSES
from trainables.record.storage import open_storage
from trainables.record.trial_folder import ROW

LINK = {"parent": 0, "key": "genotype"}


def twice(children=1):
    """Return two roots that find the same, and the children of each."""
    roots = [planned(0, epochs=2, steps=1, hold=f"/nowhere-{n}") for n in (1, 2)]
    return [*roots, *(planned(seed, (root.trial_id,), link=LINK) for root in roots for seed in range(children))]


def adopted(storage):
    rows = Ledger(open_storage(storage)).rows()
    return {trial_id: row.adopted_from for trial_id, row in rows.items() if row.adopted_from}


def test_a_later_run_takes_over_what_an_earlier_one_did_for_another_parent(tmp_path):
    trials = twice()
    go(tmp_path, [trials[0], trials[2]])

    go(tmp_path, trials)

    assert adopted(tmp_path) == {trials[3].trial_id: trials[2].trial_id}


def test_a_trial_that_is_to_keep_its_checkpoints_works_for_them(tmp_path):
    *before, last = twice()
    trials = [*before, dataclasses.replace(last, keep_checkpoints=True)]
    go(tmp_path, before)
    ledger = Ledger(open_storage(tmp_path))

    states = named(trials, ledger.states(trial.spec for trial in trials), ledger, CATALOG)
    go(tmp_path, trials)

    assert states[last.trial_id].twin == ""
    assert adopted(tmp_path) == {}
    assert list((tmp_path / "trials" / last.trial_id / "checkpoints").iterdir())


def test_told_not_to_adopt_each_trial_works_and_finds_the_same(tmp_path):
    trials = twice(children=2)

    go(tmp_path / "each", trials, adopt=False)
    go(tmp_path / "once", trials)

    assert adopted(tmp_path / "each") == {}
    assert len(adopted(tmp_path / "once")) == 2
    assert essences(tmp_path / "each") == essences(tmp_path / "once")


def test_the_same_winner_after_another_candidate_joined_is_not_trained_again(tmp_path):
    few = [planned(seed, epochs=1) for seed in (0, 1)]
    more = [*few, planned(2, epochs=1)]
    link = {"parent": {"best": "error"}, "key": "genotype"}

    def best_of(roots):
        return planned(0, tuple(sorted(root.trial_id for root in roots)), link=link)

    go(tmp_path, [*few, best_of(few)])
    go(tmp_path, [*more, best_of(more)])
    rows = Ledger(open_storage(tmp_path)).rows()
    before, after = rows[best_of(few).trial_id], rows[best_of(more).trial_id]
    only = planned(0, (before.artifacts["chosen"]["trial"],), link=LINK)
    go(tmp_path, [only])
    of_winner = Ledger(open_storage(tmp_path)).rows()[only.trial_id]

    assert after.artifacts["chosen"] == before.artifacts["chosen"]
    assert after.adopted_from == of_winner.adopted_from == before.trial_id
    assert (len(after.parents), len(of_winner.parents)) == (3, 1)
    assert "chosen" not in of_winner.artifacts


def test_what_would_be_taken_over_is_foreseen_and_once_it_is_it_is_said(tmp_path):
    trials = twice()
    ledger = Ledger(open_storage(tmp_path))
    go(tmp_path, trials[:2])

    def states():
        return named(trials, ledger.states(trial.spec for trial in trials), ledger, CATALOG)

    one, other = trials[2].trial_id, trials[3].trial_id
    assert (
        states()[other].reason == f"never started; would take over the row of {one}, which is alike, once that is done"
    )
    go(tmp_path, [trials[2]])
    assert states()[other].reason == f"never started; would take over the row of {one}, which is alike"
    assert states()[other].twin == one
    go(tmp_path, trials)
    assert states()[other].reason == f"its row is in the storage, taken over from {one}, which is alike"
    assert (states()[other].twin, states()[one].twin) == (one, "")


def test_what_would_be_taken_over_is_no_work_in_a_forecast_and_what_needs_it_waits_for_the_trial_that_works(tmp_path):
    """Two searches that found the same, two trainings of one second each, and what needs the second: two seconds."""
    trials = [dataclasses.replace(trial, stage=stage) for trial, stage in zip(twice(), "rrtt", strict=True)]
    trials.append(dataclasses.replace(planned(0, (trials[3].trial_id,)), stage="z"))
    trials = [dataclasses.replace(trial, expected_cost=1.0) for trial in trials]
    go(tmp_path, trials[:2])
    ledger = Ledger(open_storage(tmp_path))
    states = ledger.states(trial.spec for trial in trials)

    states, unnamed = named(trials, states, ledger, CATALOG), states
    once, each, alone = (
        foresee(Outlook.of(some, at), Slots.local())
        for some, at in ((trials, states), (trials, unnamed), ([*trials[:3], trials[4]], unnamed))
    )
    outlook = Outlook.of(trials, states)
    seconds = {trial.trial_id: outlook.share.get(trial.trial_id, 1.0) for trial in outlook.open}
    schedule = simulate(outlook.open, seconds, places([{"CPU": 64.0}]))

    assert stages_of(once) == {"t": 1, "z": 1}
    assert stages_of(each) == {"t": 2, "z": 1}
    assert once is not None
    assert alone is not None
    assert once.cpu_hours == alone.cpu_hours
    assert [schedule.end[trial.trial_id] for trial in trials[2:]] == [1.0, 1.0, 2.0]


def stages_of(found):
    return {stage: rest.trials for stage, rest in found.stages.items()}


def test_where_all_that_is_to_run_takes_rows_over_nothing_is_to_do(tmp_path):
    trials = twice()
    go(tmp_path, trials[:3])
    ledger = Ledger(open_storage(tmp_path))
    states = named(trials, ledger.states(trial.spec for trial in trials), ledger, CATALOG)

    assert foresee(Outlook.of(trials, states), Slots.local()) is None


def test_where_a_run_leaves_out_all_that_could_start_nothing_is_to_do(tmp_path):
    """It has room neither for the trial that works nor for the one that waits for it."""
    trials = twice()
    go(tmp_path, trials[:2])
    ledger = Ledger(open_storage(tmp_path))
    outlook = Outlook.of(trials, named(trials, ledger.states(trial.spec for trial in trials), ledger, CATALOG))

    assert len(outlook.open) == 2
    assert foresee(dataclasses.replace(outlook, open=()), Slots.local()) is None


def test_a_trial_that_another_run_has_at_work_is_the_one_to_wait_for_wherever_it_stands_in_the_plan(tmp_path):
    trials = twice()
    go(tmp_path, trials[:2])
    job = dataclasses.replace(make_job(tmp_path), spec=trials[3].spec)
    folder_of(job).claims.acquire(driver="other", driver_process=job.driver_process)
    ledger = Ledger(open_storage(tmp_path))
    states = named(trials, ledger.states(trial.spec for trial in trials), ledger, CATALOG)

    assert states[trials[3].trial_id].state == "running"
    assert [states[trial.trial_id].twin for trial in trials[2:]] == [trials[3].trial_id, ""]
    assert foresee(Outlook.of(trials, states), Slots.local()) is not None


def test_of_many_open_trials_the_storage_is_listed_once_and_only_what_it_names_is_read(tmp_path):
    trials = twice(children=30)
    go(tmp_path, trials[:2])
    go(tmp_path, [trials[2]])
    storage, asked = open_storage(tmp_path), []

    class Counting:
        def __getattr__(self, name):
            def call(*args, **how):
                asked.extend([(name, *args)] if LIKENESSES in args[0] else [])
                return getattr(storage, name)(*args, **how)

            return call if name in ("read", "names") else getattr(storage, name)

    ledger = Ledger(storage)
    states = ledger.states(trial.spec for trial in trials)
    ledger.storage = Counting()  # pyright: ignore
    found = named(trials, states, ledger, CATALOG)

    assert [name for name, *_ in asked] == ["names", "read"]
    assert sum(bool(state.twin) for state in found.values()) == 30


def test_a_hint_that_names_a_trial_that_is_not_alike_is_not_foreseen(tmp_path):
    trials = twice(children=2)
    go(tmp_path, [*trials[:2], trials[2], trials[3]])
    storage = open_storage(tmp_path)
    one, other = storage.names(LIKENESSES)
    storage.write(f"{LIKENESSES}/{one}", storage.read(f"{LIKENESSES}/{other}"))
    ledger = Ledger(storage)

    found = named(trials, ledger.states(trial.spec for trial in trials), ledger, CATALOG)

    assert len([state for state in found.values() if state.twin]) == 1


def test_a_damaged_twin_is_not_foreseen(tmp_path):
    trials = twice()
    go(tmp_path, [*trials[:3]])
    open_storage(tmp_path).write(f"trials/{trials[2].trial_id}/{ROW}", b"{")
    ledger = Ledger(open_storage(tmp_path))
    states = ledger.states(trial.spec for trial in trials)

    found = named([trials[3]], states, ledger, CATALOG)

    assert found[trials[3].trial_id].twin == ""
    assert dataclasses.asdict(found[trials[3].trial_id])["reason"] == "never started"


def test_no_forecast_learns_from_a_row_that_was_taken_over_and_its_work_is_summed_once(tmp_path):
    trials = twice()
    go(tmp_path, trials)
    rows = Ledger(open_storage(tmp_path)).rows()
    (second, first), *_ = adopted(tmp_path).items()
    trial = {trial.trial_id: trial for trial in trials}[second]
    durations, pace = Durations(), Pace(outline=Outline.of(trials, {}, CATALOG))

    def heard(trial_id):
        trial = next(trial for trial in trials if trial.trial_id == trial_id)
        pace.on_event(Event(kind="started", trial=trial))
        pace.on_event(Event(kind="finished", trial=trial, progress=Progress.of_row(rows[trial_id])))
        return pace.left_in_all()

    assert not durations.note_row(trial, rows[second])
    assert durations.note_row(trial, rows[first])
    assert heard(second) is None
    assert heard(first) is not None
    assert [*compute_of([rows[first], rows[second]])] == [*compute_of([rows[first]])]
