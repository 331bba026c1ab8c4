"""Storages that are copied into each other, moved, or shared as rows: two machines' work becomes one record."""

import contextlib
import itertools
import json
import shutil
from pathlib import Path

import pytest
from drive import grid
from fakes import CATALOG, ChainRun
from running_contract import essences, go, started, undisturbed_essences

from orchestrator.ledger import Ledger
from orchestrator.running.local_runner import LocalRunner
from orchestrator.running.run import run
from trainables.record import processes
from trainables.record.beats import BeatWatcher
from trainables.record.storage import open_storage

HERE, THERE = "here", "there"
TRIALS = grid(2, 1)
ROOT, CHILD = TRIALS[:2]


@pytest.fixture
def machine(monkeypatch):
    """Returns a function that makes this process one of the machine of that name."""

    def machine(name):
        monkeypatch.setattr("trainables.record.processes.platform.node", lambda: name)
        monkeypatch.setattr("trainables.record.processes._boot", lambda: name)
        processes._this.cache_clear()

    yield machine
    processes._this.cache_clear()


@pytest.fixture
def work(tmp_path, machine, monkeypatch):
    """Returns a function that brings trials on a machine to where its processes are killed, or to their rows."""

    def work(name, trials, until="done"):
        machine(name)
        with monkeypatch.context() as patch:
            if until != "done":
                patch.setattr(ChainRun, "_misbehave", lambda run: _stop_at(run, int(until[-1])))
            with pytest.MonkeyPatch.context() as deaths:
                deaths.setattr("trainables.execution.attempt.Attempt.close", lambda attempt: None)
                _until_killed(tmp_path / name, trials)
        if until != "done":
            _bury(tmp_path / name)
        return tmp_path / name

    return work


class Killed(BaseException):
    """The process is gone."""


def _stop_at(run, epoch):
    if run.epoch == epoch:
        raise Killed


def _until_killed(storage, trials):
    with contextlib.suppress(Killed):
        go(storage, trials)


def _bury(storage):
    """Write down in all claims that their processes are none of those that run."""
    for path in storage.glob("trials/*/claims/*.json"):
        claim = json.loads(path.read_text())
        for process in ("worker_process", "driver_process"):
            claim[process]["started"] = "gone"
        path.write_text(json.dumps(claim))


def kept(source, target):
    """Copy as `cp -rn` and `rsync --ignore-existing` do."""
    if not Path(target).exists():
        shutil.copy2(source, target)


def overwritten(source, target):
    """Copy as `cp -r` and `rsync` do."""
    shutil.copy2(source, target)


def merge(source, target, how):
    shutil.copytree(source, target, copy_function=how, dirs_exist_ok=True)


def finish(storage, trials):
    """Run trials to their end and return (ids of those begun, notes), on a clock that goes on with each look."""
    ledger, events, ticks = Ledger(open_storage(storage)), [], itertools.count(step=10)
    ledger._watcher = BeatWatcher(lambda: float(next(ticks)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchestrator.running.run.WAIT_SECONDS", 0)
        states = run(trials, ledger=ledger, catalog=CATALOG, runner=LocalRunner(), listen=events.append)
    assert {state.state for state in states.values()} == {"done"}
    return started(events), [event.progress.note for event in events if event.progress and event.progress.note]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """What one machine makes of all trials, alone."""
    return undisturbed_essences(tmp_path_factory.mktemp("reference"), TRIALS)


@pytest.mark.parametrize("how", [kept, overwritten])
def test_two_halves_of_a_grid_are_a_grid(work, machine, reference, how):
    here, there = work(HERE, TRIALS[:2]), work(THERE, TRIALS[2:])
    machine(HERE)
    merge(there, here, how)

    ledger = Ledger(open_storage(here))
    assert {state.state for state in ledger.states(trial.spec for trial in TRIALS).values()} == {"done"}
    assert finish(here, TRIALS) == ([], [])
    assert essences(here) == reference


@pytest.mark.parametrize("how", [kept, overwritten])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("killed in epoch 1", "killed in epoch 1"),
        ("killed in epoch 1", "killed in epoch 2"),
        ("killed in epoch 2", "killed in epoch 1"),
        ("killed in epoch 2", "done"),
        ("done", "killed in epoch 2"),
        ("done", "done"),
    ],
)
def test_one_trial_that_both_worked_on_ends_as_if_one_had(work, machine, reference, how, ours, theirs):
    """Where both were interrupted, the further one is gone on from, and the claim in force is that of one of them."""
    here, there = work(HERE, [ROOT], ours), work(THERE, [ROOT], theirs)
    machine(HERE)
    merge(there, here, how)

    state = Ledger(open_storage(here)).state(ROOT.spec)
    begun, notes = finish(here, TRIALS[:2])

    if "done" in (ours, theirs):
        assert (state.state, begun, notes) == ("done", [CHILD.trial_id], [])
    else:
        assert state.state == ("resumable" if how is kept else "running")
        assert ("process" in state.reason) == (how is overwritten)
        assert begun == [ROOT.trial_id, CHILD.trial_id]
        assert notes == [f"resumes after epoch {max(ours, theirs)[-1]}, step 0"]
    assert essences(here) == {trial.trial_id: reference[trial.trial_id] for trial in TRIALS[:2]}


def test_a_claim_from_elsewhere_is_waited_for_as_long_as_its_beat_may_take_and_then_taken_over(work, machine):
    """A copy's claim never moves, whether its process lives on over there or not."""
    there = work(THERE, [ROOT], "killed in epoch 1")
    machine(HERE)
    ledger, now = Ledger(open_storage(there)), [0.0]
    ledger._watcher = BeatWatcher(lambda: now[0])

    seen = []
    for now[0] in (0.0, 59.0, 60.0):
        seen.append(ledger.state(ROOT.spec).state)

    assert seen == ["running", "running", "resumable"]


@pytest.mark.parametrize("how", [kept, overwritten])
def test_who_works_on_while_another_storage_is_copied_into_it_ends_in_the_same_row(work, machine, reference, how):
    there = work(THERE, [ROOT], "killed in epoch 2")
    machine(HERE)
    here, events = there.with_name(HERE), []

    def listen(event):
        events.append(event)
        if event.progress and event.progress.epoch == 1:
            merge(there, here, how)

    ledger = Ledger(open_storage(here))
    run([ROOT], ledger=ledger, catalog=CATALOG, runner=LocalRunner(), listen=listen)

    assert essences(here) == {ROOT.trial_id: reference[ROOT.trial_id]}
    assert started(events) == [ROOT.trial_id]


@pytest.fixture
def other_digits(monkeypatch):
    """Returns a function after which files come out with other bytes, as on another kind of machine."""
    outcome = ChainRun.outcome

    def other_digits():
        def changed(run):
            made = outcome(run)
            made.files["predictions.npz"] = b"in other digits"
            return made

        monkeypatch.setattr(ChainRun, "outcome", changed)

    return other_digits


def assert_files_are_the_rows(storage):
    ledger = Ledger(open_storage(storage))
    rows = ledger.rows()
    assert len(rows) == 1
    for trial_id, row in rows.items():
        assert all(ledger.folder(trial_id).read_file(row, name) for name in row.files), row.files


@pytest.mark.parametrize("how", [kept, overwritten])
def test_a_row_has_the_files_it_was_written_with_whichever_machine_it_is_from(work, other_digits, how):
    here = work(HERE, [ROOT])
    other_digits()
    merge(work(THERE, [ROOT]), here, how)

    assert_files_are_the_rows(here)


@pytest.mark.parametrize("how", [kept, overwritten])
def test_a_row_has_its_files_where_the_copy_took_only_some_of_the_others(work, other_digits, how):
    """As where one machine was killed between its files and its row, or by `rsync --update`."""
    here = work(HERE, [ROOT])
    other_digits()
    there = work(THERE, [ROOT])
    (there if how is overwritten else here).joinpath("trials", ROOT.trial_id, "row.json").unlink()
    merge(there, here, how)

    assert_files_are_the_rows(here)


def test_a_child_made_of_what_its_parents_row_no_longer_says_is_no_result(work, machine, monkeypatch):
    """Another kind of machine may have found something else; its children go with what it found."""
    here = work(HERE, [ROOT])
    outcome = ChainRun.outcome
    monkeypatch.setattr(ChainRun, "outcome", lambda run: _finding_something_else(outcome(run)))
    there = work(THERE, [ROOT, CHILD])
    machine(HERE)
    merge(there, here, kept)

    state = Ledger(open_storage(here)).state(CHILD.spec)

    assert state.state == "failed"
    assert ROOT.trial_id in state.reason


def _finding_something_else(outcome):
    outcome.artifacts["genotype"]["digest"] = "other"
    return outcome


@pytest.mark.parametrize("until", ["killed in epoch 2", "done"])
def test_a_storage_goes_on_wherever_it_is_moved(work, machine, reference, tmp_path, until):
    moved = tmp_path / "another mount" / "runs"
    moved.parent.mkdir()
    work(HERE, [ROOT], until).rename(moved)

    assert not [path for path in moved.rglob("*") if path.is_file() and str(tmp_path).encode() in path.read_bytes()]
    begun, _ = finish(moved, TRIALS)

    assert set(begun) == {trial.trial_id for trial in TRIALS if until != "done" or trial is not ROOT}
    assert essences(moved) == reference
