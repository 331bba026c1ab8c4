"""The processes of a trial's other ranks: started, watched and ended by rank 0.

None outlives rank 0: each ends when the pipe to it closes, which the death of rank 0 does too. Signals that ask a whole
group of processes to end are rank 0's alone to hear.

A rank that dies is noticed within seconds. Rank 0 looks before and after each step, and gloo breaks off an exchange
with it at once. NCCL does not: there a thread of rank 0 watches, breaks the exchange off itself, and where even that
does not bring rank 0 back, ends the process, which Ray then takes for what it is: a machine's fault. Either way the
trial is tried again from its last checkpoint.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import torch

from trainables.distributed.team import READY, Place, Ranked, Team, meeting_in, run_path
from trainables.errors import RankLost
from trainables.trial import JSON, Step

START_SECONDS = 600.0
"""For a rank to import everything and to take over the state."""
END_SECONDS = 2.0
"""For a rank to end by itself."""
NOTICE_SECONDS = 5.0
"""How long after a broken exchange a rank may take to be gone."""
LOOK_SECONDS = 0.5
BREAK_SECONDS = 10.0
"""How long rank 0 may hang in a step after a rank was lost, before its exchange is broken off."""
LAST_SECONDS = 30.0
"""The same, before its process ends."""
MOST_BYTES = 100_000
"""Of what a rank printed that are told: its last ones."""
LOST_STATUS = 75
"""Exit status of a rank 0 that could not be brought back."""

_COMMAND = """
import signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, signal.SIG_IGN)
from trainables.distributed.team import main
main()
"""


class Member:
    """The process of one rank."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.rank = place.rank
        self._log = folder / f"rank-{place.rank}.txt"
        paths = [os.path.realpath(path) for path in sys.path]  # "" is where we are
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", _COMMAND],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                start_new_session=True,
            )

    def send(self, data: bytes) -> None:
        """Raises: RankLost."""
        assert self.process.stdin is not None
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self.process.stdin.write(rest) :]
        except BrokenPipeError:
            raise self.lost() from None

    def wait_until_ready(self) -> None:
        """Raises: RankLost."""
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        if not readable:
            raise RankLost(f"rank {self.rank} was not ready after {START_SECONDS:g} seconds")
        if self.process.stdout.read(1) != READY:
            raise self.lost()

    @property
    def gone(self) -> bool:
        return self.process.poll() is not None

    def lost(self) -> RankLost:
        """Return the error that says how the process ended."""
        try:
            status = self.process.wait(NOTICE_SECONDS)
        except subprocess.TimeoutExpired:
            return RankLost(f"rank {self.rank} does not answer")
        if status < 0:
            return RankLost(f"rank {self.rank} was killed by {signal.Signals(-status).name}")
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return RankLost(f"rank {self.rank} ended with status {status}: {lines[-1].strip() if lines else 'no word'}")

    def close(self) -> None:
        """Tell it to end."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()

    def end(self) -> None:
        """Make sure that it has ended and left nothing; what it printed becomes part of what this process prints."""
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(OSError):
            if words := self._log.read_bytes()[-MOST_BYTES:]:
                os.write(2, f"rank {self.rank} printed:\n".encode() + words.rstrip(b"\n") + b"\n")


def check(members: Sequence[Member], *, patience: float = 0.0, cause: Exception | None = None) -> None:
    """Raises: RankLost, when one of them is gone, or is so soon."""
    until = time.monotonic() + patience
    while True:
        for member in members:
            if member.gone:
                raise member.lost() from cause
        if time.monotonic() >= until:
            return
        time.sleep(0.05)


class Exchange(Protocol):
    """What may hang, and be broken off."""

    def abort(self) -> None: ...


class Watch:
    """A thread that brings rank 0 back from an exchange with a rank that is gone."""

    def __init__(
        self, members: Sequence[Member], exchange: Exchange, *, end: Callable[[int], object] = os._exit
    ) -> None:
        self._members = members
        self._exchange = exchange
        self._end = end
        self._entered: float | None = None  # when the step under way began; None while rank 0 is paused
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look, name="ranks", daemon=True)
        self._thread.start()

    def watched(self, work: Iterator[Step]) -> Iterator[Step]:
        """Yield what `work` yields. Raises: RankLost."""
        end = object()
        while True:
            check(self._members)
            self._entered = time.monotonic()
            try:
                step = next(work, end)
            except RuntimeError as error:  # torch has no other name for it
                check(self._members, patience=NOTICE_SECONDS, cause=error)
                raise
            finally:
                self._entered = None
            if step is end:
                return
            check(self._members)
            yield step  # pyright: ignore[reportReturnType]  (it is not `end`)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _look(self) -> None:
        noticed: float | None = None
        broken = False
        while not self._closed.wait(LOOK_SECONDS):
            entered, now = self._entered, time.monotonic()
            if noticed is None and any(member.gone for member in self._members):
                noticed = now
            if noticed is None or entered is None:
                continue
            hanging = now - max(noticed, entered)
            if hanging >= BREAK_SECONDS and not broken:
                broken = True
                self._exchange.abort()
            if hanging >= LAST_SECONDS:
                self._end(LOST_STATUS)
                return


@contextmanager
def lead(run: Ranked, settings: dict[str, JSON], *, seed: int, ranks: int) -> Iterator[tuple[Team, Watch]]:
    """Start the other ranks from where `run` stands; when the block is left, however it is, they are gone.

    Raises: RankLost, when one of them does not come up.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"sharptune-ranks-{os.getpid()}-"))
    members: list[Member] = []
    # Called at the end of the interpreter too, should nobody close the generator that holds the block.
    end = weakref.finalize(run, _end_all, members, folder)
    on_gpus = next(run.network.parameters()).device.type == "cuda"
    try:
        state = run.state()
        for rank in range(1, ranks):
            place = Place(
                run=run_path(run),
                settings=settings,
                seed=seed,
                threads=torch.get_num_threads(),
                gpus=ranks if on_gpus else 0,
                rank=rank,
                ranks=ranks,
                meeting=meeting_in(folder),
                leader=os.getpid(),
                state_bytes=len(state),
            )
            members.append(Member(place, folder))
            members[-1].send(place.to_json())
        for member in members:
            member.send(state)
        for member in members:
            member.wait_until_ready()
        try:
            team = Team(run.network, rank=0, ranks=ranks, meeting=meeting_in(folder))
        except RuntimeError as error:
            check(members, patience=NOTICE_SECONDS, cause=error)
            raise
        watch = Watch(members, team)
        try:
            yield team, watch
        finally:
            watch.close()
            team.leave()
    finally:
        end()


def _end_all(members: Sequence[Member], folder: Path) -> None:
    for member in members:
        member.close()
    for member in members:
        member.end()
    shutil.rmtree(folder, ignore_errors=True)
