"""A storage that cannot be written any more, an object store in trouble, clocks that are wrong, no memory left."""

import contextlib
import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from drive import grid
from faulty_s3 import FaultyS3
from running_contract import essences, go, undisturbed_essences

from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage

SUPPORT = Path(__file__).parent.parent / "support"
SLOW = {"epochs": 2, "steps": 2, "seconds": 0.1}


def driver(storage: Path, **settings) -> subprocess.Popen:
    """Start a driver in a process of its own, whose trials run there one after the other."""
    grid_of = ["--roots", "2", "--children", "1", *(f"{name}={value}" for name, value in SLOW.items())]
    words = [sys.executable, str(SUPPORT / "drive.py"), str(storage), "--runner", "local", *grid_of]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, **settings)


def wait_for_event(process: subprocess.Popen, kind: str) -> None:
    while json.loads(process.stdout.readline())["kind"] != kind:
        pass


@pytest.fixture
def remount(tmp_path):
    """A file system of its own for the storage, and what changes its options."""
    runs = tmp_path / "runs"
    runs.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", runs], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", runs], check=True)
    subprocess.run(["umount", "-l", runs], check=True)


def fill(runs: Path) -> None:
    with contextlib.suppress(OSError), (runs / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.mark.parametrize("said", ["Read-only file system", "No space left on device"])
def test_a_storage_that_takes_no_more_ends_the_run_in_a_sentence_and_nothing_is_lost(remount, tmp_path, said):
    storage = tmp_path / "runs"
    with driver(storage, stderr=subprocess.PIPE) as first:
        wait_for_event(first, "progress")
        remount("ro") if said.startswith("Read") else fill(storage)
        _, error = first.communicate(timeout=60)

    assert f"HaltError: {said} in {storage}; finished trials are kept, run again to go on" in error
    assert "done" not in {row.state for row in Ledger(open_storage(storage)).rows().values()}
    remount("rw,size=2m")
    go(storage, grid(2, 1, **SLOW))
    assert essences(storage) == undisturbed_essences(tmp_path / "undisturbed", grid(2, 1, **SLOW))


@pytest.mark.parametrize(("trouble", "count"), [("busy", 4), ("gone", 4), ("slow", 10_000)])
def test_an_object_store_that_is_busy_gone_for_a_while_or_slow_changes_no_row(s3_uri, tmp_path, trouble, count):
    uri = s3_uri(uuid.uuid4().hex)
    server = FaultyS3(trouble, 12, count)
    there = re.sub(r"127.0.0.1:\d+", f"127.0.0.1:{server.port}", uri)
    states, said = go(there, grid(1, 0, epochs=2, steps=1))
    server.stop()

    assert server.met >= 4
    assert (set(states.values()), said) == ({"done"}, [])
    assert essences(uri) == undisturbed_essences(tmp_path / "undisturbed", grid(1, 0, epochs=2, steps=1))


@pytest.mark.parametrize("hours", [1, -1])
def test_a_driver_whose_clock_is_wrong_shares_trials_with_one_whose_clock_is_right(tmp_path, hours):
    """Each takes some, none is taken over or run twice, and no duration is an hour too long or too short."""
    storage = tmp_path / "runs"
    path = os.pathsep.join([str(SUPPORT / "shifted_clock"), os.environ["PYTHONPATH"]])
    environment = {**os.environ, "PYTHONPATH": path, "SHIFTED_CLOCK": str(3600 * hours)}
    with driver(storage, env=environment) as wrong:
        wait_for_event(wrong, "started")
        states, _ = go(storage, grid(2, 1, **SLOW))
        out = wrong.stdout.read()

    assert set(states.values()) == set(json.loads(out.splitlines()[-1])["states"].values()) == {"done"}
    rows = Ledger(open_storage(storage)).rows().values()
    started = sorted({row.timing["started"][:13] for row in rows})
    assert len(started) > 1, "each did some of them"
    assert {row.provenance["attempts"] for row in rows} == {1}
    assert all(0 < row.timing["wall_seconds"] < 60 for row in rows)
    assert essences(storage) == undisturbed_essences(tmp_path / "undisturbed", grid(2, 1, **SLOW))


@pytest.mark.ray
@pytest.mark.slow
def test_a_trial_that_is_killed_for_memory_again_and_again_fails_with_that_reason(tmp_path):
    """By Ray's own memory monitor, to which any memory in use is too much."""
    environment = {**os.environ, "RAY_memory_usage_threshold": "0.0001", "RAY_memory_monitor_refresh_ms": "100"}
    words = [str(SUPPORT / "drive.py"), str(tmp_path), "--roots", "1", "--children", "0", "seconds=5"]

    done = subprocess.run(
        [sys.executable, *words], env=environment, stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )

    [row] = Ledger(open_storage(tmp_path)).rows().values()
    assert row.error == "its process died 4 times, the last time: killed for memory"
    assert "its process died (killed for memory); it goes on from its last checkpoint" in done.stdout
