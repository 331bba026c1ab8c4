"""One trial, interrupted in every way we can think of, ends in the row of one that never was."""

import dataclasses
import errno
import itertools
import json
import os
from types import SimpleNamespace

import pytest
from fakes import CHAIN, ChainRun
from jobs import essence, finish, folder_of, make_job, never

from trainables.execution.attempt import execute, record_failure
from trainables.execution.job import Job
from trainables.record.checkpoints import decode, encode
from trainables.record.claims import Claim


@pytest.fixture
def reference(tmp_path):
    job = make_job(tmp_path / "reference")
    finish(job)
    return folder_of(job).read_row()


def test_a_trial_whose_gpu_is_not_there_is_handed_back_untouched(tmp_path, monkeypatch):
    """It is not the trial's fault: it has no row, and starts as new where there is one."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    real = dataclasses.replace(CHAIN, lacking="trainables.loops.devices:lacking")
    job = dataclasses.replace(make_job(tmp_path, gpus=0.25), trainable=real)

    last = finish(job)

    assert last.state == "halted"
    assert "the trial's resources say gpus: 0.25, and PyTorch sees no GPU on" in last.note
    assert list(tmp_path.iterdir()) == []


def test_a_job_survives_its_journey_as_text(tmp_path):
    job = make_job(tmp_path, gpus=0.25, link={"deep": [1, 2.5, None]})

    assert Job.from_json(job.to_json()) == job


def test_a_trial_ends_in_a_row_with_everything_beside_it(tmp_path):
    job = make_job(tmp_path)

    last = finish(job)

    row = folder_of(job).read_row()
    assert row is not None
    assert (last.state, row.state) == ("done", "done")
    assert set(row.files) == {"predictions.npz", "epochs.parquet"}
    assert folder_of(job).read_file(row, "predictions.npz") == row.artifacts["genotype"]["digest"].encode()
    assert row.config["steps"] == 4
    assert row.timing["cpu_days_total"] == row.timing["cpu_days"]


def test_a_trial_that_reached_its_time_limit_over_all_its_attempts_failed_and_goes_on_when_that_is_raised(
    tmp_path, reference, monkeypatch
):
    now = itertools.count(step=100)
    clock = SimpleNamespace(monotonic=lambda: float(next(now)), time=lambda: 0.0)
    monkeypatch.setattr("trainables.execution.history.time", clock)
    job = make_job(tmp_path / "limited")
    calls = itertools.count()
    list(execute(job, should_stop=lambda: next(calls) >= 7))
    clock.monotonic = lambda: 0.0  # later attempts take no time

    limited = finish(dataclasses.replace(job, time_limit=60.0))
    row = folder_of(job).read_row()
    folder_of(job).set_aside("row.json", "failed")
    again = finish(dataclasses.replace(job, time_limit=60.0))
    folder_of(job).set_aside("row.json", "failed")
    raised = finish(dataclasses.replace(job, time_limit=600.0))

    assert (limited.state, limited.note) == ("failed", "it reached its time_limit of 1 min after epoch 1, step 3")
    assert row is not None
    assert row.provenance["recurs"]
    assert again.note.startswith("it reached its time_limit of 1 min after epoch 1, step ")
    assert raised.state == "done"
    assert essence(folder_of(job).read_row()) == essence(reference)


@pytest.mark.parametrize("after", range(15))
def test_a_trial_stopped_after_any_step_ends_in_the_same_row(tmp_path, reference, after):
    job = make_job(tmp_path / "stopped")
    calls = itertools.count()
    *_, last = execute(job, should_stop=lambda: next(calls) >= after + 1)

    resumed = finish(dataclasses.replace(job, driver="driver-b"))

    row = folder_of(job).read_row()
    assert last.state == "stopped"
    assert resumed.state == "done"
    assert row is not None
    assert essence(row) == essence(reference)


def test_a_trial_stopped_before_it_began_claims_nothing(tmp_path):
    job = make_job(tmp_path)

    assert [p.state for p in execute(job, should_stop=lambda: True)] == ["stopped"]
    assert not (tmp_path / "trials").exists()


def test_a_trial_abandoned_without_a_word_goes_on_from_its_last_epoch(tmp_path, reference):
    job = make_job(tmp_path / "dropped")
    dropped = execute(job, should_stop=never)
    while next(dropped).epoch < 2:
        pass
    dropped.close()

    notes = [p.note for p in execute(dataclasses.replace(job, driver="driver-b"), should_stop=never) if p.note]

    row = folder_of(job).read_row()
    assert notes == ["resumes after epoch 2, step 0"]
    assert row is not None
    assert essence(row) == essence(reference)


@pytest.mark.parametrize(("code", "mixed"), [("a" * 64, False), ("b" * 64, True)])
def test_a_trial_that_went_on_under_other_code_says_so(tmp_path, monkeypatch, code, mixed):
    job = dataclasses.replace(make_job(tmp_path), code="a" * 64)
    monkeypatch.setattr("trainables.record.provenance.code_digest", lambda: "a" * 64)
    dropped = execute(job, should_stop=never)
    while next(dropped).epoch < 2:
        pass
    dropped.close()
    monkeypatch.setattr("trainables.record.provenance.code_digest", lambda: code)
    finish(dataclasses.replace(job, driver="driver-b", code=code))

    row = folder_of(job).read_row()
    assert row is not None
    assert (row.provenance["code"], row.provenance["mixed"]) == (code, mixed)


def test_long_epochs_are_saved_on_the_way(tmp_path, reference):
    job = dataclasses.replace(make_job(tmp_path / "long"), checkpoint_minutes=1e-9)
    calls = itertools.count(1)

    def die_at_the_sixth_step() -> bool:
        if next(calls) == 8:  # one call before the first step, one after each epoch's end
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        list(execute(job, should_stop=die_at_the_sixth_step))

    notes = [p.note for p in execute(dataclasses.replace(job, driver="driver-b"), should_stop=never) if p.note]
    row = folder_of(job).read_row()
    assert notes == ["resumes after epoch 1, step 2"]
    assert row is not None
    assert essence(row) == essence(reference)


@pytest.mark.parametrize("harm", ["truncate", "flip", "empty", "foreign"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_used(tmp_path, reference, harm):
    job = make_job(tmp_path / "harmed")
    running = execute(job, should_stop=never)
    while next(running).epoch < 2:
        pass
    running.close()
    newest = sorted((tmp_path / "harmed/trials" / job.spec.trial_id / "checkpoints").iterdir())[-1]
    content = newest.read_bytes()
    if harm == "foreign":
        other = dataclasses.replace(make_job(tmp_path / "other", seed=7), keep_checkpoints=True)
        finish(other)
        folder = tmp_path / "other/trials" / other.spec.trial_id / "checkpoints"
        content = sorted(folder.iterdir())[-1].read_bytes()
    harmed = {"truncate": content[:-3], "flip": content[:-1] + b"?", "empty": b"", "foreign": content}[harm]
    newest.write_bytes(harmed)

    notes = [p.note for p in execute(job, should_stop=never) if p.note]

    row = folder_of(job).read_row()
    assert len(notes) == 1
    assert notes[0].startswith("resumes after epoch 1")
    assert newest.name in notes[0]
    assert row is not None
    assert essence(row) == essence(reference)


@pytest.mark.parametrize("cut", [0, 1, 40, 300])
def test_a_damaged_row_is_set_aside_and_the_trial_finished_again(tmp_path, reference, cut):
    job = make_job(tmp_path / "harmed")
    finish(job)
    path = tmp_path / "harmed/trials" / job.spec.trial_id / "row.json"
    path.write_bytes(path.read_bytes()[:cut])

    finish(job)

    row = folder_of(job).read_row()
    assert row is not None
    assert essence(row) == essence(reference)
    assert (path.parent / "row.json.damaged-1").exists()
    assert "not trusted" in folder_of(job).read_log()


def test_a_row_with_one_digit_changed_is_not_trusted(tmp_path):
    job = make_job(tmp_path)
    finish(job)
    path = tmp_path / "trials" / job.spec.trial_id / "row.json"
    data = json.loads(path.read_text())
    data["metrics"]["error"] += 0.01
    path.write_text(json.dumps(data))

    finish(job)

    row = folder_of(job).read_row()
    assert row is not None
    assert row.metrics["error"] != data["metrics"]["error"]


def test_a_finished_trial_is_not_run_again(tmp_path):
    job = make_job(tmp_path)
    finish(job)
    path = tmp_path / "trials" / job.spec.trial_id / "row.json"
    before = path.stat().st_mtime_ns

    assert [p.state for p in execute(job, should_stop=never)] == ["done"]
    assert path.stat().st_mtime_ns == before


def test_a_trial_that_another_driver_works_on_is_left_alone(tmp_path):
    job = make_job(tmp_path)
    ours = execute(job, should_stop=never)
    next(ours)

    theirs = list(execute(dataclasses.replace(job, driver="driver-b"), should_stop=never))

    assert [p.state for p in theirs] == ["busy"]
    assert finish(job).state == "done"


def test_an_attempt_that_was_taken_over_writes_nothing_more(tmp_path):
    """A worker that outlives its driver, or a node that was cut off, must not touch the record again."""
    job = make_job(tmp_path)
    first = execute(job, should_stop=never)
    next(first)
    second = execute(job, should_stop=never)  # the same driver retries: the old process counts as dead
    next(second)
    place = tmp_path / "trials" / job.spec.trial_id

    def record():
        return {path: path.read_bytes() for path in place.rglob("*") if path.is_file() and path.parent.name != "claims"}

    before = record()

    rest = list(first)

    assert rest[-1].state == "lost"
    assert len(before) >= 3
    assert record() == before
    assert list(second)[-1].state == "done"


def test_a_refused_checkpoint_does_not_stand_before_later_ones(tmp_path, reference):
    job = make_job(tmp_path / "refused")
    running = execute(job, should_stop=never)
    while next(running).epoch < 3:
        pass
    running.close()
    for path in (tmp_path / "refused/trials" / job.spec.trial_id / "checkpoints").iterdir():
        checkpoint = decode(path.read_bytes())
        path.write_bytes(encode(dataclasses.replace(checkpoint, payload=b"no chain")))
    first = execute(job, should_stop=never)
    while next(first).epoch < 2:
        pass
    first.close()

    notes = [p.note for p in execute(job, should_stop=never) if p.note]

    row = folder_of(job).read_row()
    assert notes == ["resumes after epoch 2, step 0"]
    assert row is not None
    assert essence(row) == essence(reference)


def test_what_killed_writers_left_is_cleared_away(tmp_path):
    job = make_job(tmp_path)
    left = tmp_path / "trials" / job.spec.trial_id / "checkpoints" / ".tmp-0123"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half a checkpoint")
    os.utime(left, (0, 0))

    finish(job)

    assert not left.exists()


def test_a_loss_that_is_no_number_is_a_failed_row_with_its_reason(tmp_path):
    job = make_job(tmp_path, nan_at=2)

    last = finish(job)

    row = folder_of(job).read_row()
    assert row is not None
    assert (last.state, row.state, row.error) == ("failed", "failed", "loss is nan in epoch 2, step 1")
    assert "loss is nan" in folder_of(job).read_log()


def test_an_exception_is_a_failed_row_and_its_traceback_is_in_the_log(tmp_path):
    job = make_job(tmp_path, raise_at=1)

    finish(job)

    row = folder_of(job).read_row()
    assert row is not None
    assert row.error == "ValueError: no good in epoch 1"
    assert "Traceback" in folder_of(job).read_log()


def test_a_full_disk_fails_no_trial(tmp_path, monkeypatch):
    job = make_job(tmp_path)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("trainables.record.checkpoints.CheckpointFolder.save", full)
    last = finish(job)
    monkeypatch.undo()

    assert last.state == "halted"
    assert "No space left on device" in last.note
    assert finish(job).state == "done"


@pytest.mark.parametrize(
    ("elsewhere", "sentence"),
    [(True, "the code on this node is not the driver's"), (False, "the code changed since this run began")],
)
def test_other_code_than_the_drivers_is_refused(tmp_path, elsewhere, sentence):
    job = dataclasses.replace(make_job(tmp_path), code="0" * 64, elsewhere=elsewhere)

    last = finish(job)

    assert last.state == "halted"
    assert last.note.startswith(sentence)
    assert not (tmp_path / "trials").exists()


def test_a_failure_recorded_by_the_driver_needs_no_worker(tmp_path):
    job = make_job(tmp_path)

    record_failure(job, "its process died 4 times")
    record_failure(job, "again")

    row = folder_of(job).read_row()
    assert row is not None
    assert (row.state, row.error) == ("failed", "its process died 4 times")


def test_claims_are_numbered_and_never_change(tmp_path):
    job = make_job(tmp_path)
    running = execute(job, should_stop=never)
    next(running)
    path = tmp_path / "trials" / job.spec.trial_id / "claims/0001.json"
    first = path.read_bytes()
    running.close()

    finish(job)

    assert path.read_bytes() == first
    assert Claim.from_json(first).number == 1
    assert sorted(p.name for p in path.parent.glob("*.json")) == ["0001.json", "0002.json"]


@pytest.mark.parametrize("name", ["b\udcff.png", "b\ud800"])
def test_a_failure_over_a_file_name_of_any_bytes_is_told_like_any_other(tmp_path, monkeypatch, name):
    def step(self):
        raise ValueError(f"cannot read {name}")

    monkeypatch.setattr(ChainRun, "steps", step)
    job = make_job(tmp_path)

    last = finish(job)

    assert (last.state, last.note[:26]) == ("failed", "ValueError: cannot read b\\")
    assert last.note.encode()
    assert "cannot read b\\" in folder_of(job).read_log()
