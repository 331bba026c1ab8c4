"""An attempt that is taken over, at whichever moment, spoils nothing and leaves nothing."""

import dataclasses
import uuid

import pytest
from fakes import ChainRun
from jobs import finish, folder_of, make_job, never
from meddling import MeddledStorage

from trainables.execution.attempt import execute
from trainables.record.storage import open_storage


def run_and_meddle(job, monkeypatch, meddle) -> tuple[str, MeddledStorage]:
    """Execute a job while somebody meddles with its storage; return how it ended, and the storage."""
    storage = MeddledStorage(open_storage(job.storage), meddle)
    first = [storage]
    with monkeypatch.context() as patch:
        patch.setattr(
            "trainables.execution.attempt.open_storage", lambda uri: first.pop() if first else open_storage(uri)
        )
        *_, last = execute(job, should_stop=never)
    return last.state, storage


def operations(job, monkeypatch) -> list[tuple[str, int, str]]:
    """Return every operation of an undisturbed run."""
    seen = []
    run_and_meddle(job, monkeypatch, lambda *operation: seen.append(operation))
    return seen


@pytest.fixture
def other_bytes_each_time(monkeypatch):
    """Let every run leave a file of its own content, as two machines do that agree but for the last digits."""
    outcome = ChainRun.outcome

    def with_weights(self):
        found = outcome(self)
        return dataclasses.replace(found, files={**found.files, "weights-last.safetensors": uuid.uuid4().bytes})

    monkeypatch.setattr(ChainRun, "outcome", with_weights)


@pytest.mark.usefixtures("other_bytes_each_time")
@pytest.mark.parametrize("ending", [{}, {"raise_at": 1}], ids=["done", "failed"])
def test_an_attempt_taken_over_at_any_moment_spoils_nothing(tmp_path, monkeypatch, ending):
    """The winner records its row while the loser is held up, and the loser goes on to write."""
    reference = make_job(tmp_path / "reference", epochs=1, steps=1, **ending)
    moments = operations(reference, monkeypatch)
    expected = folder_of(reference).read_row()
    ends = set()
    for number, moment in enumerate(moments):
        job = make_job(tmp_path / str(number), epochs=1, steps=1, **ending)
        winners = []

        def take_over(*operation, moment=moment, job=job, winners=winners):
            if operation == moment and not winners:
                winners.append(None)
                winners[0] = finish(job).state

        last, _ = run_and_meddle(job, monkeypatch, take_over)
        ends.add(last)
        folder = folder_of(job)
        row = folder.read_row()
        assert row is not None, moment
        assert (row.state, row.metrics, row.error) == (expected.state, expected.metrics, expected.error)
        for name in row.files:
            folder.read_file(row, name)  # proves it
        endings = ("npz", "parquet", "safetensors")
        beside = {name for name in folder.storage.names(folder.path) if name.endswith(endings)}
        assert beside == {file["path"] for file in row.files.values()}, moment

    assert ends == {"lost", expected.state}
    assert len(moments) > 20
