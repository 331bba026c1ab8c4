"""Rehearsals: real drivers, workers and Rays are killed on a seeded schedule, and no digit changes.

`make chaos` does the same a hundred times.
"""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter

import psutil
import pytest
from command_line import FAKE_SHARPTUNE
from real_trials import real_cast, tables

from orchestrator.cli.main import invoke
from orchestrator.running.rehearsal.faults import schedule
from orchestrator.running.rehearsal.rehearsal import Rehearsal
from trainables.record.storage import Storage, open_storage


def files(storage: Storage, folder: str = "") -> list[str]:
    """Return the paths of all files in a storage; empty folders are none."""
    paths = [f"{folder}/{name}".lstrip("/") for name in storage.names(folder)]
    inside = {path: files(storage, path) for path in paths}
    return [file for path in paths for file in inside[path] or ([path] if "." in path.rpartition("/")[2] else [])]


def rehearse(capsys, *options: str, may_miss: int = 0) -> dict:
    """Rehearse the quickstart; return its report, which proves that nothing changed.

    So many faults may come when there is nothing to strike, as on a machine that is very busy.
    """
    code = invoke(["rehearse", "quickstart", "--json", *options])
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["proof"] == {"rows": 14, "lost": [], "twice": [], "different": {}, "tables_identical": True}, err
    assert (report["processes"], report["segments"], report["folders"]) == ([], [], [])
    assert report["missed"] <= may_miss
    assert (code, report["holds"]) == (0, True)
    return report


def kinds(report: dict) -> list[str]:
    return sorted(fault["kind"] for fault in report["faults"])


@pytest.mark.ray
@pytest.mark.xdist_group("nodes")
def test_a_driver_and_workers_are_killed_on_a_disk_and_nothing_changes(capsys, tmp_path):
    report = rehearse(
        capsys, "--seed", "1", "--minutes", "0.2", "--faults", "3", "--kinds", "driver,worker,worker",
        "--storage", str(tmp_path / "runs"),
    )  # fmt: skip

    assert kinds(report) == ["driver", "worker", "worker"]
    assert report["drivers"] == 2
    assert files(open_storage(tmp_path / "runs")) == []


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.xdist_group("nodes")
def test_ray_itself_and_workers_are_killed_on_an_object_store_and_nothing_changes(capsys, s3_uri):
    storage = s3_uri(uuid.uuid4().hex)

    report = rehearse(
        capsys, "--seed", "3", "--minutes", "0.2", "--faults", "5", "--kinds", "worker,worker,worker,worker,ray",
        "--storage", storage, may_miss=1,
    )  # fmt: skip

    assert len(kinds(report)) + report["missed"] == 5
    assert Counter(kinds(report)) <= Counter({"ray": 1, "worker": 4})
    assert files(open_storage(storage)) == []


def test_two_drivers_share_a_grid_while_either_is_killed_and_nothing_changes(capsys):
    report = rehearse(
        capsys, "--seed", "1", "--minutes", "0.2", "--faults", "3", "--kinds", "rival,rival,driver", "--runner", "local"
    )

    assert kinds(report) == ["driver", "rival", "rival"]
    assert report["drivers"] == 3


@pytest.mark.slow
def test_real_trials_whose_processes_are_killed_find_what_they_find_undisturbed(dataset_cache):
    plan, cast = real_cast(faults=3)
    rehearsal = Rehearsal(
        experiment="real", cast=cast, faults=schedule(5, 3, ["driver"]), runner="local",
        tables=lambda rows: tables(plan, rows),
    )  # fmt: skip

    report = rehearsal.perform()

    assert report.holds
    assert [fault.kind for fault in report.faults] == ["driver"] * 3
    assert (report.proof.rows, report.drivers) == (4, 4)


@pytest.fixture
def rehearsing(chains):
    """A rehearsal in a process of its own, with temporary folders of its own, as soon as its driver is there."""
    place = chains.parent / "t"
    place.mkdir()
    rehearsal = subprocess.Popen(
        [sys.executable, str(FAKE_SHARPTUNE), "rehearse", "chains.yaml", "--runner", "local", "--faults", "0"],
        env={**os.environ, "TMPDIR": str(place)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    until = time.monotonic() + 180
    while not list(place.glob("rehearsal-*/rehearsals/*/trials/*")) and time.monotonic() < until:
        time.sleep(0.05)
    yield rehearsal, psutil.Process(rehearsal.pid).children(), place
    rehearsal.kill()
    rehearsal.communicate()


def test_one_that_is_interrupted_ends_its_driver_and_leaves_nothing(rehearsing):
    rehearsal, drivers, place = rehearsing

    rehearsal.send_signal(signal.SIGTERM)
    _, err = rehearsal.communicate(timeout=180)

    assert (rehearsal.returncode, err.decode().splitlines()[-1]) == (130, "interrupted")
    assert len(drivers) == 1
    assert not drivers[0].is_running()
    assert list(place.iterdir()) == []


def test_one_that_is_killed_takes_its_driver_with_it(rehearsing):
    rehearsal, drivers, _ = rehearsing

    rehearsal.kill()

    assert len(drivers) == 1
    assert psutil.wait_procs(drivers, timeout=120)[1] == []
