"""Stand-ins: runs with the settings and the findings of others by name, which take no more time than they are told.

What one finds is made of a chain of digests over every step it ever took, its settings and what its parents found: a
step that is lost, repeated or taken from another state changes every digit after it. Loads no torch.
"""

import hashlib
import json
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

from pydantic import BaseModel

from trainables.architecture.genotype import describe
from trainables.architecture.spaces import known_space
from trainables.errors import DamagedFile
from trainables.trainable import Trainable
from trainables.trial import JSON, Outcome, Spent, Step, TrialRow, canonical_json

VERSION = 0
"""Of all stand-ins: no real trial has it, so no id and no row of theirs is ever one of a real trial."""
MOST_EPOCHS = 6
STEPS = 5
"""In an epoch."""
FILE = "stand-in.bin"
FILE_BYTES = 4096


def stand_in(entry: Trainable, *, pace: float = 0.0, least: float = 0.0) -> Trainable:
    """Return the catalog's entry of a kind of trial whose runs are stand-ins.

    Args:
        pace: seconds that a trial takes for each unit of its expected cost.
        least: seconds that each trial takes at least.
    """
    arguments = {"twin": asdict(entry), "pace": pace, "least": least}
    return replace(
        entry,
        version=VERSION,
        start="trainables.stand_in:start",
        computed="",
        derived=entry.derived and "trainables.stand_in:derived",
        alike="",
        lacking="",
        arguments=arguments,
    )


def derived(key: str, parent: TrialRow, alphas: object, config: object) -> JSON:
    """Return the parent's genotype for whatever would be derived from its alphas, which a stand-in has not."""
    return parent.artifacts["genotype"]


def epochs_of(settings: Mapping[str, JSON]) -> int:
    """Return how many epochs the stand-in of a trial with these settings has."""
    epochs = settings.get("epochs")
    return min(epochs, MOST_EPOCHS) if isinstance(epochs, int) else MOST_EPOCHS


def start(
    config: BaseModel,
    *,
    seed: int,
    threads: int,
    gpus: float = 0,
    files: Mapping[str, bytes] | None = None,
    twin: Mapping[str, JSON],
    pace: float = 0.0,
    least: float = 0.0,
) -> "StandInRun":
    """Return the stand-in for a trial; the other arguments are those of `stand_in`."""
    entry = Trainable.from_json(twin)
    settings = config.model_dump(mode="json")
    seconds = max(least, pace * entry.expected_cost(settings)) if pace or least else 0.0
    return StandInRun(entry, settings, seed=seed, seconds=seconds)


class StandInRun:
    """A run that only remembers; satisfies `trainables.trial.Run`."""

    def __init__(self, entry: Trainable, settings: Mapping[str, JSON], *, seed: int, seconds: float) -> None:
        self._entry = entry
        self._settings = settings
        self._epochs = epochs_of(settings)
        self._pause = seconds / (self._epochs * STEPS)
        self._past = _digest(canonical_json([entry.name, settings, seed]))
        self._epoch = 0
        self._step = 0
        self._taken = 0
        self._history: list[Mapping[str, JSON]] = []

    def steps(self) -> Iterator[Step]:
        while self._epoch < self._epochs:
            while self._step < STEPS:
                time.sleep(self._pause)
                self._past = _digest(f"{self._past}/{self._epoch}/{self._step}")
                self._step += 1
                self._taken += 1
                yield Step(epoch=self._epoch + 1, step=self._step, steps=STEPS)
            self._epoch, self._step = self._epoch + 1, 0
            metrics = self._numbers(self._entry.curves or self._entry.metrics)
            self._history.append({"epoch": self._epoch, **metrics})
            yield Step(epoch=self._epoch, step=STEPS, steps=STEPS, metrics=metrics)

    def state(self) -> bytes:
        return json.dumps([self._past, self._epoch, self._step, self._taken, self._history]).encode()

    def load(self, state: bytes) -> None:
        try:
            self._past, self._epoch, self._step, self._taken, self._history = json.loads(state)
        except (ValueError, TypeError) as error:
            raise DamagedFile("this is no stand-in's state") from error

    def spent(self) -> Spent:
        """Return a second for each step that was ever taken."""
        return Spent(device="cpu", seconds=float(self._taken), peak_bytes=2**20)

    def outcome(self) -> Outcome:
        return Outcome(
            metrics=self._numbers(self._entry.metrics),
            artifacts={name: self._artifact(name) for name in self._entry.artifacts if self._finds(name)},
            files={name: self._file(name) for name in (FILE, *self._entry.files.values())},
            epochs=self._history,
        )

    def _numbers(self, names: tuple[str, ...]) -> dict[str, float]:
        """Return a number from 0 to 100 for each name that such a trial measures."""
        return {name: int(_digest(f"{self._past}/{name}")[:8], 16) / 2**32 * 100 for name in names if self._finds(name)}

    def _artifact(self, name: str) -> JSON:
        """Return the setting of that name; else, of a search, an architecture of its space; else a text."""
        if (given := self._settings.get(name)) is not None:
            return given
        space = known_space(self._settings.get("space"))
        if space is None:
            return self._past
        from trainables.architecture.sampling import random_architecture  # loads NumPy

        chance = random.Random(f"{self._past}/{name}")
        return describe(random_architecture(space, chance), space.operations or "ssc")

    def _file(self, name: str) -> bytes:
        past = self._past if name == FILE else f"{self._past}/{name}"
        return hashlib.shake_256(past.encode()).digest(FILE_BYTES)

    def _finds(self, name: str) -> bool:
        return self._entry.why_absent(name, self._settings) is None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
