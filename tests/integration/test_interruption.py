"""Real processes, really killed: whatever dies whenever, the rows are those of a run that nobody disturbed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage

pytestmark = pytest.mark.ray
DRIVE = Path(__file__).parent.parent / "support" / "drive.py"
SLOW = ("epochs=3", "steps=4", "seconds=0.15")


class Driver:
    """A driver process and what it has said so far."""

    def __init__(self, storage: Path, *options: str) -> None:
        self.storage = storage
        self.events: list[dict] = []
        self.process = subprocess.Popen(
            [sys.executable, str(DRIVE), str(storage), *options, *SLOW], stdout=subprocess.PIPE, text=True
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

    def workers(self) -> list[psutil.Process]:
        """Return the processes that work on trials now, as their claims name them."""
        found = []
        for folder in self.storage.glob("trials/*/claims"):
            newest = sorted(folder.glob("*.json"))[-1]
            if not list(folder.glob(f"{newest.stem}.*.released")):
                found.append(psutil.Process(json.loads(newest.read_text())["worker_process"]["pid"]))
        return found

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

    def start(storage: Path, *options: str) -> Driver:
        drivers.append(Driver(storage, *options))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.kill()


def essence(storage: Path) -> dict:
    """What must be identical: id, config, state, metrics, artifacts, predictions."""
    rows = Ledger(open_storage(storage)).rows()
    return {
        trial_id: (row.config, row.state, row.metrics, row.artifacts, row.files["predictions.npz"]["sha256"])
        for trial_id, row in rows.items()
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    storage = tmp_path_factory.mktemp("undisturbed")
    states = Driver(storage, "--runner", "local").end()
    assert set(states.values()) == {"done"}
    return essence(storage)


@pytest.fixture
def finish(drive):
    """Run the same command again, to its end."""

    def run_to_the_end(storage: Path) -> Driver:
        driver = drive(storage)
        assert set(driver.end().values()) == {"done"}
        return driver

    return run_to_the_end


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(lambda event: event["kind"] == "started", id="before the first epoch"),
        pytest.param(lambda event: event["kind"] == "finished", id="after the first trial"),
    ],
)
def test_kill_9_of_the_driver_changes_nothing(drive, finish, tmp_path, undisturbed, moment):
    """Also when the next run begins while the dead driver's workers still write."""
    driver = drive(tmp_path)
    driver.read_until(moment)
    time.sleep(0.7)
    before = essence(tmp_path)
    driver.kill()

    again = finish(tmp_path)

    assert essence(tmp_path) == undisturbed
    assert not {event["trial"] for event in again.events if event["kind"] == "started"} & set(before)


def wait_for_an_epoch(driver, storage):
    """Return as soon as a trial has saved one, and in a minute at the latest."""
    driver.read_until(lambda event: event["kind"] == "started")
    deadline = time.monotonic() + 60
    while not list(storage.glob("trials/*/checkpoints/000001-*")) and time.monotonic() < deadline:
        time.sleep(0.05)


def test_kill_9_of_a_worker_is_retried_from_its_checkpoint(drive, finish, tmp_path, undisturbed):
    driver = drive(tmp_path)
    wait_for_an_epoch(driver, tmp_path)
    victims = driver.workers()
    for victim in victims:
        victim.kill()
    states = driver.end()

    assert victims
    assert set(states.values()) == {"done"}
    assert any("its process died" in event["text"] for event in driver.events if event["kind"] == "note")
    logs = [path.read_text() for path in tmp_path.glob("trials/*/log.txt")]
    assert any("attempt 2 resumes after epoch" in log for log in logs)
    assert essence(tmp_path) == undisturbed


def test_sigterm_to_workers_alone_saves_their_trials_which_go_on_at_once(drive, tmp_path, undisturbed):
    """As when a node is drained: nobody asked the driver to stop."""
    driver = drive(tmp_path)
    wait_for_an_epoch(driver, tmp_path)
    asked = driver.workers()
    for worker in asked:
        worker.terminate()
    states = driver.end()

    logs = [path.read_text() for path in tmp_path.glob("trials/*/log.txt")]
    assert asked
    assert set(states.values()) == {"done"}
    assert any("stopped on request" in log and "attempt 2 resumes after epoch" in log for log in logs)
    assert not any("its process died" in event["text"] for event in driver.events if event["kind"] == "note")
    assert essence(tmp_path) == undisturbed


def test_kill_9_of_driver_and_workers_together_changes_nothing(drive, finish, tmp_path, undisturbed):
    driver = drive(tmp_path)
    driver.read_until(lambda event: event["kind"] == "started")
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("trials/*/checkpoints/*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    for victim in driver.workers():
        victim.kill()
    driver.kill()

    finish(tmp_path)

    assert essence(tmp_path) == undisturbed


def test_a_worker_that_dies_again_and_again_is_one_failed_row_and_blocks_its_child(drive, tmp_path):
    driver = drive(tmp_path, "die_always=true", "--children", "1", "--roots", "1")

    states = driver.end()

    rows = Ledger(open_storage(tmp_path)).rows()
    [failed] = [row for row in rows.values() if row.state == "failed"]
    assert sorted(states.values()) == ["blocked", "failed"]
    assert failed.error == "its process died 4 times, the last time: the process was killed, or its node is gone"
    assert failed.config["epochs"] == 3
    assert "attempt 4 resumes after epoch 1" in (tmp_path / "trials" / failed.trial_id / "log.txt").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_after_a_signal_and_exit_130_the_same_command_goes_on_to_the_same_rows(
    drive, finish, tmp_path, undisturbed, number
):
    driver = drive(tmp_path)
    driver.read_until(lambda event: event["kind"] == "started")
    time.sleep(1.5)
    asked = time.monotonic()
    driver.process.send_signal(number)
    states = driver.end()
    took = time.monotonic() - asked

    assert driver.process.returncode == 130
    assert took < 30
    assert "running" not in states.values()
    assert not list((tmp_path / "drivers").glob("*.stop"))
    finish(tmp_path)
    assert essence(tmp_path) == undisturbed


def test_two_drivers_at_once_run_no_trial_twice(drive, finish, tmp_path, undisturbed):
    drivers = [drive(tmp_path), drive(tmp_path)]

    ends = [driver.end() for driver in drivers]

    assert all(set(states.values()) == {"done"} for states in ends)
    assert essence(tmp_path) == undisturbed
    finished_by = [{e["trial"] for e in d.events if e["kind"] == "finished"} for d in drivers]
    logs = {path.parent.name: path.read_text() for path in tmp_path.glob("trials/*/log.txt")}
    assert all(log.count(" done: ") == 1 and log.count("attempt 1 starts") == 1 for log in logs.values())
    assert len(logs) == len(undisturbed)
    assert finished_by[0] | finished_by[1]


def test_kill_9_of_ray_itself_never_hangs_and_changes_nothing(drive, finish, tmp_path, undisturbed):
    """Killed before any trial has a process; later, those that have one simply go on without it."""
    driver = drive(tmp_path)
    family = psutil.Process(driver.process.pid)
    while not (raylets := [p for p in family.children(recursive=True) if p.name() == "raylet"]):
        time.sleep(0.05)
    raylets[0].kill()
    assert driver.process.stdout is not None
    driver.process.stdout.read()
    driver.process.wait(timeout=120)

    finish(tmp_path)

    assert essence(tmp_path) == undisturbed


def test_no_process_outlives_a_run(drive, finish, tmp_path):
    driver = drive(tmp_path)
    driver.read_until(lambda event: event["kind"] == "started")
    family = psutil.Process(driver.process.pid).children(recursive=True)
    driver.end()

    gone, alive = psutil.wait_procs(family, timeout=15)

    assert gone
    assert not alive


def test_a_killed_drivers_processes_end_by_themselves(drive, tmp_path):
    """Two idle agents of Ray's take a minute or two longer than the rest; they hold nothing."""
    driver = drive(tmp_path)
    driver.read_until(lambda event: event["kind"] == "started")
    family = psutil.Process(driver.process.pid).children(recursive=True)
    at_work = [process for process in family if not process.name().endswith("Agent")]
    os.kill(driver.process.pid, signal.SIGKILL)
    driver.close()

    _, alive = psutil.wait_procs(at_work, timeout=60)

    assert not alive
