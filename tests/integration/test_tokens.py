"""A real Ray that lets in only who has its token: who has not hears so at once, in one sentence."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import CHAINS, FAKE_SHARPTUNE

pytestmark = pytest.mark.ray
TOKEN = "0123456789abcdef" * 2
RAY = Path(sys.executable).with_name("ray")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the head of a cluster with that token is."""
    folder = Path("/tmp") / f"sharptune-token-{os.getpid()}"  # a short path, for its sockets
    options = ["--port=0", "--num-cpus=1", "--include-dashboard=false", "--dashboard-agent-listen-port=0"]
    with subprocess.Popen(
        [RAY, "start", "--head", "--block", f"--temp-dir={folder}", *options],
        env={**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as head:
        until = time.monotonic() + 120
        named = folder / "ray_current_cluster"
        while not (named.exists() and named.read_text().strip()):  # it is there before it is written
            assert time.monotonic() < until
            time.sleep(0.1)
        yield named.read_text().strip()
        head.terminate()
        head.wait(timeout=60)
    subprocess.run(["rm", "-rf", folder], check=True)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, r"the Ray cluster at '[\d.:]+' lets in only who has its token"),
        ({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "f" * 32}, r"the Ray cluster at '[\d.:]+' lets in only who"),
        ({"RAY_AUTH_MODE": "token"}, r"RAY_AUTH_MODE is token, and there is no token here"),
    ],
    ids=["none", "another", "none where one is asked for"],
)
def test_who_has_no_token_or_another_hears_what_to_set(address, tmp_path, environment, sentence):
    (tmp_path / "chains.yaml").write_text(CHAINS)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH_")}
    home = {**ours, "HOME": str(tmp_path), **environment}

    done = subprocess.run(
        [sys.executable, FAKE_SHARPTUNE, "run", "chains.yaml", "--address", address],
        cwd=tmp_path,
        env=home,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert (done.returncode, done.stdout) == (2, "chains: 6 trials; 6 new\n")
    assert re.match(rf"error: {sentence}.*set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to what its nodes", done.stderr)
    assert len(done.stderr.splitlines()) == 1
