"""A node whose network is cut, and a head that is killed: real Ray nodes in network namespaces of their own.

The storage stays: as where a node loses the network between nodes and keeps the one to its disks.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from drive import grid
from fakes import HURRY
from running_contract import essences, go, undisturbed_essences

HERE, THERE = (f"sharptune-{os.getpid()}-{side}" for side in ("here", "there"))
"""The network namespaces: of head and driver, and of the node that is cut off."""
LINK = ("sharptune0", "sharptune1")
HEAD = "10.77.0.1:6379"
SUPPORT = Path(__file__).parent.parent / "support"
HEALTH = {f"RAY_health_check_{name}": "500" for name in ("period_ms", "timeout_ms")}
TRIAL = {"epochs": 2, "steps": 1, "seconds": 20}
SETTINGS = [f"{name}={value}" for name, value in TRIAL.items()]
HEAD_WORDS = ("--head", "--node-ip-address", "10.77.0.1", "--port", "6379", "--include-dashboard=false")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def networks() -> Iterator[None]:
    """Two networks, and a link between them."""
    try:
        for name in (HERE, THERE):
            ip("netns", "add", name)
        ip("link", "add", LINK[0], "netns", HERE, "type", "veth", "peer", "name", LINK[1], "netns", THERE)
        for name, link, address in zip((HERE, THERE), LINK, ("10.77.0.1/24", "10.77.0.2/24"), strict=True):
            ip("-n", name, "address", "add", address, "dev", link)
            for device in ("lo", link):
                ip("-n", name, "link", "set", device, "up")
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no network namespaces can be made here: {error}")
    else:
        yield
    finally:
        for name in (HERE, THERE):
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                ip("netns", "delete", name)


@pytest.fixture
def start(networks, tmp_path) -> Iterator:
    """Start a program in a network; what it started is gone at the end, with the folder of its sockets."""
    programs: list[subprocess.Popen] = []
    folder = tempfile.mkdtemp(prefix="cut", dir="/tmp")

    def run(network: str, *words: str, **environment: str) -> subprocess.Popen:
        log = (tmp_path / f"program-{len(programs)}.log").open("w")
        programs.append(
            subprocess.Popen(
                ["ip", "netns", "exec", network, sys.executable, *words],
                env={**os.environ, "RAY_AUTH_MODE": "disabled", **HEALTH, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )
        )
        log.close()
        return programs[-1]

    def start_ray(network: str, *words: str, **environment: str) -> subprocess.Popen:
        place = ("--temp-dir", f"{folder}/{len(programs)}")
        return run(network, "-m", "ray.scripts.scripts", "start", *words, *place, "--block", **environment)

    run.ray = start_ray  # type: ignore[attr-defined]
    yield run
    family = [each for program in programs for each in _family(program.pid)]
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=10)
    for program in programs:
        program.wait()
    shutil.rmtree(folder, ignore_errors=True)


def _family(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]
    return []


def wait_for(seen, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answers(network: str) -> bool:
    knock = f"import socket; socket.create_connection(('10.77.0.1', {HEAD.rpartition(':')[2]}), 1)"
    words = ["ip", "netns", "exec", network, sys.executable, "-c", knock]
    return subprocess.run(words, capture_output=True).returncode == 0


@pytest.mark.ray
@pytest.mark.xdist_group("nodes")
def test_a_node_that_is_cut_off_loses_its_trial_to_another_and_writes_nothing_more(start, tmp_path):
    """The trial's first step takes the node that is cut off longer than others need to take the trial over.

    Its process hears from no driver then, and gets no further than that step.
    """
    storage, hurry = tmp_path / "runs", tmp_path / "hurry"
    hurry.touch()
    [trial] = grid(1, 0, **TRIAL)
    folder = storage / "trials" / trial.trial_id
    start.ray(HERE, *HEAD_WORDS, "--num-cpus", "0")
    wait_for(lambda: answers(THERE))
    start.ray(THERE, "--address", HEAD, "--node-ip-address", "10.77.0.2", "--num-cpus", "1")
    drive = (str(SUPPORT / "drive.py"), str(storage), "--address", HEAD, "--roots", "1", "--children", "0", *SETTINGS)
    driver = start(HERE, *drive)
    wait_for(lambda: list(folder.glob("claims/0001.json")))

    ip("-n", THERE, "link", "set", LINK[1], "down")
    start.ray(HERE, "--address", HEAD, "--node-ip-address", "10.77.0.1", "--num-cpus", "1", **{HURRY: str(hurry)})
    driver.wait(timeout=240)

    assert driver.returncode == 0
    assert [path.name[:4] for path in folder.glob("claims/*.released")] == ["0002"]
    log = (folder / "log.txt").read_text()
    assert "attempt 2 starts in process" in log
    assert (log.count("epoch 1: "), log.count(" done: ")) == (1, 1)
    assert essences(storage) == undisturbed_essences(tmp_path / "undisturbed", [trial])
    assert not list(folder.glob("checkpoints/*"))


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.xdist_group("nodes")
def test_when_the_head_is_killed_the_driver_ends_and_the_next_run_goes_on_without_it(start, tmp_path, monkeypatch):
    """Ray itself ends the driver then, in words of its own, after a minute by default."""
    storage = tmp_path / "runs"
    head = start.ray(HERE, *HEAD_WORDS, "--num-cpus", "1")
    wait_for(lambda: answers(HERE))
    drive = (str(SUPPORT / "drive.py"), str(storage), "--address", HEAD, "--roots", "1", "--children", "0")
    driver = start(HERE, *drive, *SETTINGS, RAY_gcs_rpc_server_reconnect_timeout_s="5")
    wait_for(lambda: list(storage.glob("trials/*/claims/0001.json")))

    [gcs] = [process for process in _family(head.pid) if process.name() == "gcs_server"]
    gcs.kill()
    driver.wait(timeout=240)
    monkeypatch.setenv(HURRY, __file__)
    states, _ = go(storage, grid(1, 0, **TRIAL))

    assert driver.returncode != 0
    assert set(states.values()) == {"done"}
    assert essences(storage) == undisturbed_essences(tmp_path / "undisturbed", grid(1, 0, **TRIAL))
