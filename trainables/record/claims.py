"""Who may work on a trial: numbered claims, of which the highest is in force.

`claims/<n>.json` is created exclusively and never changed, so that taking over a stale claim is one atomic step with
one winner: creating the next number. A claim is stale when its processes on this machine are gone, or when its beat
(`claims/<n>.<token>.beat`) has not moved for 60 seconds of the observer's own clock; clocks of two machines are never
compared. `claims/<n>.<token>.released` gives it back early.
"""

import contextlib
import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass

from trainables.errors import ClaimLost, DamagedFile
from trainables.record.processes import Process
from trainables.record.storage import Storage

STALE_SECONDS = 60.0
BEAT_SECONDS = 10.0
BEAT_AFTER_SECONDS = 5.0
_TOKEN = re.compile(r"[\w-]{1,40}", re.ASCII)
_FILE = re.compile(r"([0-9]{4,9})\.json")
"""The name of a claim's file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One attempt's right to work on a trial."""

    number: int
    token: str
    driver: str
    """The driver's token; a retry by the same driver takes over at once."""
    driver_process: Process
    worker_process: Process

    @property
    def attempt(self) -> str:
        """The name of this attempt in file names."""
        return f"{self.number:04d}.{self.token}"

    @property
    def holder(self) -> str:
        """Who holds it, for people."""
        return str(self.worker_process)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: bytes) -> "Claim":
        """Raises: ValueError, KeyError, TypeError for anything that is no claim."""
        data = json.loads(text)
        data["driver_process"] = Process(**data["driver_process"])
        data["worker_process"] = Process(**data["worker_process"])
        claim = cls(**data)
        claim.driver_process.check()
        claim.worker_process.check()
        if not (isinstance(claim.number, int) and isinstance(claim.driver, str) and _TOKEN.fullmatch(claim.token)):
            raise TypeError("a claim has a number and two tokens")
        return claim


@dataclass(frozen=True, kw_only=True, slots=True)
class Busy:
    """The trial is somebody else's at present."""

    claim: Claim


class BeatWatcher:
    """Remembers when this process first saw each beat, by its own clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[bytes, float]] = {}

    def silent_seconds(self, path: str, beat: bytes) -> float:
        """Return for how long this beat has not moved, as far as this process saw."""
        now = self._clock()
        known = self._seen.get(path)
        if known is None or known[0] != beat:
            self._seen[path] = (beat, now)
            return 0.0
        return now - known[1]


class ClaimFolder:
    """The claims of one trial."""

    def __init__(self, storage: Storage, folder: str, watcher: BeatWatcher) -> None:
        self._storage = storage
        self._folder = f"{folder}/claims"
        self._watcher = watcher
        self.problems: list[str] = []
        """A sentence for each claim that could not be trusted."""

    def numbers(self) -> list[int]:
        names = self._storage.names(self._folder)
        return sorted(int(file[1]) for name in names if (file := _FILE.fullmatch(name)))

    def live(self) -> Claim | None:
        """Return the claim in force, if its holder may still be at work."""
        numbers = self.numbers()
        return self._live(numbers[-1]) if numbers else None

    def acquire(self, *, driver: str, driver_process: Process, stale: int | None = None) -> Claim | Busy:
        """Claim the trial for this process, or say whose it is.

        `stale` is the number of a claim that the driver found stale: it has watched the beat for long enough, which a
        worker that has only just begun to look has not.
        """
        while True:
            numbers = self.numbers()
            held = self._live(numbers[-1]) if numbers and numbers[-1] != stale else None
            if held is not None and held.driver != driver:
                return Busy(claim=held)
            claim = Claim(
                number=(numbers[-1] if numbers else 0) + 1,
                token=uuid.uuid4().hex[:8],
                driver=driver,
                driver_process=driver_process,
                worker_process=Process.current(),
            )
            path = f"{self._folder}/{claim.number:04d}.json"
            if self._storage.create(path, claim.to_json().encode(), durable=False):
                return claim

    def check(self, claim: Claim) -> None:
        """Make sure the claim is still in force. Raises: ClaimLost."""
        numbers = self.numbers()
        if not numbers or numbers[-1] != claim.number:
            raise ClaimLost(f"attempt {claim.number} was taken over by attempt {numbers[-1] if numbers else '?'}")
        if self._storage.remote and self._read(claim.number) != claim:
            raise ClaimLost(f"attempt {claim.number} was overwritten by another process")

    def release(self, claim: Claim) -> None:
        """Give the claim back, so that nobody needs to wait for it to grow stale."""
        self._storage.write(f"{self._folder}/{claim.attempt}.released", b"", durable=False)

    def released(self, attempt: str) -> bool:
        """Say whether an attempt gave its claim back."""
        return self._storage.exists(f"{self._folder}/{attempt}.released")

    def beat(self, claim: Claim, count: int) -> None:
        """Move the beat. A storage that does not answer is not waited for: the next beat is soon."""
        self._storage.within(0).write(f"{self._folder}/{claim.attempt}.beat", str(count).encode(), durable=False)

    def silent_seconds(self, claim: Claim) -> float:
        """Return since when nothing was heard of a claim's holder, by the storage's clock: for people to read.

        Whether others may take over goes by no clock but their own. Raises: FileNotFoundError.
        """
        try:
            return self._storage.age(f"{self._folder}/{claim.attempt}.beat")
        except FileNotFoundError:  # it beats only after some seconds
            return self._storage.age(f"{self._folder}/{claim.number:04d}.json")

    def _read(self, number: int) -> Claim | None:
        path = f"{self._folder}/{number:04d}.json"
        try:
            claim = Claim.from_json(self._storage.read(path))
            if claim.number != number:
                raise ValueError(f"it is claim {claim.number}")
            return claim
        except FileNotFoundError:
            return None
        except (DamagedFile, ValueError, KeyError, TypeError, RecursionError):
            sentence = f"claim {number:04d}.json is damaged and not trusted; the next attempt takes over"
            if sentence not in self.problems:
                self.problems.append(sentence)
            return None

    def _live(self, number: int) -> Claim | None:
        claim = self._read(number)
        if claim is None or self.released(claim.attempt):
            return None
        alive = [claim.worker_process.alive(), claim.driver_process.alive()]
        if not any(state is None or state for state in alive):
            return None
        path = f"{self._folder}/{claim.attempt}.beat"
        try:
            beat = self._storage.read(path)
        except (DamagedFile, FileNotFoundError):
            beat = b""
        return claim if self._watcher.silent_seconds(path, beat) < STALE_SECONDS else None


class Heartbeat:
    """Moves a claim's beat from a thread of its own while the trial works; a trial of seconds writes none."""

    def __init__(
        self, claims: ClaimFolder, claim: Claim, *, after: float = BEAT_AFTER_SECONDS, seconds: float = BEAT_SECONDS
    ) -> None:
        self._claims = claims
        self._claim = claim
        self._after = after
        self._seconds = seconds
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._beat, name="sharptune-beat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _beat(self) -> None:
        count, pause = 0, self._after
        while not self._end.wait(pause):
            count, pause = count + 1, self._seconds
            with contextlib.suppress(Exception):  # a full disk is noticed where something is lost by it
                self._claims.beat(self._claim, count)
