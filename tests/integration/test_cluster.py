"""A real Ray cluster of two nodes on this machine: trials fan out over both, and one node dies in the middle."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage

pytestmark = pytest.mark.ray
DRIVE = Path(__file__).parent.parent / "support" / "drive.py"
GRID = ("--roots", "4", "--children", "1", "epochs=4", "steps=4", "seconds=0.2")


def essence(storage) -> dict:
    rows = Ledger(open_storage(storage)).rows()
    return {
        trial_id: (row.config, row.state, row.metrics, row.artifacts, row.files["predictions.npz"]["sha256"])
        for trial_id, row in rows.items()
    }


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


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    storage = tmp_path_factory.mktemp("undisturbed")
    events_of(drive(storage, "--runner", "local"))
    return essence(storage)


@pytest.fixture
def cluster():
    """Two nodes of two CPUs each, started as real processes of this machine."""
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    nodes.second = nodes.add_node(num_cpus=2)
    yield nodes
    nodes.shutdown()


def test_a_node_that_is_killed_in_the_middle_changes_no_row(cluster, tmp_path, undisturbed):
    driver = drive(tmp_path, "--address", cluster.address)
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("trials/*/checkpoints/000002-*"))) < 3 and time.monotonic() < deadline:
        assert driver.poll() is None, driver.stderr.read()[-2000:]
        time.sleep(0.05)
    cluster.remove_node(cluster.second, allow_graceful=False)
    events = events_of(driver)

    assert set(events[-1]["states"].values()) == {"done"}
    assert any("its process died" in event["text"] for event in events if event["kind"] == "note")
    assert essence(tmp_path) == undisturbed


def test_an_address_where_no_cluster_is_gets_a_sentence(tmp_path):
    driver = drive(tmp_path, "--address", "127.0.0.1:1")
    _, err = driver.communicate(timeout=120)

    assert "no Ray cluster answers at '127.0.0.1:1'" in err
