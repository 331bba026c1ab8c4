"""How many requests an object store gets, counted where they arrive: at a real S3 server."""

import dataclasses
import uuid

import pytest
from drive import planned
from fakes import CATALOG, ChainRun
from jobs import finish, make_job

from orchestrator.ledger import Ledger
from orchestrator.running.local_runner import LocalRunner
from orchestrator.running.run import run
from trainables.record.storage import open_storage
from trainables.record.trial_folder import seal
from trainables.trial import TrialRow

TRIALS = [planned(seed, epochs=3, steps=2) for seed in range(1000)]


@pytest.fixture
def uri(s3_uri):
    return s3_uri(uuid.uuid4().hex)


@pytest.fixture
def requests(s3_server):
    """What has arrived since this was cleared."""
    s3_server.requests.clear()
    return s3_server.requests


def test_a_trial_of_three_epochs_with_its_weights_is_thirty_requests_at_most(uri, requests, monkeypatch, capsys):
    outcome = ChainRun.outcome

    def with_weights(self):
        found = outcome(self)
        weights = {f"weights-{which}.safetensors": b"weights" for which in ("last", "best")}
        return dataclasses.replace(found, files={**found.files, **weights})

    monkeypatch.setattr(ChainRun, "outcome", with_weights)
    for name in ("LOOK_SECONDS", "BEAT_SECONDS"):  # what a driver costs in time is not a trial's
        monkeypatch.setattr(f"orchestrator.running.beating.{name}", 1e9)
    states = run(TRIALS[:1], ledger=Ledger(open_storage(uri)), catalog=CATALOG, runner=LocalRunner())

    with capsys.disabled():
        print(f" {len(requests)} requests for a trial of three epochs and its driver")
    assert [state.state for state in states.values()] == ["done"]
    assert len(requests) <= 30, "\n".join(requests)


def test_the_states_of_a_thousand_trials_are_a_listing_and_each_row_is_fetched_once(s3_server, requests, capsys):
    place = uuid.uuid4().hex
    uri, specs = s3_server.uri(place), [trial.spec for trial in TRIALS]
    fill(s3_server, place)

    first = Ledger(open_storage(uri)).states(specs)
    at_first = len(requests)
    second = Ledger(open_storage(uri)).states(specs)

    with capsys.disabled():
        print(f" {at_first}, then {len(requests) - at_first} requests for 1,000 trials, of which 50 are done")
    found = [state.state for state in first.values()]
    assert {state: found.count(state) for state in set(found)} == {"done": 50, "resumable": 400, "new": 550}
    assert second == first
    assert at_first <= 100
    assert len(requests) - at_first <= 10


def test_a_few_trials_do_not_cost_a_listing_of_all_the_others(s3_server, requests):
    place = uuid.uuid4().hex
    fill(s3_server, place)

    states = Ledger(open_storage(s3_server.uri(place))).states(trial.spec for trial in TRIALS[40:60])

    assert [state.state for state in states.values()] == ["done"] * 10 + ["resumable"] * 10
    assert len(requests) == 20 + 10, "\n".join(requests)


def test_a_row_that_was_written_anew_is_read_anew(uri, requests):
    job = make_job(uri, epochs=1)
    finish(job)
    ledger, storage = Ledger(open_storage(uri)), open_storage(uri)
    assert ledger.rows().keys() == {job.spec.trial_id}
    path = f"trials/{job.spec.trial_id}/row.json"
    storage.write(path, storage.read(path).replace(b'"done"', b'"oops"'))
    said = []

    assert Ledger(storage, said.append).rows() == {}
    assert "row.json is not trusted" in said[0]


def fill(server, place) -> None:
    """Let of the trials 50 be done and 400 be interrupted after an epoch, each with what that leaves in its folder."""
    for trial in TRIALS[:450]:
        folder = f"{place}/trials/{trial.trial_id}"
        files = {"spec.json": b"{}", "claims/0001.json": b"{}", "claims/0001.0123abcd.released": b"", "log/1.txt": b""}
        if trial in TRIALS[:50]:
            row = TrialRow(trial_id=trial.trial_id, spec=trial.spec, config={}, state="done", metrics={}, artifacts={})
            files |= {"row.json": seal(row), "predictions.0001.0123abcd.npz": b"", "epochs.0001.0123abcd.parquet": b""}
        else:
            files["checkpoints/000001-0000000-0001.0123abcd"] = b""
        for name, data in files.items():
            server.put(f"{folder}/{name}", data)
