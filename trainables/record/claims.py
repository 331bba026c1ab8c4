"""Who may work on a trial: numbered claims, of which the highest is in force.

`claims/<n>.json` is created exclusively and never changed, so that taking over a stale claim is one atomic step with
one winner: creating the next number. `claims/<n>.<token>.released` gives it back.

A claim is stale when its driver's beat (`trainables.record.beats`) has not moved for 60 seconds of the observer's own
clock; clocks of two machines are never compared. It is stale at once when its worker was on this machine and is gone,
unless its driver lives and has the trial at work: that one starts it again.

Staleness only says when it is worth to try: that one attempt's row stands rests on the numbers, and on the row's own
exclusive creation. A driver that sleeps for longer than that with its workers at work loses their trials to others, and
its workers notice before they write.
"""

import json
import re
import uuid
from dataclasses import asdict, dataclass

from trainables.errors import ClaimLost
from trainables.record.beats import BeatWatcher
from trainables.record.processes import Process
from trainables.record.storage import Storage

STALE_SECONDS = 60.0
_FILE_NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)


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
        if not (isinstance(claim.number, int) and isinstance(claim.token, str) and isinstance(claim.driver, str)):
            raise TypeError("a claim has a number and two tokens")
        if not _FILE_NAME.fullmatch(claim.driver):
            raise ValueError("a driver's token is part of the names of its files")
        return claim


@dataclass(frozen=True, kw_only=True, slots=True)
class Busy:
    """The trial is somebody else's at present."""

    claim: Claim


class ClaimFolder:
    """The claims of one trial."""

    def __init__(self, storage: Storage, folder: str, watcher: BeatWatcher) -> None:
        self._storage = storage
        self._folder = f"{folder}/claims"
        self._trial_id = folder.rpartition("/")[2]
        self._watcher = watcher
        self.problems: list[str] = []
        """A sentence for each claim that could not be trusted."""

    def numbers(self) -> list[int]:
        names = self._storage.names(self._folder)
        return sorted(int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdecimal())

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
        if not self._storage.exclusive and self._read(claim.number) != claim:
            raise ClaimLost(f"attempt {claim.number} was overwritten by another process")

    def release(self, claim: Claim) -> None:
        """Give the claim back, so that nobody needs to wait for it to grow stale."""
        self._storage.write(f"{self._folder}/{claim.attempt}.released", b"", durable=False)

    def released(self, attempt: str) -> bool:
        """Say whether an attempt gave its claim back."""
        return self._storage.exists(f"{self._folder}/{attempt}.released")

    def age(self, claim: Claim) -> float:
        """Return how many seconds ago a claim was made, by the storage's clock: for people to read.

        Raises: FileNotFoundError.
        """
        return self._storage.age(f"{self._folder}/{claim.number:04d}.json")

    def _read(self, number: int) -> Claim | None:
        path = f"{self._folder}/{number:04d}.json"
        try:
            return Claim.from_json(self._storage.read(path))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError):
            sentence = f"claim {number:04d}.json is damaged and not trusted; the next attempt takes over"
            if sentence not in self.problems:
                self.problems.append(sentence)
            return None

    def _given_back(self, number: int) -> bool:
        """Say whether names alone tell that nobody holds a claim; two may share a number where none is exclusive."""
        names = self._storage.names(self._folder) if self._storage.exclusive else []
        return any(name.startswith(f"{number:04d}.") and name.endswith(".released") for name in names)

    def _live(self, number: int) -> Claim | None:
        if self._given_back(number):
            return None
        claim = self._read(number)
        if claim is None or self.released(claim.attempt):
            return None
        if claim.worker_process.alive() is False and not self._may_start_again(claim):
            return None
        silent = self._watcher.silent_seconds(self._storage, claim.driver, self._trial_id)
        return claim if silent < STALE_SECONDS else None

    def _may_start_again(self, claim: Claim) -> bool:
        """Say whether the driver of a worker that is gone lives, or may, and still has the trial at work."""
        if claim.driver_process.alive() is False:
            return False
        beat = self._watcher.beat(self._storage, claim.driver)
        return beat is not None and self._trial_id in beat.trials
