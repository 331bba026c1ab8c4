"""A small cluster of real Ray nodes on this machine, on ports of its own, with a token of its own."""

import contextlib
import os
import random
import secrets
import subprocess
import sys
import time
from pathlib import Path

import psutil

from orchestrator.errors import HaltError
from orchestrator.running.rehearsal.processes import Family

ADDRESS = "ray_current_cluster"
"""The file in which a head says where it is."""
START_SECONDS = 120.0


class Nodes:
    """The head, which lives as long as the cluster does, and others, which may be killed."""

    def __init__(self, count: int, cpus: int, scratch: Path, family: Family) -> None:
        self._cpus = cpus
        self._scratch = scratch
        self._family = family
        self._started = 0
        self.environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        """By which drivers are let in, and nobody else: on Linux, Ray listens to the network."""
        self._head = self._start("--head", "--port=0", "--include-dashboard=false")
        self.address = self._address()
        self._others = [self._join() for _ in range(count - 1)]

    def replace_one(self, chance: random.Random) -> str:
        """Kill all processes of a node at once, start another one, and return in words what was killed."""
        node = self._others.pop(chance.randrange(len(self._others)))
        tree = self._family.look_closely(node.pid)
        self._family.kill(tree)
        _let_go(node)
        self._others.append(self._join())
        return f"a node of {len(tree)} processes was killed, another one started"

    def holds(self, process: psutil.Process) -> bool:
        """Say whether a process belongs to a node that was not killed."""
        with contextlib.suppress(psutil.Error):
            mine = {node.pid for node in (self._head, *self._others)}
            return process.pid in mine or bool(mine.intersection(parent.pid for parent in process.parents()))
        return False

    def end(self) -> None:
        """Kill them all."""
        for node in (*self._others, self._head):
            self._family.kill(self._family.look_closely(node.pid))
            _let_go(node)

    def _join(self) -> subprocess.Popen[bytes]:
        return self._start(f"--address={self.address}")

    def _start(self, *options: str) -> subprocess.Popen[bytes]:
        self._started += 1
        folder = self._scratch / f"n{self._started}"
        folder.mkdir()
        command = [sys.executable, "-m", "orchestrator.running.rehearsal.node", f"--temp-dir={folder}"]
        ports = ["--min-worker-port=0", "--max-worker-port=0", "--dashboard-agent-listen-port=0"]
        size = [f"--num-cpus={self._cpus}", "--num-gpus=0"]
        memory = [f"--object-store-memory={128 * 2**20}"]
        with (folder / "start.log").open("wb") as log:
            return subprocess.Popen(
                [*command, *ports, *size, *memory, *options],
                stdin=subprocess.PIPE,  # not written to: when it is closed, the node ends
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    def _address(self) -> str:
        file, until = self._scratch / "n1" / ADDRESS, time.monotonic() + START_SECONDS
        while self._head.poll() is None and time.monotonic() < until:
            if file.is_file() and (address := file.read_text().strip()):
                return address
            time.sleep(0.1)
        said = (self._scratch / "n1" / "start.log").read_text(errors="replace").strip().split("\n")[-1]
        self._family.kill(self._family.look(self._head.pid))
        raise HaltError(f"Ray's head did not start: {said}")


def _let_go(node: subprocess.Popen[bytes]) -> None:
    node.wait()
    if node.stdin is not None:
        node.stdin.close()
