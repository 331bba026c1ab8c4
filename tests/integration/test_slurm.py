"""A real Slurm of two nodes on this machine: whatever it does to a job, that goes on by itself to the same rows."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import slurm_cluster
from command_line import CHAINS, FAKE_SHARPTUNE, planned
from fakes import HURRY
from running_contract import essences, undisturbed_essences

pytestmark = [
    pytest.mark.ray,
    pytest.mark.xdist_group("slurm"),  # it mostly waits
    pytest.mark.timeout(1800),  # two minutes on an idle machine
    pytest.mark.skipif(bool(slurm_cluster.missing()), reason="Slurm is not installed: slurm-wlm, munge"),
]
SLOW = CHAINS.replace("steps: 2}", "steps: 500, seconds: 0.25}")
"""Minutes for each trial, unless the file is there that ends all waiting."""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    with slurm_cluster.slurm(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture
def profile(tmp_path) -> Path:
    """A profile whose nodes have this Python, on which `python -m orchestrator` runs the fakes."""
    shim = tmp_path / "bin" / "python"
    shim.parent.mkdir()
    real = f'exec "{sys.executable}"'
    fakes = f'{real} "{FAKE_SHARPTUNE}"'
    shim.write_text(f'#!/bin/sh\nif [ "$1 $2" = "-m orchestrator" ]; then shift 2; {fakes} "$@"; fi\n{real} "$@"\n')
    shim.chmod(0o755)
    path = tmp_path / "cluster.yaml"
    path.write_text(
        f"""\
storage: {tmp_path}/runs
environment: {{RAY_worker_niceness: "0", {HURRY}: "{tmp_path}/hurry"}}
slurm:
  partition: low
  nodes: 2
  time: "30"
  gpus_per_node: 2
  warning_seconds: 120
  setup: ['export PATH="{shim.parent}:{Path(sys.executable).parent}:$PATH"']
"""
    )
    return path


def wait_for(seen, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def processes_of(folder: str) -> list[str]:
    """Return the command lines that name a folder."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if folder in line]


def test_a_job_that_is_preempted_runs_out_of_time_and_loses_a_node_goes_on_by_itself_to_the_same_rows(
    sharptune, slurm, profile, tmp_path, monkeypatch
):
    Path("chains.yaml").write_text(SLOW)
    monkeypatch.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])
    attempts = [0]

    def wait_for_work() -> None:
        """Return when two trials have been begun since the last time."""
        claims = list(tmp_path.glob("runs/trials/*/claims/*.json"))
        wait_for(lambda: len(list(tmp_path.glob("runs/trials/*/claims/*.json"))) >= attempts[0] + 2)
        time.sleep(1)
        claims = list(tmp_path.glob("runs/trials/*/claims/*.json"))
        attempts[0] = len(claims)

    sent = sharptune("launch", "slurm", "chains.yaml", "--submit")
    job = sent.out.partition("submitted as job ")[2].partition(";")[0]
    wait_for_work()
    urgent = slurm.call(
        "sbatch", "--parsable", "-p", "high", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "srun sleep 1"
    )
    wait_for(lambda: slurm.state(urgent) == "COMPLETED")
    wait_for_work()
    slurm.call("scontrol", "update", f"JobId={job}", f"TimeLimit={slurm.minutes(job) + 2}")
    wait_for(lambda: slurm.restarts(job) == 2)
    slurm.call("scontrol", "update", f"JobId={job}", "TimeLimit=30")
    wait_for_work()
    slurm.lose("n2")
    log = tmp_path / f"sharptune-chains-{job}.log"
    wait_for(lambda: "its node is gone" in log.read_text())
    slurm.notice("n2")
    wait_for(lambda: slurm.restarts(job) == 3 or slurm.state(job) == "PENDING")
    slurm.repair("n2")
    wait_for_work()
    (tmp_path / "hurry").touch()
    wait_for(lambda: slurm.state(job) in ("COMPLETED", "FAILED", "CANCELLED"))
    said = log.read_text()

    assert sent.code == 0
    assert slurm.state(job) == "COMPLETED", said[-3000:]
    assert "PREEMPTION" in said
    assert "back into the queue" in said
    assert said.count("Interrupted; nothing is lost.") >= 2
    assert "all 6 trials are done" in said
    assert essences(tmp_path / "runs") == undisturbed_essences(tmp_path / "undisturbed", planned(Path("chains.yaml")))
    logs = [path.read_text() for path in tmp_path.glob("runs/trials/*/log.txt")]
    assert sum("stopped on request" in text and "attempt 3 resumes after epoch 0" in text for text in logs) == 2
    wait_for(lambda: not processes_of(f"/tmp/sharptune-{job}-"), 30)
    assert not list(Path("/tmp").glob(f"sharptune-{job}-*"))
