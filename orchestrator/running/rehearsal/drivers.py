"""The drivers of a rehearsal: one process at a time, started with the same errand again whenever it has ended."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from orchestrator.running.rehearsal.driver import Errand
from orchestrator.running.rehearsal.processes import Family

SHOWN_LINES = 3
SOON = {"RAY_gcs_rpc_server_reconnect_timeout_s": "5"}
"""For Ray: that its head is gone is believed after seconds, not after a minute."""


class Drivers:
    """Starts drivers, with variables besides those of this process. What each says goes into a file of its own."""

    def __init__(self, errand: Errand, scratch: Path, family: Family, environment: Mapping[str, str]) -> None:
        self._errand = errand
        self._scratch = scratch
        self._family = family
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self.started = 0
        """How many there have been."""
        (scratch / "tmp").mkdir()

    @property
    def pid(self) -> int:
        """Of the one that was started last."""
        assert self._process is not None, "a driver was started"
        return self._process.pid

    def start(self) -> None:
        """Start a driver with the errand."""
        self._let_go()
        self.started += 1
        folders = {"TMPDIR": str(self._scratch / "tmp"), "RAY_TMPDIR": str(self._scratch)}
        with self._log().open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "orchestrator.running.rehearsal.driver"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**SOON, **os.environ, **self._environment, **folders},
                start_new_session=True,  # a Ctrl-C is for the rehearsal
            )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(pickle.dumps(self._errand))
            self._process.stdin.flush()  # and not closed: by that it knows that we live

    def code(self) -> int | None:
        """Return how it ended; None while it lives."""
        assert self._process is not None
        self._family.look(self.pid)
        return self._process.poll()

    def kill(self) -> None:
        """Send SIGKILL to it, and to it alone; return when it is gone."""
        if self._process is not None:
            self._family.look_closely(self.pid)
            self._process.kill()
            self._process.wait()
            self._let_go()

    def ask(self, number: signal.Signals) -> None:
        """Send a signal by which it is asked to stop."""
        assert self._process is not None
        self._family.look_closely(self.pid)
        self._process.send_signal(number)

    def folders_left(self) -> list[str]:
        """Return the names of what they left in their temporary folder."""
        return sorted(path.name for path in (self._scratch / "tmp").iterdir())

    def last_words(self) -> str:
        """Return the last lines that it said, in one."""
        lines = self._log().read_text(errors="replace").split("\n")
        return " / ".join([line.strip() for line in lines if line.strip()][-SHOWN_LINES:]) or "it said nothing"

    def _let_go(self) -> None:
        """Close our end of what the one before reads."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _log(self) -> Path:
        return self._scratch / f"driver-{self.started}.log"
