"""A real Ray cluster on this machine: trials fan out over its nodes, of which one dies and others cannot work."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from drive import grid
from running_contract import essences, undisturbed_essences

pytestmark = [pytest.mark.ray, pytest.mark.xdist_group("nodes")]
BROKEN_NODE = Path(__file__).parent.parent / "support" / "broken_node"
DRIVE = Path(__file__).parent.parent / "support" / "drive.py"
SLOW = {"epochs": 4, "steps": 4, "seconds": 0.2}
GRID = ("--roots", "4", "--children", "1", *(f"{name}={value}" for name, value in SLOW.items()))


def drive(storage, *options: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(DRIVE), str(storage), *options, *GRID],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def events_of(driver: subprocess.Popen) -> list[dict]:
    out, err = driver.communicate(timeout=240)
    assert driver.returncode == 0, err[-2000:]
    return [json.loads(line) for line in out.splitlines()]


def at_work(storage: Path) -> int:
    """Return how many trials have an epoch behind them, and are not done."""
    logs = [path.read_text() for path in storage.glob("trials/*/log.txt")]
    return sum(" epoch 1: " in log and " done: " not in log for log in logs)


@pytest.fixture
def cluster():
    """Four nodes, started as real processes of this machine. One does not see the storage, for one its disk is full."""
    from patient_cluster import PatientCluster

    nodes = PatientCluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes.second = nodes.add_node(num_cpus=2)
    for trouble in ("unmounted", "full"):
        path = os.pathsep.join([str(BROKEN_NODE), os.environ["PYTHONPATH"]])
        nodes.add_node(num_cpus=1, env_vars={"PYTHONPATH": path, "BROKEN_NODE": trouble})
    yield nodes
    nodes.shutdown()


def test_nodes_that_cannot_work_are_left_out_and_one_that_is_killed_in_the_middle_changes_no_row(cluster, tmp_path):
    storage = tmp_path / "runs"
    driver = drive(storage, "--address", cluster.address)
    undisturbed = undisturbed_essences(tmp_path / "undisturbed", grid(4, 1, **SLOW))
    deadline = time.monotonic() + 120
    while at_work(storage) < 2 and time.monotonic() < deadline:  # one of two is on the node of two CPUs
        assert driver.poll() is None, driver.stdout.read()[-3000:] + driver.stderr.read()[-2000:]
        time.sleep(0.05)
    cluster.remove_node(cluster.second, allow_graceful=False)
    events = events_of(driver)

    assert set(events[-1]["states"].values()) == {"done"}
    notes = [event["text"] for event in events if event["kind"] == "note"]
    assert any("its process died" in note for note in notes)
    left_out = [note.partition(" is left out: ")[2] for note in notes if " is left out: " in note]
    assert len(left_out) == 2
    assert left_out[0].startswith(f"it does not see the storage {storage}")
    assert left_out[1] == f"No space left on device in {storage}"
    # A node says why it cannot work; what else was placed there meanwhile is told to leave it.
    assert "halted" in (released := {event["state"] for event in events if event["kind"] == "released"})
    assert released <= {"halted", "stopped"}
    assert essences(storage) == undisturbed
