"""A real Ray cluster of two nodes on this machine: trials fan out over both, and one node dies in the middle."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from drive import grid
from running_contract import essences, go, undisturbed_essences

from orchestrator.errors import RunError
from orchestrator.running.ray_tune.runner import RayRunner

pytestmark = pytest.mark.ray
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


@pytest.fixture
def cluster():
    """Two nodes of two CPUs each, started as real processes of this machine."""
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    nodes.second = nodes.add_node(num_cpus=2)
    yield nodes
    nodes.shutdown()


def test_a_node_that_is_killed_in_the_middle_changes_no_row(cluster, tmp_path):
    storage = tmp_path / "runs"
    driver = drive(storage, "--address", cluster.address)
    undisturbed = undisturbed_essences(tmp_path / "undisturbed", grid(4, 1, **SLOW))
    deadline = time.monotonic() + 120
    while len(list(storage.glob("trials/*/checkpoints/000002-*"))) < 3 and time.monotonic() < deadline:
        assert driver.poll() is None, driver.stderr.read()[-2000:]
        time.sleep(0.05)
    cluster.remove_node(cluster.second, allow_graceful=False)
    events = events_of(driver)

    assert set(events[-1]["states"].values()) == {"done"}
    assert any("its process died" in event["text"] for event in events if event["kind"] == "note")
    assert essences(storage) == undisturbed


def test_an_address_where_no_cluster_is_gets_a_sentence(tmp_path):
    with pytest.raises(RunError) as error:
        go(tmp_path, grid(4, 1, **SLOW), runner=RayRunner(address="127.0.0.1:1"))

    assert "no Ray cluster answers at '127.0.0.1:1'" in str(error.value)
