"""Running a plan: what starts when, what fails alone, what is never run twice, by the local runner."""

import dataclasses
import errno
import itertools

import pytest
from drive import grid, planned
from running_contract import RunningContract, go, started
from sessions import open_session

from orchestrator.errors import HaltError, LedgerError
from orchestrator.forecast.durations import Durations, path_weights
from orchestrator.ledger import Ledger
from orchestrator.running.display import describe
from orchestrator.running.frontier import open_frontier
from orchestrator.running.retries import Death
from orchestrator.running.stop import Stop
from orchestrator.running.time_left import Outline
from trainables.execution.job import Progress
from trainables.record.checkpoints import CheckpointFolder
from trainables.record.claims import Claim, Process
from trainables.record.storage import open_storage


class TestRunsInAFolder(RunningContract):
    @pytest.fixture
    def storage(self, tmp_path):
        return tmp_path / "runs"


def test_a_finished_trial_cannot_be_retried(tmp_path):
    go(tmp_path, grid(1, 0))

    with pytest.raises(LedgerError, match="is done; a finished trial is never run again"):
        Ledger(open_storage(tmp_path)).retry(grid(1, 0)[0].trial_id)


@pytest.mark.parametrize("cut", [0, 10, 200])
def test_a_damaged_row_is_said_and_made_again(tmp_path, cut):
    go(tmp_path, grid(1, 1))
    path = tmp_path / "trials" / grid(1, 1)[0].trial_id / "row.json"
    path.write_bytes(path.read_bytes()[:cut])

    events = []
    states, said = go(tmp_path, grid(1, 1), events=events)

    assert set(states.values()) == {"done"}
    assert any("row.json is not trusted" in sentence for sentence in said)
    notes = [event.progress.note for event in events if event.progress is not None]
    assert any("it is kept as row.json.damaged-1" in note for note in notes)


def test_a_child_made_from_another_finding_counts_as_failed_and_can_be_retried(tmp_path):
    parent, child = grid(1, 1)
    go(tmp_path, [parent, child])
    folder = Ledger(open_storage(tmp_path)).folder(parent.trial_id)
    row = folder.read_row()
    assert row is not None
    folder.set_aside("row.json", "test")
    folder.commit_row(dataclasses.replace(row, artifacts={"genotype": {"kind": "chain", "digest": "other"}}))

    ledger = Ledger(open_storage(tmp_path))
    state = ledger.state(child.spec)
    assert state.state == "failed"
    assert state.reason == f"it was made from another genotype than its parent {parent.trial_id} now records"
    ledger.retry(child.trial_id)
    states, _ = go(tmp_path, [parent, child])

    assert states[child.trial_id] == "done"


def test_a_full_disk_ends_the_run_in_a_sentence_and_loses_nothing(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("trainables.record.checkpoints.CheckpointFolder.save", full)
    with pytest.raises(HaltError, match="No space left on device"):
        go(tmp_path, grid(1, 1))
    monkeypatch.undo()

    assert set(go(tmp_path, grid(1, 1))[0].values()) == {"done"}


def test_code_edited_while_a_run_goes_on_ends_it_in_a_sentence_and_loses_nothing(tmp_path, monkeypatch):
    """Processes that load a file late would otherwise mix two versions in one row."""
    digest = ["before"]
    monkeypatch.setattr("trainables.record.provenance.code_digest", lambda: digest[-1])

    class Editor(list):
        def append(self, event):
            if event.kind == "finished":
                digest.append("after")

    with pytest.raises(HaltError, match=r"code changed since this run began.*; finished trials are kept"):
        go(tmp_path, grid(2, 2), events=Editor())
    kept = set(Ledger(open_storage(tmp_path)).rows())
    states, _ = go(tmp_path, grid(2, 2))

    assert len(kept) == 1
    assert set(states.values()) == {"done"}


def test_a_trial_that_another_process_finished_is_told_with_its_numbers(tmp_path):
    trial = dataclasses.replace(planned(0), max_failures=0)
    go(tmp_path, [trial])
    heard = []
    session = open_session(tmp_path, [trial], heard.append)
    session.next()

    session.on_death(trial, Death(reason="killed for memory"))

    row = session.ledger.row(trial.trial_id)
    assert row is not None
    assert row.metrics
    assert [(event.kind, event.progress.state, event.progress.metrics) for event in heard] == [
        ("finished", "done", row.metrics)
    ]


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("before it has its place", []),
        ("before it begins", ["root seed=0 [{}]  starts", "root seed=0 [{}]  stopped before it began"]),
    ],
)
def test_of_a_trial_that_only_hears_that_it_should_stop_nothing_is_said(tmp_path, moment, said):
    outline = Outline(stages={}, done=[], epochs={}, costs={}, headline={})
    lines = []
    session = open_session(tmp_path, [planned(0)], lambda event: lines.append(describe(event, outline)))
    trial = session.next()
    assert trial is not None

    for now in ("before it has its place", "before it begins"):
        if moment == now:
            session.stop.request()
        if now == "before it has its place":
            session.begin(trial)
    session.on_progress(trial, Progress(trial_id=trial.trial_id, state="stopped"))

    assert lines == [line.format(trial.trial_id[:6]) for line in said]


def test_the_longest_way_to_go_starts_first(tmp_path):
    long, short = planned(0), planned(1)
    children = [planned(seed, (long.trial_id,), link={"parent": 0, "key": "genotype"}) for seed in range(2)]

    trials = [short, long, *children]
    ledger = Ledger(open_storage(tmp_path))

    first = open_frontier(trials, ledger, ledger.states(trial.spec for trial in trials)).next()

    weights = path_weights(trials, {trial.trial_id: trial.expected_cost for trial in trials})
    assert weights[long.trial_id] == 2 * weights[short.trial_id]
    assert first == long


def test_how_long_trials_take_is_learned_from_those_that_are_done_by_stage_then_by_kind_then_at_all():
    def cost(stage, cost, kind="chain"):
        trial = planned(0)
        return dataclasses.replace(
            trial, stage=stage, expected_cost=cost, spec=dataclasses.replace(trial.spec, trainable=kind)
        )

    durations = Durations()
    assert durations.expected(cost("search", 7.0)) == 7.0
    for trial, seconds in (
        (cost("search", 2.0), 20.0),
        (cost("search", 1.0), 40.0),
        (cost("train", 1.0, "other"), 90.0),
    ):
        durations.note(trial, seconds)

    assert durations.expected(cost("search", 2.0)) == 40.0
    assert durations.expected(cost("found", 2.0)) == 40.0
    assert durations.expected(cost("train", 2.0, "other")) == 180.0
    assert durations.expected(cost("new", 1.0, "third")) == (20.0 + 40.0 + 90.0) / 4.0


def test_a_stage_whose_cost_is_a_small_number_but_that_takes_long_starts_first_once_that_is_known(tmp_path):
    """Costs of unlike kinds of trials are in unlike units."""
    done = [dataclasses.replace(planned(0, epochs=1), expected_cost=9.0), planned(1, epochs=2)]
    go(tmp_path, done)
    told = [(done[0], "quick", 9.0, 1.0), (done[1], "slow", 1.0, 1000.0)]
    trials = []
    for trial, stage, cost, seconds in told:
        path = tmp_path / "trials" / trial.trial_id / "row.json"
        ledger = Ledger(open_storage(tmp_path))
        row = ledger.row(trial.trial_id)
        assert row is not None
        path.unlink()
        row = dataclasses.replace(row, timing={**row.timing, "wall_seconds": seconds})
        ledger.folder(trial.trial_id).commit_row(row)
        for each in (trial, planned(5, epochs=3 if stage == "slow" else 4)):
            trials.append(dataclasses.replace(each, stage=stage, expected_cost=cost))
    ledger = Ledger(open_storage(tmp_path))

    first = open_frontier(trials, ledger, ledger.states(trial.spec for trial in trials)).next()

    assert first is not None
    assert first.stage == "slow"


def test_children_start_when_their_own_parent_is_done_not_the_whole_stage(tmp_path):
    trials = grid(2, 1)
    ledger = Ledger(open_storage(tmp_path))
    frontier = open_frontier(trials, ledger, ledger.states(t.spec for t in trials))
    first, second = frontier.next(), frontier.next()
    assert first is not None
    assert second is not None
    assert frontier.next() is None

    go(tmp_path, [first])
    frontier.settle(first.trial_id)
    ready = frontier.next()

    assert ready is not None
    assert ready.parents == (first.trial_id,)
    assert second.trial_id in frontier.running


def test_states_say_why(tmp_path):
    parent, child = grid(1, 1)
    ledger = Ledger(open_storage(tmp_path))
    states = ledger.states([parent.spec, child.spec])
    assert {state.reason for state in states.values()} == {"never started"}

    stop = Stop(open_storage(tmp_path))

    class Stopper(list):
        def append(self, event):
            if event.kind == "progress":
                stop.request()

    go(tmp_path, [parent, child], stop=stop, events=Stopper())

    states = Ledger(open_storage(tmp_path)).states([parent.spec, child.spec])
    assert states[parent.trial_id].state == "resumable"
    assert states[parent.trial_id].reason.startswith("interrupted after epoch 1")
    assert states[child.trial_id].state == "new"


def test_one_bad_moment_of_the_machine_fails_no_trial(tmp_path, monkeypatch):
    """An I/O error is the machine's trouble: the trial is tried again from its checkpoint."""
    save, calls = CheckpointFolder.save, itertools.count()

    def shaky(self, *arguments):
        if next(calls) == 1:
            raise OSError(errno.EIO, "Input/output error")
        save(self, *arguments)

    monkeypatch.setattr(CheckpointFolder, "save", shaky)
    events = []

    states, _ = go(tmp_path, grid(1, 1), events=events)

    assert set(states.values()) == {"done"}
    assert any("Input/output error" in event.text for event in events)


def test_a_storage_that_never_works_ends_the_run_and_fails_no_trial(tmp_path, monkeypatch):
    tried = []

    def broken(self, *arguments):
        tried.append(self)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("trainables.record.checkpoints.CheckpointFolder.save", broken)
    trials = grid(1, 1)

    with pytest.raises(HaltError, match="Input/output error; finished trials are kept, run again to go on"):
        go(tmp_path, trials)

    assert Ledger(open_storage(tmp_path)).rows() == {}
    assert len(tried) == 1 + trials[0].max_failures


def test_a_claim_left_by_another_machine_is_waited_for_and_then_taken_over(tmp_path, monkeypatch):
    [trial] = grid(1, 0)
    elsewhere = Process(host="elsewhere", boot="other", pid=1, started="1")
    claim = Claim(number=1, token="x", driver="gone", driver_process=elsewhere, worker_process=elsewhere)
    open_storage(tmp_path).write(f"trials/{trial.trial_id}/claims/0001.json", claim.to_json().encode())
    monkeypatch.setattr("trainables.record.claims.STALE_SECONDS", 0.5)
    events = []

    states, _ = go(tmp_path, [trial], events=events)

    assert states == {trial.trial_id: "done"}
    assert [event.kind for event in events].count("waiting") == 1
    assert len(started(events)) == 1


def test_rows_are_public_as_a_frame(tmp_path):
    import orchestrator

    go(tmp_path, grid(1, 1))

    frame = orchestrator.load_rows(str(tmp_path))

    assert list(frame["state"]) == ["done", "done"]
    assert set(frame["trial_id"]) == {trial.trial_id for trial in grid(1, 1)}
    assert frame["error_best"].notna().all()
    assert {"config.epochs", "timing.cpu_days", "provenance.commit", "seed"} <= set(frame.columns)


def test_a_metric_that_is_called_as_a_column_of_every_row_hides_none(tmp_path):
    import orchestrator

    go(tmp_path, grid(1, 0))
    (row,) = Ledger(open_storage(str(tmp_path))).rows().values()

    (loaded,) = orchestrator.load_rows(str(tmp_path)).to_dict("records")
    assert (loaded["error"], loaded["metric.error"]) == (row.error, row.metrics["error"])


def test_where_nothing_has_run_the_frame_is_empty_but_has_its_columns(tmp_path):
    import orchestrator

    frame = orchestrator.load_rows(str(tmp_path))

    assert len(frame.query("state == 'done' and seed == 0")) == 0
    assert "parents" in frame.columns
