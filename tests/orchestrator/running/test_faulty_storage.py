"""A disk that fails at any one of the operations of a run, for a moment or for good."""

import itertools

import pytest
from faults import FaultContract, broken
from jobs import finish, folder_of, make_job, never
from meddling import MeddledStorage

from trainables.execution.attempt import execute
from trainables.record.patience import Patience
from trainables.record.storage import PatientStorage, open_storage


class TestAFaultyDisk(FaultContract):
    @pytest.fixture
    def new_uri(self, tmp_path):
        numbers = itertools.count()
        return lambda: str(tmp_path / str(next(numbers)))


@pytest.mark.parametrize("config", [{}, {"nan_at": 1}], ids=["done", "failed"])
def test_a_worker_whose_storage_stays_away_is_halted_and_its_trial_has_not_failed(tmp_path, monkeypatch, config):
    """Under Ray, an exception would count as a death, and a few of them as the trial's failure."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    ends = set()
    for number in itertools.count(1):
        job = make_job(tmp_path / str(number), epochs=1, steps=1, **config)
        calls = itertools.count(1)

        def fail(kind, _, when, calls=calls, number=number):
            if when == "before" and next(calls) >= number:
                raise broken(remote=False)

        storage = PatientStorage(MeddledStorage(open_storage(job.storage), fail), Patience(seconds=0))
        with monkeypatch.context() as patch:
            patch.setattr("trainables.execution.attempt.open_storage", lambda uri, storage=storage: storage)
            *_, last = execute(job, should_stop=never)
        ends.add((last.state, last.note))
        again = finish(job)
        assert again.state == ("failed" if config else "done")
        if next(calls) <= number:  # it came to its end
            break

    expected = "done" if not config else "failed"
    halted = {note for state, note in ends if state == "halted"}
    assert {state for state, _ in ends} == {"halted", expected}
    assert all(note.endswith("does not answer now: Input/output error") for note in halted)


@pytest.mark.parametrize("config", [{}, {"nan_at": 1}], ids=["done", "failed"])
def test_a_trial_that_has_its_row_has_ended_well_whatever_the_storage_does_then(tmp_path, monkeypatch, config):
    """Its log, its checkpoints and its claim are nothing that anybody loses by."""
    job = make_job(tmp_path, **config)
    storage = open_storage(tmp_path)

    def fail_once_there_is_a_row(kind, number, when):
        if when == "before" and folder_of(job).read_row() is not None:
            raise broken(remote=False)

    failing = PatientStorage(MeddledStorage(storage, fail_once_there_is_a_row), Patience(seconds=0))
    monkeypatch.setattr("trainables.execution.attempt.open_storage", lambda uri: failing)

    *_, last = execute(job, should_stop=never)

    assert last.state == ("failed" if config else "done")
    assert not any("released" in name for name in storage.names(f"{folder_of(job).path}/claims"))
