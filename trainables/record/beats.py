"""What each driver tells of its run: `drivers/<driver>.json`, which moves every ten seconds while the run lasts.

Its moving is the beat of all claims of the driver's workers, so that a thousand of them cost as much as one. When it
was written matters to no rule: who looks goes by what he saw move on his own clock. What else it says is for people.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from trainables.record.processes import Process
from trainables.record.storage import Storage
from trainables.trial import JSON

BEAT_SECONDS = 10.0
LONGEST_SECONDS = 1e12
"""More is no time that anybody told."""
DRIVERS = "drivers"
"""The folder of a storage that holds what drivers tell, and what they are asked."""


def beat_path(driver: str) -> str:
    """Return the file that a driver keeps moving."""
    return f"{DRIVERS}/{driver}.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class AtWork:
    """Where a trial is that a driver has at work, as far as the driver has heard."""

    since: str
    """When it started, or started once more: UTC, by the driver's clock."""
    node: str = ""
    """Its host; empty before it was heard of."""
    attempt: int = 0
    epoch: int = 0
    epochs: int | None = None
    """All that it has to do; None where it has no such thing."""
    step: int = 0
    steps: int = 0
    """Of the epoch it is in; 0 where an epoch has just ended."""
    left: float | None = None
    """Seconds until it is done, once that can be guessed."""
    note: str = ""

    def check(self) -> None:
        """Raises: TypeError, ValueError when it was read from something else."""
        texts = all(isinstance(text, str) for text in (self.since, self.node, self.note))
        counts = (self.attempt, self.epoch, self.step, self.steps, 0 if self.epochs is None else self.epochs)
        if not (texts and all(type(count) is int and 0 <= count < 2**63 for count in counts)):
            raise TypeError("a trial at work has texts and counts")
        _check_seconds(self.left)
        datetime.fromisoformat(self.since)


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """What a driver tells of its run."""

    count: int
    """How often it has told: no two are the same."""
    process: Process
    experiment: str = ""
    since: str
    """When the run began, and when this was written: both UTC, by the driver's clock."""
    now: str
    left: float | None = None
    """Seconds until all trials are done, once that can be guessed."""
    between: Sequence[float] | None = None
    """Between what that is in four of five cases, where it was foreseen."""
    stopping: bool = False
    trials: Mapping[str, AtWork] = field(default_factory=dict)
    """Those at work, by id."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes) -> "Beat":
        """Raises: ValueError, TypeError, KeyError, AttributeError, RecursionError for anything that is no beat."""
        data = json.loads(text)
        trials = {trial_id: AtWork(**at_work) for trial_id, at_work in data.pop("trials").items()}
        beat = cls(**{**data, "process": Process(**data["process"])}, trials=trials)
        beat.process.check()
        if not (type(beat.count) is int and isinstance(beat.experiment, str) and isinstance(beat.stopping, bool)):
            raise TypeError("a beat has a count, and the name of an experiment")
        _check_seconds(beat.left)
        if beat.between is not None:
            low, high = beat.between
            _check_seconds(low)
            _check_seconds(high)
        for at_work in trials.values():
            at_work.check()
        if (datetime.fromisoformat(beat.now).tzinfo is None) or (datetime.fromisoformat(beat.since).tzinfo is None):
            raise ValueError("a time without its zone")
        return beat

    def seconds_since(self, moment: str) -> float:
        """Return how long before this was written a moment was that the driver wrote down, at least 0."""
        then = datetime.fromisoformat(moment)
        now = datetime.fromisoformat(self.now)
        return max(0.0, (now - then.replace(tzinfo=then.tzinfo or now.tzinfo)).total_seconds())


@dataclass(kw_only=True, slots=True)
class Heard:
    """What was read of a driver in one look."""

    content: bytes
    """Empty where there is no file."""
    beat: Beat | None
    """None also where that is garbled."""
    age: float | None = None


class BeatWatcher:
    """Remembers when this process first saw each driver's file as it is, by its own clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str | None], tuple[bytes, float]] = {}
        self._look: dict[str, Heard] | None = None
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def look(self) -> Iterator[None]:
        """Within it each driver's file is read once, whichever trials are asked for."""
        with self._lock:
            self._look = {}
        try:
            yield
        finally:
            with self._lock:
                self._look = None

    def silent_seconds(self, storage: Storage, driver: str, trial_id: str | None = None) -> float:
        """Return for how long a driver's file has not moved, as far as this process saw; one that is not there rests.

        It moves for those trials alone that the driver has at work: one that it let go of has no beat. Raises: OSError.
        """
        with self._lock:
            heard, now = self._hear(storage, driver), self._clock()
            let_go = trial_id is not None and heard.beat is not None and trial_id not in heard.beat.trials
            key, content = (driver, trial_id), b"" if let_go else heard.content
            known = self._seen.get(key)
            if known is None or known[0] != content:
                self._seen[key] = (content, now)
                return 0.0
            return now - known[1]

    def beat(self, storage: Storage, driver: str) -> Beat | None:
        """Return what a driver tells; None where it tells nothing that can be understood. Raises: OSError."""
        with self._lock:
            return self._hear(storage, driver).beat

    def age(self, storage: Storage, driver: str) -> float | None:
        """Return since when nothing was heard of a driver, in seconds by the storage's clock: for people to read.

        None where it tells nothing. Raises: OSError.
        """
        with self._lock:
            heard = self._hear(storage, driver)
            if heard.age is None and heard.content:
                with contextlib.suppress(FileNotFoundError):
                    heard.age = max(0.0, storage.age(beat_path(driver)))
            return heard.age

    def _hear(self, storage: Storage, driver: str) -> Heard:
        heard = None if self._look is None else self._look.get(driver)
        if heard is None:
            heard = _read(storage, driver)
            if self._look is not None:
                self._look[driver] = heard
        return heard


def read_beats(storage: Storage) -> dict[str, Beat]:
    """Return what drivers tell, by driver, but for those of this machine that are gone."""
    names = [name for name in storage.names(DRIVERS) if name.endswith(".json")]
    heard = {name[: -len(".json")]: _read(storage, name[: -len(".json")]).beat for name in names}
    return {driver: beat for driver, beat in heard.items() if beat is not None and beat.process.alive() is not False}


def sweep(storage: Storage) -> None:
    """Remove what drivers of this machine left behind that were killed. Raises: OSError."""
    names = storage.names(DRIVERS)
    for driver in {name[: -len(".json")] for name in names if name.endswith(".json")}:
        beat = _read(storage, driver).beat
        if beat is not None and beat.process.alive() is False:
            for name in names:
                if name.startswith(f"{driver}."):
                    storage.delete(f"{DRIVERS}/{name}")


def told(beat: Beat) -> dict[str, JSON]:
    """Return what scripts may read of a driver."""
    return {
        "process": asdict(beat.process),
        "experiment": beat.experiment,
        "since": beat.since,
        "left_seconds": beat.left,
        "left_between_seconds": None if beat.between is None else [*beat.between],
        "stopping": beat.stopping,
    }


def _read(storage: Storage, driver: str) -> Heard:
    try:
        content = storage.read(beat_path(driver))
    except FileNotFoundError:
        return Heard(content=b"", beat=None)
    try:
        return Heard(content=content, beat=Beat.from_json(content))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Heard(content=content, beat=None)


def _check_seconds(seconds: object) -> None:
    """Raises: TypeError for what is neither a time nor None."""
    if seconds is not None and not (isinstance(seconds, int | float) and abs(seconds) < LONGEST_SECONDS):
        raise TypeError("a time is a number")
