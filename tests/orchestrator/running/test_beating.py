"""What a driver tells of its run in one file, and what it hears there: for all of its trials at once."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from drive import grid, planned
from fakes import CATALOG
from faults import broken
from meddling import MeddledStorage
from running_contract import go, started

from orchestrator.ledger import Ledger
from orchestrator.running.beating import LOOK_SECONDS, NEWS_SECONDS, Beating
from orchestrator.running.local_runner import LocalRunner
from orchestrator.running.run import run
from orchestrator.running.session import Event
from orchestrator.running.stop import Stop, ask_to_stop, is_asked
from orchestrator.running.time_left import Outline, Pace
from trainables.execution.job import Progress
from trainables.record.beats import BEAT_SECONDS, Beat, beat_path, read_beats
from trainables.record.claims import Process
from trainables.record.patience import Patience
from trainables.record.storage import PatientStorage, open_storage

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """A driver at a time that the test moves; its thread never comes to turn."""

    def __init__(self, storage):
        self.seconds = 0.0
        self.storage = storage
        self.stop = Stop(storage)
        outline = Outline(stages={}, done=[], epochs={trial_id(): 10}, costs={}, headline={})
        pace = Pace(outline=outline, clock=lambda: self.seconds)
        self.beating = Beating(
            storage,
            self.stop,
            pace,
            experiment="chains",
            clock=lambda: self.seconds,
            today=lambda: BEGIN + timedelta(seconds=self.seconds),
        )

    @property
    def told(self) -> Beat:
        [beat] = read_beats(self.storage).values()
        return beat

    def after(self, seconds):
        self.seconds += seconds
        self.beating.turn()
        return self

    def hears(self, kind, **progress):
        said = Progress(trial_id=trial_id(), **{"state": "running", **progress}) if progress else None
        self.beating.on_event(Event(kind=kind, trial=planned(0), progress=said))


def trial_id() -> str:
    return planned(0).trial_id


@pytest.fixture
def quiet(monkeypatch):
    monkeypatch.setattr("orchestrator.running.beating.TURN_SECONDS", 3600)


@pytest.fixture
def world(tmp_path, quiet):
    return World(open_storage(tmp_path))


def test_a_driver_tells_who_it_is_before_anything_starts_and_leaves_nothing_when_it_ends(world, tmp_path):
    with world.beating:
        assert (world.told.process, world.told.experiment, world.told.trials) == (Process.current(), "chains", {})
        ask_to_stop(world.storage, world.stop.driver, ["too late"], by="me")

    assert list((tmp_path / "drivers").iterdir()) == []


def test_what_killed_drivers_of_this_machine_left_is_removed_and_nothing_else(world):
    dead = replace(Process.current(), pid=2**22 + 1, started="1")
    elsewhere = Process(host="node3", boot="other", pid=7, started="1")
    for driver, process in {"dead": dead, "living": Process.current(), "elsewhere": elsewhere}.items():
        beat = Beat(count=1, process=process, since=BEGIN.isoformat(), now=BEGIN.isoformat())
        world.storage.write(beat_path(driver), beat.to_json().encode())
        ask_to_stop(world.storage, driver, None, by="me")
    world.storage.write(beat_path("garbled"), b"{")

    with world.beating:
        names = world.storage.names("drivers")

    assert {name.partition(".")[0] for name in names} == {"living", "elsewhere", "garbled", world.stop.driver}


def test_a_driver_tells_where_its_trials_are_and_how_long_they_may_take(world):
    with world.beating:
        world.hears("started")
        world.after(5).hears("progress", epoch=2, node="node3", attempt=1)
        world.after(5).hears("progress", epoch=3, step=1, steps=4, node="node3", attempt=1)
        world.after(BEAT_SECONDS)
        [at_work] = world.told.trials.values()
        assert (at_work.node, at_work.attempt, at_work.epoch, at_work.epochs) == ("node3", 1, 3, 10)
        assert (at_work.step, at_work.steps) == (1, 4)
        assert at_work.since == BEGIN.isoformat()
        assert world.told.seconds_since(at_work.since) == 20
        assert at_work.left == pytest.approx((10 - 2.25) * 15 / 0.25)
        world.hears("progress", epoch=3, step=4, steps=4, metrics={"error": 1.0})
        [at_work] = world.after(BEAT_SECONDS).told.trials.values()
        assert (at_work.epoch, at_work.step, at_work.steps) == (3, 0, 0)

        world.hears("finished", state="done")
        assert world.after(BEAT_SECONDS).told.trials == {}


def test_the_file_moves_every_ten_seconds_whatever_happens_and_at_once_when_a_stop_is_asked(world):
    with world.beating:
        counts = [world.after(seconds).told.count for seconds in (1, BEAT_SECONDS - 2, 1, BEAT_SECONDS)]
        world.stop.request()
        told = world.after(0.2).told

    assert counts == [1, 1, 2, 3]
    assert (told.count, told.stopping) == (4, True)


def test_that_a_trial_started_or_ended_is_told_a_little_sooner(world):
    with world.beating:
        world.hears("started")
        assert world.after(NEWS_SECONDS - 1).told.trials == {}
        assert set(world.after(1).told.trials) == {trial_id()}
        assert world.after(NEWS_SECONDS).told.count == 2
        world.hears("released", state="stopped")
        assert world.after(0).told.trials == {}


def test_what_others_ask_through_the_storage_is_heard_within_two_seconds_and_taken_away(world):
    with world.beating:
        ask_to_stop(world.storage, world.stop.driver, ["a"], by="me")
        ask_to_stop(world.storage, world.stop.driver, ["b"], by="you")
        ask_to_stop(world.storage, "another", None, by="you")
        assert (world.stop.of("a")(), is_asked(world.storage, world.stop.driver)) == (False, True)

        world.after(LOOK_SECONDS)

        assert [world.stop.of(trial_id)() for trial_id in "abc"] == [True, True, False]
        assert not world.stop()
        assert not is_asked(world.storage, world.stop.driver)
        assert is_asked(world.storage, "another")


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'{"trials": 1}', b'{"trials": "all"}', b"[" * 100_000])
def test_a_request_that_is_garbled_stops_nothing_and_is_taken_away(world, content):
    with world.beating:
        world.storage.write(f"drivers/{world.stop.driver}.stop-1", content)
        world.after(LOOK_SECONDS)

        assert not world.stop()
        assert not world.stop.trials
        assert not is_asked(world.storage, world.stop.driver)


def test_a_storage_that_does_not_answer_keeps_no_driver_waiting_and_is_told_when_it_does(tmp_path, quiet):
    """The thread that beats would else use up the patience that the run has when it next needs the storage."""
    away = []

    def fail(kind, number, when):
        if away and when == "before":
            raise broken(remote=False)

    world = World(PatientStorage(MeddledStorage(open_storage(tmp_path), fail), Patience(seconds=0)))
    with world.beating:
        ask_to_stop(world.storage, world.stop.driver, None, by="process 7 on node3")
        away.append("for a while")
        world.after(BEAT_SECONDS)
        assert not world.stop()
        away.clear()
        world.after(BEAT_SECONDS)
        assert (world.stop(), world.stop.asked_by) == (True, "process 7 on node3")
        assert world.told.stopping


def test_neither_more_trials_nor_more_steps_cost_a_driver_more_requests(tmp_path, quiet):
    def operations(trials, steps):
        meddled = MeddledStorage(open_storage(tmp_path / f"{trials}-{steps}"), lambda *operation: None)
        world = World(meddled)
        with world.beating:
            for number in range(trials):
                world.beating.on_event(Event(kind="started", trial=planned(number)))
            for step in range(steps):
                progress = Progress(trial_id=trial_id(), state="running", step=step, steps=steps)
                world.beating.on_event(Event(kind="progress", trial=planned(0), progress=progress))
            for _ in range(30):
                world.after(1)
        return meddled.counts

    few = operations(1, 1)

    assert operations(100, 1000) == few
    assert few.total() < 30


def test_a_worker_asks_the_storage_for_nothing_however_many_steps_it_takes(tmp_path, monkeypatch):
    def operations(steps):
        meddled = MeddledStorage(open_storage(tmp_path / str(steps)), lambda *operation: None)
        monkeypatch.setattr("trainables.execution.attempt.open_storage", lambda uri: meddled)
        ledger = Ledger(open_storage(tmp_path / str(steps)))
        run([planned(0, steps=steps)], ledger=ledger, catalog=CATALOG, runner=LocalRunner())
        return meddled.counts

    few = operations(1)
    assert operations(500) == few
    assert few["write"] > 0


class Asking(list):
    """Asks to stop a trial as soon as it is at work."""

    def __init__(self, stop, trial):
        super().__init__()
        self._stop = stop
        self._trial = trial

    def append(self, event):
        super().append(event)
        if event.kind == "progress" and event.trial == self._trial:
            self._stop.trials |= {self._trial.trial_id}


def test_a_trial_that_is_stopped_by_itself_saves_and_is_left_to_the_next_run_with_its_children(tmp_path):
    trials = grid(2, 2)
    go(tmp_path / "reference", trials)
    stop = Stop(open_storage(tmp_path))
    events = Asking(stop, trials[0])

    states, _ = go(tmp_path, trials, stop=stop, events=events)

    notes = {event.trial.trial_id: event.text for event in events if event.kind == "note"}
    assert [states[trial.trial_id] for trial in trials] == ["resumable", "new", "new", "done", "done", "done"]
    assert started(events).count(trials[0].trial_id) == 1
    assert notes[trials[0].trial_id] == "is left to the next run, as was asked"
    assert notes[trials[1].trial_id] == notes[trials[2].trial_id] == "needs one that is left to the next run"
    assert not stop()

    again, _ = go(tmp_path, trials)
    assert set(again.values()) == {"done"}


def test_a_run_that_is_asked_to_end_through_the_storage_says_who_asked(tmp_path, monkeypatch):
    monkeypatch.setattr("orchestrator.running.beating.TURN_SECONDS", 0.001)
    monkeypatch.setattr("orchestrator.running.beating.LOOK_SECONDS", 0)
    storage = open_storage(tmp_path)
    stop = Stop(storage)
    ask_to_stop(storage, stop.driver, None, by="process 7 on node3")
    events = []

    states, _ = go(tmp_path, [planned(0, epochs=100, steps=10, seconds=0.01)], stop=stop, events=events)

    assert stop()
    assert set(states.values()) <= {"new", "resumable"}
    assert events[-1].text == "stopped, as process 7 on node3 asked"
    assert list((tmp_path / "drivers").iterdir()) == []


def test_what_a_driver_tells_is_read_back_and_nothing_else_is_taken_for_it(tmp_path):
    good = json.loads(
        Beat(count=1, process=Process.current(), since=BEGIN.isoformat(), now=BEGIN.isoformat()).to_json()
    )
    at_work = {"since": BEGIN.isoformat()}
    spoiled = [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        *(
            json.dumps({**good, **change}).encode()
            for change in (
                {"count": "1"},
                {"since": "yesterday"},
                {"now": 1},
                {"left": "x"},
                {"left": float("nan")},
                {"left": 10**400},
                {"between": 5},
                {"between": [1.0]},
                {"between": [1.0, "x"]},
                {"between": [float("nan"), 1.0]},
                {"process": None},
                {"trials": []},
                {"trials": {"a": {}}},
                {"trials": {"a": {**at_work, "epoch": -1}}},
                {"trials": {"a": {**at_work, "node": 1}}},
                {"trials": {"a": {**at_work, "epochs": "9"}}},
                {"more": 1},
            )
        ),
    ]
    storage = open_storage(tmp_path)
    for number, content in enumerate(spoiled):
        storage.write(beat_path(str(number)), content)
    storage.write(beat_path("good"), json.dumps({**good, "trials": {"a": at_work}}).encode())

    assert set(read_beats(storage)) == {"good"}
