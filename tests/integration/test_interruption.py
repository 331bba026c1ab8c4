"""Real processes, really killed: whatever dies whenever, the rows are those of a run that nobody disturbed.

What is to die, or to be sent a signal, is a driver in a process of its own, which starts a Ray of its own. What goes on
afterwards, and what only workers die in, runs on one Ray that this process has for all of these tests. On that one,
what holds for the local runner is seen to hold for the one on Ray Tune too.
"""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from drive import grid
from fakes import HURRY
from lasting_ray import ray_runner
from running_contract import RunningContract, essences, go, started, undisturbed_essences

from orchestrator.ledger import Ledger
from orchestrator.running.ray_tune.leftovers import ray_folder
from orchestrator.running.session import Event
from orchestrator.running.stop import Stop, ask_to_stop
from trainables.record.storage import open_storage

__all__ = ["ray_runner"]
pytestmark = pytest.mark.ray
DRIVE = Path(__file__).parent.parent / "support" / "drive.py"
SLOW = {"epochs": 3, "steps": 4, "seconds": 0.15}


class Driver:
    """A driver process and what it has said so far."""

    def __init__(self, storage: Path) -> None:
        self.events: list[dict] = []
        slow = [f"{name}={value}" for name, value in SLOW.items()]
        self.process = subprocess.Popen(
            [sys.executable, str(DRIVE), str(storage), *slow],
            env={name: value for name, value in os.environ.items() if name != HURRY},
            stdout=subprocess.PIPE,
            text=True,
        )

    def read_until(self, wanted) -> dict:
        """Read events until one is wanted; fails when the driver ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if wanted(self.events[-1]):
                return self.events[-1]
        raise AssertionError(f"the driver ended with {self.process.wait()} after {self.events[-3:]}")

    def end(self) -> dict:
        """Wait for the end and return the states of all trials."""
        states = self.read_until(lambda event: event["kind"] == "end")["states"]
        self.close()
        return states

    def family(self) -> list[psutil.Process]:
        """Return the processes that it has started, and those that they have started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture
def drive():
    """Start drivers; whatever a failing test leaves running is killed."""
    drivers: list[Driver] = []

    def start(storage: Path) -> Driver:
        drivers.append(Driver(storage))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.kill()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return undisturbed_essences(tmp_path_factory.mktemp("undisturbed"), grid(2, 2, **SLOW))


@pytest.fixture(scope="module")
def hurry(tmp_path_factory) -> Iterator[Path]:
    """A file: while it is there, steps on this process's Ray take no time. Each test begins without it."""
    path = tmp_path_factory.mktemp("hurry") / "hurry"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HURRY, str(path))
        yield path


@pytest.fixture
def run_here(hurry, ray_runner):
    """Run trials on this process's Ray; return the states of all of them, and the events."""
    hurry.unlink(missing_ok=True)

    def run(storage: Path, trials=None) -> tuple[dict[str, str], list[Event]]:
        events: list[Event] = []
        states, _ = go(storage, trials or grid(2, 2, **SLOW), runner=ray_runner, events=events)
        return states, events

    return run


@pytest.fixture
def finish(run_here, hurry):
    """Run the same trials again, to their end and without delay; return the events."""

    def run_to_the_end(storage: Path) -> list[Event]:
        hurry.touch()
        states, events = run_here(storage)
        assert set(states.values()) == {"done"}
        return events

    return run_to_the_end


def workers(storage: Path) -> list[psutil.Process]:
    """Return the processes that work on trials now, as their claims name them."""
    found = []
    for folder in storage.glob("trials/*/claims"):
        newest = sorted(folder.glob("*.json"))[-1]
        if not list(folder.glob(f"{newest.stem}.*.released")):
            found.append(psutil.Process(json.loads(newest.read_text())["worker_process"]["pid"]))
    return found


def wait_for(storage: Path, file: str) -> None:
    """Return as soon as a trial has such a file, and in a minute at the latest."""
    deadline = time.monotonic() + 180
    while not list(storage.glob(f"trials/*/{file}")) and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.fixture
def run_and_disturb(run_here, hurry):
    """Run trials on this process's Ray, and do something to the workers once one has saved an epoch.

    Returns the states, the events and the workers.
    """

    def run(storage: Path, act: Callable[[psutil.Process], None]) -> tuple[dict, list[Event], list[psutil.Process]]:
        disturbed: list[psutil.Process] = []

        def disturb() -> None:
            wait_for(storage, "checkpoints/000001-*")
            disturbed.extend(workers(storage))
            for worker in disturbed:
                act(worker)
            hurry.touch()

        thread = threading.Thread(target=disturb, daemon=True)
        thread.start()
        states, events = run_here(storage)
        thread.join()
        return states, events, disturbed

    return run


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(lambda event: event["kind"] == "started", id="before the first epoch", marks=pytest.mark.slow),
        pytest.param(lambda event: event["kind"] == "finished", id="after the first trial"),
    ],
)
def test_kill_9_of_the_driver_changes_nothing_and_its_processes_end_by_themselves(
    drive, finish, tmp_path, undisturbed, moment
):
    """Also when the next run begins while the dead driver's workers still write.

    It removes what the dead one left in the temporary folder, and ends two idle agents of its Ray's, which would stay
    for a minute or two.
    """
    others = set(ray_folder().glob("session_*"))  # of processes of earlier days that had the same number, say
    driver = drive(tmp_path)
    driver.read_until(moment)
    time.sleep(0.7)
    before = essences(tmp_path)
    at_work, pid = driver.family(), driver.process.pid
    driver.kill()

    again = finish(tmp_path)
    _, alive = psutil.wait_procs(at_work, timeout=180)

    assert essences(tmp_path) == undisturbed
    assert not set(started(again)) & set(before)
    assert at_work
    assert not alive
    assert set(ray_folder().glob(f"session_*_{pid}")) <= others
    assert not list(Path(tempfile.gettempdir()).glob(f"sharptune-*-{pid}-*"))


def test_kill_9_of_a_worker_is_retried_from_its_checkpoint(run_and_disturb, tmp_path, undisturbed):
    states, events, victims = run_and_disturb(tmp_path, psutil.Process.kill)

    assert victims
    assert set(states.values()) == {"done"}
    assert any("its process died" in event.text for event in events if event.kind == "note")
    logs = [path.read_text() for path in tmp_path.glob("trials/*/log.txt")]
    assert any("attempt 2 resumes after epoch" in log for log in logs)
    assert essences(tmp_path) == undisturbed


def test_sigterm_to_workers_alone_saves_their_trials_which_go_on_at_once(run_and_disturb, tmp_path, undisturbed):
    """As when a node is drained: nobody asked the driver to stop."""
    states, events, asked = run_and_disturb(tmp_path, psutil.Process.terminate)

    logs = [path.read_text() for path in tmp_path.glob("trials/*/log.txt")]
    assert asked
    assert set(states.values()) == {"done"}
    assert any("stopped on request" in log and "attempt 2 resumes after epoch" in log for log in logs)
    assert not any("its process died" in event.text for event in events if event.kind == "note")
    assert essences(tmp_path) == undisturbed


def test_kill_9_of_driver_and_workers_together_changes_nothing(drive, finish, tmp_path, undisturbed):
    driver = drive(tmp_path)
    driver.read_until(lambda event: event["kind"] == "started")
    wait_for(tmp_path, "checkpoints/*")
    for victim in workers(tmp_path):
        victim.kill()
    driver.kill()

    finish(tmp_path)

    assert essences(tmp_path) == undisturbed


def test_a_trial_that_makes_no_step_is_ended_and_goes_on_from_its_checkpoint(run_here, tmp_path):
    (hung,) = grid(1, 0, hang_once=str(tmp_path / "hung"))
    hung = dataclasses.replace(hung, hang_minutes=0.1)

    states, events = run_here(tmp_path / "runs", [hung])

    notes = [event.text or event.progress.note for event in events if event.kind in ("note", "progress")]
    assert set(states.values()) == {"done"}
    died = "its process died (it made no step for 0.1 min; where it hung stands in its stderr); it goes on from its"
    assert any(died in note for note in notes)
    assert "resumes after epoch 1, step 0" in notes
    assert essences(tmp_path / "runs") == undisturbed_essences(tmp_path / "undisturbed", [hung])


def test_a_worker_that_dies_again_and_again_is_one_failed_row_and_blocks_its_child(run_here, tmp_path):
    states, _ = run_here(tmp_path, grid(1, 1, **SLOW, die_always=True))

    rows = Ledger(open_storage(tmp_path)).rows()
    [failed] = [row for row in rows.values() if row.state == "failed"]
    assert sorted(states.values()) == ["blocked", "failed"]
    assert failed.error == "its process died 4 times, the last time: the process was killed, or its node is gone"
    assert failed.config["epochs"] == 3
    assert "attempt 4 resumes after epoch 1" in (tmp_path / "trials" / failed.trial_id / "log.txt").read_text()


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGINT, "trials run"), pytest.param(signal.SIGTERM, "Ray starts", marks=pytest.mark.slow)],
)
def test_after_a_signal_and_exit_130_the_same_command_goes_on_to_the_same_rows(
    drive, finish, tmp_path, undisturbed, number, moment
):
    driver = drive(tmp_path)
    if moment == "trials run":
        driver.read_until(lambda event: event["kind"] == "started")
        time.sleep(1.5)
    else:
        while not any(process.name() == "gcs_server" for process in driver.family()):
            time.sleep(0.05)
    asked = time.monotonic()
    driver.process.send_signal(number)
    states = driver.end()
    took = time.monotonic() - asked

    assert driver.process.returncode == 130
    assert took < 120
    assert "running" not in states.values()
    assert list((tmp_path / "drivers").iterdir()) == []
    finish(tmp_path)
    assert essences(tmp_path) == undisturbed


def test_two_drivers_at_once_run_no_trial_twice_and_no_process_outlives_them(drive, tmp_path, undisturbed):
    drivers = [drive(tmp_path), drive(tmp_path)]
    wait_for(tmp_path, "claims/*.json")
    families = [driver.family() for driver in drivers]

    ends = [driver.end() for driver in drivers]
    gone, alive = psutil.wait_procs([process for family in families for process in family], timeout=120)

    assert all(set(states.values()) == {"done"} for states in ends)
    assert essences(tmp_path) == undisturbed
    finished_by = [{e["trial"] for e in d.events if e["kind"] == "finished"} for d in drivers]
    logs = {path.parent.name: path.read_text() for path in tmp_path.glob("trials/*/log.txt")}
    assert all(log.count(" done: ") == 1 and log.count("attempt 1 starts") == 1 for log in logs.values())
    assert len(logs) == len(undisturbed)
    assert finished_by[0] | finished_by[1]
    assert gone
    assert not alive


@pytest.mark.slow
def test_kill_9_of_ray_itself_never_hangs_and_changes_nothing(drive, finish, tmp_path, undisturbed):
    """Killed before any trial has a process; later, those that have one simply go on without it."""
    driver = drive(tmp_path)
    while not (raylets := [process for process in driver.family() if process.name() == "raylet"]):
        time.sleep(0.05)
    raylets[0].kill()
    assert driver.process.stdout is not None
    driver.process.stdout.read()
    driver.process.wait(timeout=120)

    finish(tmp_path)

    assert essences(tmp_path) == undisturbed


def test_of_two_trials_one_is_stopped_through_the_storage_and_the_other_goes_on(hurry, ray_runner, tmp_path):
    hurry.unlink(missing_ok=True)
    held, storage = tmp_path / "held", open_storage(tmp_path / "runs")
    trials = grid(2, 0, hold=str(held))
    stop, at_work = Stop(storage), set()

    class Asking(list):
        def append(self, event):
            super().append(event)
            if event.kind == "progress" and event.trial.trial_id not in at_work:
                at_work.add(event.trial.trial_id)
                if len(at_work) == 2:
                    ask_to_stop(storage, stop.driver, [trials[0].trial_id], by="a test")
            if event.kind == "released":
                held.unlink()

    held.touch()
    events = Asking()
    states, _ = go(storage.uri, trials, runner=ray_runner, stop=stop, events=events)

    assert states == {trials[0].trial_id: "resumable", trials[1].trial_id: "done"}
    assert sorted(started(events)) == sorted(states)
    assert [event.text for event in events if event.kind == "note"] == ["is left to the next run, as was asked"]
    assert storage.names("drivers") == []


def test_nothing_of_a_run_listens_beyond_this_machine(run_and_disturb, tmp_path):
    heard = set()

    def listen(worker: psutil.Process) -> None:
        for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                heard.update(each.laddr.ip for each in process.net_connections("inet") if not each.raddr)

    run_and_disturb(tmp_path, listen)

    assert heard
    assert heard <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


class TestRunsOnRay(RunningContract):
    @pytest.fixture
    def runner(self, hurry, ray_runner):
        hurry.unlink(missing_ok=True)
        return ray_runner

    @pytest.fixture
    def storage(self, tmp_path):
        return tmp_path / "runs"
