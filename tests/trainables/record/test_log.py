"""A trial's log: added to line by line on disk; on an object store, which knows no adding, written now and then."""

import pytest
from jobs import finish, folder_of, make_job

from trainables.execution.attempt import execute
from trainables.record.local_storage import LocalStorage


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A trial in what behaves as an object store does."""
    monkeypatch.setattr(LocalStorage, "remote", True)
    return make_job(tmp_path, epochs=3, steps=1)


def interrupted(job) -> None:
    """Begin a trial and let go of it in its second epoch, as a driver that dies does."""
    progress = execute(job, should_stop=lambda: False)
    next(each for each in progress if each.epoch == 1)
    progress.close()


def test_the_log_of_an_object_store_has_every_line_of_every_attempt(job):
    interrupted(job)
    finish(job)

    folder = folder_of(job)
    lines = [line.split(" ", 2)[2] for line in folder.read_log().splitlines()]
    assert lines[0].startswith("attempt 1 starts")
    assert lines[1].startswith("epoch 1")
    assert lines[2].startswith("attempt 2 resumes after epoch 1")
    assert lines[-1].startswith("done: ")
    assert len(folder.storage.names(f"{folder.path}/log")) == 2


def test_it_is_written_before_the_last_word(job):
    progress = execute(job, should_stop=lambda: False)
    next(each for each in progress if each.state == "done")

    assert "done: " in folder_of(job).read_log()
    progress.close()


@pytest.mark.parametrize(("seconds", "lines"), [(0.0, 2), (1e9, 0)])
def test_it_is_written_with_checkpoints_once_a_minute_at_most(job, monkeypatch, seconds, lines):
    monkeypatch.setattr("trainables.record.log.SECONDS", seconds)
    progress = execute(job, should_stop=lambda: False)
    next(each for each in progress if each.epoch == 2)

    assert len(folder_of(job).read_log().splitlines()) == lines
    progress.close()


def test_on_disk_each_line_is_there_at_once(tmp_path):
    job = make_job(tmp_path, epochs=3, steps=1)
    progress = execute(job, should_stop=lambda: False)
    next(each for each in progress if each.epoch == 1)

    assert (tmp_path / folder_of(job).path / "log.txt").read_text().count("\n") == 2
    progress.close()
