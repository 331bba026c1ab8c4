"""What a trial is charged for: what it held of its device, for as long as it held it."""

import dataclasses
import itertools

import pytest
from fakes import ChainRun
from jobs import finish, folder_of, make_job

from trainables.execution.attempt import execute
from trainables.record.lineage import SECONDS_PER_DAY
from trainables.trial import TrialRow

STEPS = 12
"""Of a chain, each a second of its device."""
EPOCH = 4


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(ChainRun, "device", "Fake GPU")


def row_of(job) -> TrialRow:
    row = folder_of(job).read_row()
    assert row is not None
    return row


def seconds(row: TrialRow, kind: str) -> float:
    """Return a number of days in seconds, without the last bit's noise."""
    return round(row.timing[kind] * SECONDS_PER_DAY, 6)


def stop_after(job, steps: int) -> None:
    """Let a trial that stands in its first epoch take these steps."""
    calls = itertools.count(0)  # asked before the first step, and after each and after each epoch
    *_, last = execute(job, should_stop=lambda: next(calls) >= steps + (steps - 1) // EPOCH)
    assert last.state == "stopped"


@pytest.mark.parametrize(("gpus", "ranks", "charged"), [(0.25, 1, 3), (1, 1, 12), (2, 1, 24), (2, 2, 24), (4, 4, 48)])
def test_gpu_days_count_what_the_trial_held(tmp_path, gpu, gpus, ranks, charged):
    job = make_job(tmp_path, gpus=gpus, ranks=ranks)
    finish(job)

    row = row_of(job)
    assert (seconds(row, "gpu_days"), seconds(row, "gpu_days_total"), row.timing["cpu_days"]) == (charged, charged, 0)
    assert row.timing["device_seconds"] == STEPS
    assert row.provenance["gpus"] == [gpus]


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_trial_that_was_given_no_gpu_and_takes_some_is_charged_for_whole_ones(tmp_path, gpu, ranks):
    job = make_job(tmp_path, gpus=0, ranks=ranks)
    finish(job)

    assert (seconds(row_of(job), "gpu_days"), row_of(job).provenance["gpus"]) == (STEPS * ranks, [ranks])


@pytest.mark.parametrize("gpus", [0, 0.25, 2])
def test_a_trial_that_ran_on_the_cpu_has_cpu_days_whatever_it_was_given(tmp_path, gpus):
    job = make_job(tmp_path, gpus=gpus)
    finish(job)

    row = row_of(job)
    assert (seconds(row, "cpu_days"), row.timing["gpu_days"], row.provenance["gpus"]) == (STEPS, 0, [])


@pytest.mark.parametrize("steps", [1, 4, 7])
def test_a_trial_that_goes_on_with_another_share_is_charged_for_each_as_long_as_it_held_it(tmp_path, gpu, steps):
    job = make_job(tmp_path, gpus=1)
    stop_after(job, steps)
    finish(dataclasses.replace(job, gpus=0.25))

    row = row_of(job)
    assert seconds(row, "gpu_days") == steps + 0.25 * (STEPS - steps)
    assert [segment["gpus"] for segment in row.provenance["segments"]] == [1, 0.25]
    assert row.provenance["gpus"] == [0.25, 1]
    assert not row.provenance["mixed"]  # no result depends on it


def test_what_a_killed_attempt_did_after_its_last_checkpoint_is_charged_to_nobody(tmp_path, gpu):
    job = make_job(tmp_path, gpus=1)
    calls = itertools.count(0)

    def die_in_the_second_epoch() -> bool:
        if next(calls) > EPOCH + 2:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        list(execute(job, should_stop=die_in_the_second_epoch))
    finish(dataclasses.replace(job, gpus=0.25))

    assert seconds(row_of(job), "gpu_days") == EPOCH + 0.25 * (STEPS - EPOCH)


def test_three_shares_are_charged_one_by_one(tmp_path, gpu):
    job = make_job(tmp_path, gpus=0.5)
    stop_after(job, 2)
    stop_after(dataclasses.replace(job, gpus=2), 2)
    finish(dataclasses.replace(job, gpus=0.5))

    row = row_of(job)
    taken = [segment["device_seconds"] for segment in row.provenance["segments"]]
    assert (taken, row.provenance["gpus"]) == ([0, 2, 4], [0.5, 2])
    assert seconds(row, "gpu_days") == 0.5 * 2 + 2 * 2 + 0.5 * 8


def test_a_trial_that_went_on_on_another_device_is_charged_for_both_and_says_so(tmp_path, monkeypatch):
    job = make_job(tmp_path, gpus=0.5)
    stop_after(job, 3)
    monkeypatch.setattr(ChainRun, "device", "Fake GPU")
    finish(job)

    row = row_of(job)
    assert (seconds(row, "cpu_days"), seconds(row, "gpu_days")) == (3, 0.5 * 9)
    assert (row.provenance["hardware"], row.provenance["gpus"]) == ("Fake GPU", [0.5])
    assert row.provenance["mixed"]


def test_a_child_adds_what_its_parent_held_to_what_it_held_itself(tmp_path, gpu):
    parent = make_job(tmp_path, gpus=2)
    finish(parent)
    child = make_job(tmp_path, gpus=0.25, parents=(parent.spec.trial_id,), link={"parent": 0, "key": "genotype"})
    finish(child)

    assert (seconds(row_of(child), "gpu_days"), seconds(row_of(child), "gpu_days_total")) == (3, 27)
