"""What killed runs leave in the temporary folder goes with the next run; what is anybody else's stays."""

import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest

from orchestrator.running.ray_tune import leftovers
from orchestrator.running.ray_tune.leftovers import RaySession, scratch, sweep
from trainables.record.processes import Process
from trainables.record.storage import open_storage
from trainables.record.temporary import create_folder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The temporary folder, Ray's included."""
    place = tmp_path / "temporary"
    (place / "ray").mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv("RAY_TMPDIR", str(place))
    return place


@pytest.fixture
def clean(tmp_path):
    return lambda: sweep(open_storage(tmp_path / "runs"))


def session(place: Path, pid: int, *, later: timedelta = timedelta(0)) -> Path:
    """Make a folder as Ray does for a process."""
    path = place / "ray" / f"session_{datetime.now() + later:%Y-%m-%d_%H-%M-%S_%f}_{pid}"
    (path / "logs").mkdir(parents=True)
    return path


def left(place: Path) -> set[str]:
    return {path.name for path in (*place.iterdir(), *place.glob("ray/*"))} - {"ray"}


def dead(monkeypatch: pytest.MonkeyPatch) -> int:
    """Make this process another one in all that it names from now on, one that is dead; return that one's number."""
    gone = subprocess.Popen(["true"])
    name = Process(host=Process.current().host, boot=Process.current().boot, pid=gone.pid, started="1")
    gone.wait()
    monkeypatch.setattr(Process, "current", classmethod(lambda cls: name))
    return gone.pid


def test_a_run_that_ends_leaves_nothing(temporary):
    mine = RaySession()
    folder = session(temporary, os.getpid())
    (temporary / "ray" / "session_latest").symlink_to(folder)

    with scratch() as place:
        (Path(place) / "state.json").touch()
    mine.remove()

    assert left(temporary) == set()


def test_what_a_dead_run_left_is_removed_with_the_agents_of_its_ray(temporary, clean, monkeypatch):
    with monkeypatch.context() as patch:
        pid = dead(patch)
        RaySession()
        scratch().__enter__()
    folder = session(temporary, pid)
    renamed = "from pathlib import Path; Path('/proc/self/comm').write_text('ray::Agent')"
    output = folder / "logs" / "agent.out"
    with output.open("w") as out:
        agent = subprocess.Popen(
            [sys.executable, "-S", "-c", f"{renamed}; print(flush=True); import time; time.sleep(60)"], stdout=out
        )
    until = time.monotonic() + 30
    while not output.stat().st_size and time.monotonic() < until:
        time.sleep(0.01)

    clean()

    assert not psutil.pid_exists(agent.pid)
    agent.wait()
    assert left(temporary) == set()


def test_what_a_living_run_another_machine_or_another_ray_of_the_user_has_stays(
    temporary, clean, monkeypatch, tmp_path
):
    mine = RaySession()
    used = session(temporary, os.getpid())
    with monkeypatch.context() as patch:
        pid = dead(patch)
        RaySession()
    session(temporary, pid, later=-timedelta(hours=2))  # of a Ray that another process of that number started
    session(temporary, 1)
    elsewhere = temporary / "sharptune-tune-0123456789ab-1-1-abc"
    elsewhere.mkdir()
    (tmp_path / "target").mkdir()
    (temporary / f"sharptune-tune-{Process.current().mark.partition('-')[0]}-{pid}-1-abc").symlink_to(
        tmp_path / "target"
    )
    before = left(temporary)

    with scratch():
        clean()

    assert {name for name in before - left(temporary) if not name.startswith("sharptune-ray-")} == set()
    assert used.is_dir()
    mine.remove()


def test_outputs_of_dead_processes_wait_for_a_run_on_their_own_object_store_for_a_week(temporary, clean, monkeypatch):
    with monkeypatch.context() as patch:
        dead(patch)
        old, new = (create_folder("output") for _ in range(2))
    os.utime(old, (0, time.time() - 8 * 86_400))

    clean()

    assert left(temporary) == {new.name}


def test_folders_of_another_user_stay(temporary, clean, monkeypatch):
    with monkeypatch.context() as patch:
        pid = dead(patch)
        RaySession()
    session(temporary, pid)
    before = left(temporary)
    monkeypatch.setattr(leftovers.os, "getuid", lambda: os.geteuid() + 1)

    clean()

    assert left(temporary) == before
