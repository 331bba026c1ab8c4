"""The drivers of a rehearsal: one that is started again whenever it has ended, and rivals with the same errand."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from orchestrator.running.rehearsal.driver import Errand
from orchestrator.running.rehearsal.processes import Family

SHOWN_LINES = 3
SOON = {"RAY_gcs_rpc_server_reconnect_timeout_s": "5"}
"""For Ray: that its head is gone is believed after seconds, not after a minute."""

NOT_OURS = ("wandb-media", "wandb-artifacts")
"""Ends of the names of what W&B makes as soon as it is imported, which Ray Tune does where it is installed."""


class Drivers:
    """Starts drivers, with variables besides those of this process. What each says goes into a file of its own."""

    def __init__(self, errand: Errand, scratch: Path, family: Family, environment: Mapping[str, str]) -> None:
        self._errand = errand
        self._scratch = scratch
        self._family = family
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._rivals: list[subprocess.Popen[bytes]] = []
        self.started = 0
        """How many there have been."""
        (scratch / "tmp").mkdir()

    @property
    def pid(self) -> int:
        """Of the one that was started last."""
        assert self._process is not None, "a driver was started"
        return self._process.pid

    def start(self) -> None:
        """Start the driver, once more where it has ended."""
        if self._process is not None:
            _let_go(self._process)
        self._log = self._scratch / f"driver-{self.started + 1}.log"
        self._process = self._spawn()

    def start_rival(self) -> None:
        """Start another one beside it, which ends when all is done."""
        self._rivals.append(self._spawn())

    def kill_rival(self) -> bool:
        """Send SIGKILL to the other one; return whether there was one."""
        for rival in self._rivals:
            if rival.poll() is None:
                self._family.look_closely(rival.pid)
                rival.kill()
                rival.wait()
                return True
        return False

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.started += 1
        folders = {"TMPDIR": str(self._scratch / "tmp"), "RAY_TMPDIR": str(self._scratch)}
        with (self._scratch / f"driver-{self.started}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "orchestrator.running.rehearsal.driver"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**SOON, **os.environ, **self._environment, **folders},
                start_new_session=True,  # a Ctrl-C is for the rehearsal
            )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(pickle.dumps(self._errand))
            process.stdin.flush()  # and not closed: by that it knows that we live
        return process

    def code(self) -> int | None:
        """Return how it ended; None while it lives."""
        assert self._process is not None
        for process in (self._process, *self._rivals):
            self._family.look(process.pid)
        return self._process.poll()

    def kill(self) -> None:
        """Send SIGKILL to it, and to it alone; return when it is gone."""
        if self._process is not None:
            self._family.look_closely(self.pid)
            self._process.kill()
            self._process.wait()

    def end(self) -> None:
        """Kill all of them."""
        for process in (self._process, *self._rivals):
            if process is not None:
                self._family.look_closely(process.pid)
                process.kill()
                _let_go(process)

    def wait_for_rivals(self, seconds: float) -> None:
        """Wait until the others have ended by themselves, for so long at most."""
        until = time.monotonic() + seconds
        for rival in self._rivals:
            with contextlib.suppress(subprocess.TimeoutExpired):
                rival.wait(max(0.0, until - time.monotonic()))

    def ask(self, number: signal.Signals) -> None:
        """Send a signal by which it is asked to stop."""
        assert self._process is not None
        self._family.look_closely(self.pid)
        self._process.send_signal(number)

    def folders_left(self) -> list[str]:
        """Return the names of what they left in their temporary folder."""
        names = sorted(path.name for path in (self._scratch / "tmp").iterdir())
        return [name for name in names if not name.endswith(NOT_OURS)]

    def last_words(self) -> str:
        """Return the last lines that it said, in one."""
        lines = self._log.read_text(errors="replace").split("\n")
        return " / ".join([line.strip() for line in lines if line.strip()][-SHOWN_LINES:]) or "it said nothing"


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """Close our end of what a process that has ended read."""
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
