"""How many requests an object store gets, counted where they arrive: at a real S3 server."""

import dataclasses
import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from command_line import CHAINS
from command_line import planned as planned_in
from drive import planned
from fakes import CATALOG, ChainRun
from jobs import essence, finish, make_job
from many_rows import finish_all, row_of, segments, write

from orchestrator.index.check import check_index
from orchestrator.index.segment import Indexed, pack
from orchestrator.index.standing import place_of
from orchestrator.ledger import Ledger
from orchestrator.running.local_runner import LocalRunner
from orchestrator.running.run import run
from trainables.record.entry import Marker, origins_of, short
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder, digest_of, seal
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


def test_a_trial_that_takes_over_a_row_is_thirty_requests_at_most_and_two_drivers_at_once_have_the_same_rows(
    uri, requests, capsys
):
    roots = [planned(0, epochs=1, steps=1, hold=f"/nowhere-{n}") for n in (1, 2)]
    link = {"parent": 0, "key": "genotype"}
    (one, another), (twin, anothers_twin) = (
        [planned(seed, (root.trial_id,), link=link) for seed in (0, 1)] for root in roots
    )

    def go(*trials):
        return run([*roots, *trials], ledger=Ledger(open_storage(uri)), catalog=CATALOG, runner=LocalRunner())

    go(one)
    requests.clear()
    row = go(twin)[twin.trial_id].row
    count = sum("/drivers/" not in request for request in requests)  # which hang on the clock
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(go, one, another), pool.submit(go, twin, anothers_twin)]
    rows = {trial_id: state.row for driver in both for trial_id, state in driver.result().items()}

    with capsys.disabled():
        print(f" {count} requests for a trial that takes over a row")
    assert row is not None
    assert row.adopted_from == one.trial_id
    assert count <= 30
    assert essence(rows[another.trial_id])[1:] == essence(rows[anothers_twin.trial_id])[1:]


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


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_the_states_of_thousands_of_finished_trials_are_a_listing_and_a_segment_to_a_machine_that_never_saw_them(
    s3_server, requests, monkeypatch, tmp_path, capsys, sharptune, count
):
    place, trials = uuid.uuid4().hex, [planned(seed, epochs=3, steps=2) for seed in range(count)]
    storage, specs = open_storage(s3_server.uri(place)), [trial.spec for trial in trials]
    fill(s3_server, place, trials, done=count)
    index_all(storage, specs)
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "empty"))
    requests.clear()

    states = Ledger(storage).states(specs)

    with capsys.disabled():
        print(f" {len(requests)} requests for {count:,} trials that are all done")
    assert {state.state for state in states.values()} == {"done"}
    assert len(requests) <= 20, "\n".join(requests)
    requests.clear()
    assert sharptune("status", "--storage", storage.uri).code == 0
    assert len(requests) <= 40, "\n".join(requests)


@pytest.mark.parametrize("count", [60, pytest.param(10_000, marks=pytest.mark.slow)])
def test_without_an_index_the_states_of_finished_trials_are_a_listing(s3_server, requests, capsys, count):
    place = uuid.uuid4().hex
    storage, specs = open_storage(s3_server.uri(place)), [planned(seed, epochs=1).spec for seed in range(count)]
    for spec in specs:
        if count < 100:
            assert TrialFolder(storage, spec.trial_id).commit_row(finished(spec), origins_of({}))
        else:
            put_with_marker(s3_server, f"{place}/trials/{spec.trial_id}", finished(spec))
    requests.clear()

    states = Ledger(storage).states(specs)

    with capsys.disabled():
        print(f" {len(requests)} requests for {count:,} trials that are all done, without an index")
    assert {state.state for state in states.values()} == {"done"}
    assert len(requests) <= 4 + count * 11 / 1000, "\n".join(requests)
    assert states[specs[7].trial_id].row == finished(specs[7])


def test_what_was_replaced_or_deleted_in_an_object_store_is_not_shown_from_the_index(s3_server, requests):
    place = uuid.uuid4().hex
    storage, specs = open_storage(s3_server.uri(place)), [trial.spec for trial in TRIALS[:30]]
    finish_all(storage, specs)
    Ledger(storage).index(spec.trial_id for spec in specs)
    write(storage, row_of(specs[0], 6.0))  # as many bytes as before
    storage.delete(f"trials/{specs[1].trial_id}/row.json")
    storage.move(f"trials/{specs[2].trial_id}/row.json", f"trials/{specs[2].trial_id}/row.json.stale-1")

    states = Ledger(storage).states(specs)

    assert [state.state for state in states.values()] == ["done", "new", "new"] + ["done"] * 27
    rows = [state.row.metrics["test_error"] for state in states.values() if state.row is not None]
    assert rows == [6.0] + [5.0] * 27


def test_a_run_of_many_trials_leaves_an_index_that_costs_a_few_requests(uri, requests):
    trials = [planned(seed, epochs=1, steps=1) for seed in range(25)]
    run(trials, ledger=Ledger(open_storage(uri)), catalog=CATALOG, runner=LocalRunner())

    assert len(segments(open_storage(uri))) == 1
    assert check_index(open_storage(uri)).rows == 25
    before = len(requests)
    run(trials, ledger=Ledger(open_storage(uri)), catalog=CATALOG, runner=LocalRunner())
    assert not [request for request in requests[before:] if "PUT" in request and "/index/" in request]


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


def index_all(storage, specs) -> None:
    """Write the segment that a driver writes, without a request for each row."""
    entries = storage.walk("trials")
    rows = [
        Indexed.of(spec.trial_id, entries[f"trials/{spec.trial_id}/row.json"], seal(finished(spec))) for spec in specs
    ]
    name, data = pack(rows, place_of(storage))
    storage.create(f"index/{name}", data)


def finished(spec) -> TrialRow:
    return TrialRow(trial_id=spec.trial_id, spec=spec, config={}, state="done", metrics={}, artifacts={})


def put_with_marker(server, folder, row) -> None:
    """Let a row, its marker and nine files more be there."""
    version = f'"{hashlib.md5(seal(row)).hexdigest()}"'
    marker = Marker(version=short(version), digest=digest_of(row), origins=origins_of({}))
    for name, data in {"row.json": seal(row), marker.name: b"", **{f"file-{n}": b"" for n in range(9)}}.items():
        server.put(f"{folder}/{name}", data)


def fill(server, place, trials=TRIALS[:450], *, done: int = 50) -> None:
    """Let some be done and the others be interrupted after an epoch, each with what that leaves in its folder."""
    for number, trial in enumerate(trials):
        folder = f"{place}/trials/{trial.trial_id}"
        files = {"spec.json": b"{}", "claims/0001.json": b"{}", "claims/0001.0123abcd.released": b"", "log/1.txt": b""}
        if number < done:
            files |= {
                "row.json": seal(finished(trial.spec)),
                "predictions.0001.0123abcd.npz": b"",
                "epochs.0001.0123abcd.parquet": b"",
            }
        else:
            files["checkpoints/000001-0000000-0001.0123abcd"] = b""
        for name, data in files.items():
            server.put(f"{folder}/{name}", data)


@pytest.mark.parametrize(
    ("words", "rows"), [("plan", 0), ("status", 0), ("run --runner local --json", 0), ("run --runner local", 21)]
)
def test_of_a_finished_experiment_no_row_is_read_but_for_its_tables(
    chains, sharptune, uri, requests, words, rows, monkeypatch
):
    monkeypatch.setattr("orchestrator.running.indexing.Indexing.end", lambda *arguments: None)  # which copies rows
    chains.write_text(CHAINS.replace("seed: [0, 1]", "seed: [0, 1, 2, 3, 4, 5, 6]"))
    storage = open_storage(uri)
    for trial in planned_in(chains):
        parents = {parent: TrialFolder(storage, parent).read_row() for parent in trial.spec.parents}
        taken = {parent: {"genotype": row.digest("genotype")} for parent, row in parents.items()}
        row = dataclasses.replace(row_of(trial.spec), parents=taken)
        origins = origins_of({parent: digest_of(row) for parent, row in parents.items()})
        assert TrialFolder(storage, trial.trial_id).commit_row(row, origins)
    requests.clear()
    command, *options = words.split()

    result = sharptune(command, chains, "--storage", uri, *options)

    assert result.code == 0, result.err
    assert len([request for request in requests if "row.json" in request]) == rows
