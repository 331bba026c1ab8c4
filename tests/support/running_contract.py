"""What every run of a plan does, as a class to be tested with any runner on any storage.

Its tests take a fixture `storage`, a URI, and a fixture `runner`.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from drive import grid, planned
from fakes import CATALOG, HURRY
from jobs import essence

from orchestrator.forecast.slots import Slots
from orchestrator.ledger import Ledger
from orchestrator.rows import load_rows
from orchestrator.running.limits import Budget, Limits
from orchestrator.running.local_runner import LocalRunner
from orchestrator.running.run import run
from orchestrator.running.stop import Stop
from trainables.record.storage import open_storage


def go(storage, trials, *, stop=None, events=None, runner=None, adopt=True, limits=None):
    """Run trials, in this process unless told otherwise, and return (states, sentences)."""
    said = []
    ledger = Ledger(open_storage(storage), said.append)
    listen = events.append if events is not None else (lambda event: None)
    runner = runner or LocalRunner()
    options = {"listen": listen, "stop": stop, "adopt": adopt, "limits": limits}
    states = run(trials, ledger=ledger, catalog=CATALOG, runner=runner, **options)
    return {trial_id: state.state for trial_id, state in states.items()}, said


def started(events):
    return [event.trial.trial_id for event in events if event.kind == "started"]


def undisturbed_essences(storage, trials):
    """Return the essences of trials that run one after the other in this process; their steps take no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HURRY, __file__)
        states, _ = go(storage, trials)
    assert set(states.values()) == {"done"}
    return essences(storage)


def essences(storage):
    """Return what must be identical of each trial's row."""
    return {trial_id: essence(row) for trial_id, row in Ledger(open_storage(storage)).rows().items()}


class RunningContract:
    """What is run, what is not run again, and that a stop in between changes nothing."""

    @pytest.fixture
    def runner(self):
        return LocalRunner()

    def test_a_grid_is_done_once_and_a_grown_one_runs_only_what_is_new(self, storage, runner, tmp_path):
        go(tmp_path / "reference", grid(2, 2))
        again, new = [], []

        states, said = go(storage, grid(1, 2), runner=runner)
        go(storage, grid(1, 2), runner=runner, events=again)
        grown, _ = go(storage, grid(2, 2), runner=runner, events=new)

        assert (set(states.values()), said, again) == ({"done"}, [], [])
        assert set(grown.values()) == {"done"}
        assert sorted(started(new)) == sorted({t.trial_id for t in grid(2, 2)} - {t.trial_id for t in grid(1, 2)})
        assert len(load_rows(open_storage(storage))) == 6
        assert essences(storage) == essences(tmp_path / "reference")

    def test_trials_stopped_at_work_go_on_to_the_same_rows(self, storage, runner, tmp_path):
        held = tmp_path / "held"
        trials = grid(2, 1, hold=str(held))
        go(tmp_path / "reference", trials)
        stop = Stop(open_storage(storage))

        class Impatient(list):
            def append(self, event):
                super().append(event)
                if event.kind == "progress":
                    stop.request()

        held.touch()
        states, _ = go(storage, trials, runner=runner, stop=stop, events=Impatient())
        held.unlink()
        events = []
        again, _ = go(storage, trials, runner=runner, events=events)

        assert "resumable" in states.values()
        assert "done" not in states.values()
        assert set(again.values()) == {"done"}
        assert any(event.progress and event.progress.note == "resumes after epoch 1, step 1" for event in events)
        assert essences(storage) == essences(tmp_path / "reference")

    def test_a_failed_trial_blocks_its_children_alone_and_runs_again_only_when_retried(self, storage, runner):
        bad = planned(0, nan_at=2)
        child = planned(0, (bad.trial_id,), link={"parent": 0, "key": "genotype"})
        trials = [bad, child, *grid(1, 1)]
        again, retried = [], []

        states, _ = go(storage, trials, runner=runner)
        go(storage, trials, runner=runner, events=again)
        kept = Ledger(open_storage(storage)).retry(bad.trial_id)
        go(storage, trials, runner=runner, events=retried)

        assert [states[trial.trial_id] for trial in trials] == ["failed", "blocked", "done", "done"]
        assert (again, started(retried)) == ([], [bad.trial_id])
        assert kept == "row.json.failed-1"
        assert json.loads(open_storage(storage).read(f"trials/{bad.trial_id}/{kept}"))["state"] == "failed"

    def test_of_two_trials_that_are_alike_one_works_and_the_other_takes_over_its_row(self, storage, runner, tmp_path):
        roots = [planned(0, epochs=1, steps=1, hold=f"/nowhere-{n}") for n in (1, 2)]
        link = {"parent": 0, "key": "genotype"}
        trials = [*roots, *(planned(0, (root.trial_id,), epochs=1, link=link) for root in roots)]
        events = []
        go(tmp_path / "reference", trials, adopt=False)

        states, said = go(storage, trials, runner=runner, events=events)

        adopted = [event.progress.adopted_from for event in events if event.kind == "finished"]
        children = {trial.trial_id for trial in trials[2:]}
        assert (set(states.values()), said) == ({"done"}, [])
        assert sum(map(bool, adopted)) == 1
        assert set(adopted) - {""} < children
        assert essences(storage) == essences(tmp_path / "reference")

    def test_what_does_not_fit_into_the_budget_stays_new_and_the_run_ends(self, storage, runner):
        dear = replace(planned(8), expected_cost=1e9)
        child = planned(9, (dear.trial_id,), link={"parent": 0, "key": "genotype"})
        trials = [dear, child, *grid(1, 1)]

        limits = Limits(budget=Budget(seconds=3600, unit="cpu"), slots=Slots.here())
        states, said = go(storage, trials, runner=runner, limits=limits)

        assert [states[trial.trial_id] for trial in trials] == ["new", "new", "done", "done"]
        assert said == []
        assert 0 < limits.spent < 3600

    def test_two_drivers_at_once_share_the_trials_and_get_the_same_rows(self, storage, tmp_path, monkeypatch):
        monkeypatch.setattr("orchestrator.running.run.WAIT_SECONDS", 0.01)
        trials = grid(2, 2, epochs=2)
        go(tmp_path / "reference", trials)
        with ThreadPoolExecutor() as pool:
            both = [pool.submit(go, storage, trials) for _ in range(2)]
            states = [each.result()[0] for each in both]

        assert states == [dict.fromkeys(states[0], "done")] * 2
        assert essences(storage) == essences(tmp_path / "reference")
