"""How often a trial whose process dies is started again: as its work goes on, by a count of its own."""

import dataclasses

import pytest
from drive import planned
from jobs import make_job
from sessions import open_session

from orchestrator.running.retries import Death, Retries
from trainables.execution.attempt import execute
from trainables.record.checkpoints import CheckpointFolder, decode

MINUTE = 60.0


@pytest.mark.parametrize(
    ("minutes", "counts"),
    [
        pytest.param([0, 0, 0, 0], [1, 2, 3, 4], id="it comes no further"),
        pytest.param([10, 20, 30, 40], [1, 1, 1, 1], id="ten minutes further each time"),
        pytest.param([3, 6, 9], [1, 2, 3], id="after every checkpoint, and slowly"),
        pytest.param([5, 9, 14, 14, 14, 24], [1, 2, 1, 2, 3, 1], id="further in the end"),
        pytest.param([9000, 9000, 9009, 9010], [1, 2, 3, 1], id="it had worked before this run"),
    ],
)
def test_deaths_are_forgiven_with_every_ten_minutes_of_work(minutes, counts):
    worked = iter(minutes)
    retries = Retries(worked=lambda trial: next(worked) * MINUTE)

    assert [retries.note(planned(0), Death(reason="killed")) for _ in minutes] == counts


@pytest.fixture
def session(tmp_path):
    """A session whose one trial runs, and may die once."""
    return open_session(tmp_path, [dataclasses.replace(planned(0), max_failures=1)])


def die(session, times, **death):
    """Let its trial die so often; return its states in the ledger after each."""
    states = []
    for _ in range(times):
        if (trial := session.next()) is None:
            break
        session.on_death(trial, Death(reason="killed", **death))
        states.append(session.ledger.state(trial.spec).state)
    return states


def test_a_trial_that_gets_nowhere_fails_when_its_deaths_are_used_up(session):
    assert die(session, 9) == ["new", "failed"]


def test_a_trial_that_saves_ten_minutes_of_work_between_its_deaths_never_fails(session):
    [trial] = session.frontier.waiting.values()
    storage = session.ledger.storage
    list(execute(dataclasses.replace(make_job(storage.uri), spec=trial.spec), should_stop=iter([False, True]).__next__))
    folder = CheckpointFolder(storage, f"trials/{trial.trial_id}", trial.spec)
    (path,) = (name for name in storage.names(f"trials/{trial.trial_id}/checkpoints"))
    saved = decode(storage.read(f"trials/{trial.trial_id}/checkpoints/{path}"))

    states = []
    for hour in range(1, 6):
        history = {**saved.history, "wall_seconds": hour * 60 * MINUTE}
        folder.save(dataclasses.replace(saved, epoch=hour, step=0, history=history), "0001.x")
        states += die(session, 1)

    assert states == ["resumable"] * 5


def test_the_loss_of_a_node_is_never_counted(session):
    assert die(session, 9, fault="node") == ["new"] * 9


def test_a_storage_that_fails_again_and_again_ends_the_run_and_fails_no_trial(session):
    assert die(session, 9, fault="storage") == ["new", "new"]
    assert session.halted == "killed"


def test_a_storage_that_fails_takes_nothing_from_what_a_trial_may_die(session):
    assert die(session, 1, fault="storage") == ["new"]
    assert die(session, 9) == ["new", "failed"]
