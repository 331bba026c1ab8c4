"""Trainables that finish in no time but forget nothing: their result is a chain over every step they ever took.

A step that is lost, repeated or taken with another state changes every later digest, so equality of rows means that an
interruption changed nothing. Importable by Ray workers (`fakes:start_chain`).
"""

import contextlib
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from trainables.errors import DamagedFile, TrialFailure
from trainables.trainable import Trainable
from trainables.trial import Outcome, Spent, Step

HURRY = "CHAINS_HURRY"
"""The environment's name for a file: while it is there, no step takes time."""


class ChainConfig(BaseModel):
    """Settings of a chain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = 3
    steps: int = 4
    seconds: float = 0.0
    """Time that each step takes."""
    width: int = 1
    link: Any = ""
    """What a parent found, or anything else."""
    nan_at: int | None = None
    raise_at: int | None = None
    hold: str | None = None
    """A file: while it is there, the run comes no further than the first step of epoch 2."""
    die_once: str | None = None
    """A file: while it is not there, the process makes it and kills itself in epoch 2."""
    die_always: bool = False
    hang_once: str | None = None
    """Likewise, but the process does nothing any more."""
    ranks: int = 1
    """Does nothing."""
    noted: str | None = None
    """A folder, where each run notes when it worked, and on which node of Ray's."""


def work(seconds: float) -> None:
    """Take the time that a step takes, unless the file that the environment names is there: no result hangs on it."""
    if not Path(os.environ.get(HURRY, "")).is_file():
        time.sleep(seconds)


class ChainRun:
    """A run whose state is the sha256 of its past. Each step costs a second of its device, says the run."""

    device = "cpu"

    def __init__(self, config: ChainConfig, seed: int, threads: int) -> None:
        self.config = config
        self.seed = seed
        self.threads = threads
        self.digest = hashlib.sha256(f"{config.width}/{json.dumps(config.link, sort_keys=True)}/{seed}".encode())
        self.past = self.digest.hexdigest()
        self.epoch = 0
        self.step = 0
        self.history: list[dict[str, Any]] = []

    def steps(self) -> Iterator[Step]:
        with _noted(self.config.noted, self.seed):
            yield from self._steps()

    def _steps(self) -> Iterator[Step]:
        config = self.config
        while self.epoch < config.epochs:
            while self.step < config.steps:
                self._misbehave()
                work(config.seconds)
                self.past = hashlib.sha256(f"{self.past}/{self.epoch}/{self.step}".encode()).hexdigest()
                self.step += 1
                here = Step(epoch=self.epoch + 1, step=self.step, steps=config.steps)
                yield here
                if config.hold is not None and here.epoch == 2:
                    yield from _held(here, Path(config.hold))
            self.epoch, self.step = self.epoch + 1, 0
            metrics = {"error": int(self.past[:8], 16) / 2**32 * 100}
            self.history.append({"epoch": self.epoch, **metrics})
            yield Step(epoch=self.epoch, step=config.steps, steps=config.steps, metrics=metrics)

    def state(self) -> bytes:
        return json.dumps([self.past, self.epoch, self.step, self.history]).encode()

    def load(self, state: bytes) -> None:
        try:
            self.past, self.epoch, self.step, self.history = json.loads(state)
        except ValueError as error:
            raise DamagedFile("this is no chain") from error

    def spent(self) -> Spent:
        seconds = self.epoch * self.config.steps + self.step
        return Spent(device=self.device, seconds=float(seconds), peak_bytes=1)

    def outcome(self) -> Outcome:
        return Outcome(
            metrics={"error": self.history[-1]["error"], "error_best": min(row["error"] for row in self.history)},
            artifacts={"genotype": {"kind": "chain", "digest": self.past}},
            files={"predictions.npz": self.past.encode()},
            epochs=self.history,
        )

    def _misbehave(self) -> None:
        config, here = self.config, self.epoch + 1
        if config.nan_at == here:
            raise TrialFailure(f"loss is nan in epoch {here}, step {self.step + 1}")
        if config.raise_at == here:
            raise ValueError(f"no good in epoch {here}")
        if here == 2 and config.die_always:
            os.kill(os.getpid(), signal.SIGKILL)
        if here == 2 and config.die_once is not None and not Path(config.die_once).exists():
            Path(config.die_once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if here == 2 and config.hang_once is not None and not Path(config.hang_once).exists():
            Path(config.hang_once).touch()
            time.sleep(600)


@contextlib.contextmanager
def _noted(folder: str | None, seed: int) -> Iterator[None]:
    """Write down when a run began, on which node, and when it ended: never, where its process was killed."""
    if folder is None:
        yield
        return
    ray, node = sys.modules.get("ray"), ""
    if ray is not None and ray.is_initialized():
        node = ray.get_runtime_context().get_node_id()
    note = {"seed": seed, "node": node, "begin": time.monotonic(), "end": None}
    file = Path(folder, f"{note['begin']!r}-{os.getpid()}.json")
    file.write_text(json.dumps(note))
    try:
        yield
    finally:
        file.write_text(json.dumps({**note, "end": time.monotonic()}))


def _held(here: Step, file: Path) -> Iterator[Step]:
    """Yield the same step while the file is there; nobody need wait for ever for a stop that does not come."""
    since = time.monotonic()
    while file.exists():
        if time.monotonic() - since > 60:
            raise RuntimeError(f"{file} was there for a minute")
        time.sleep(0.01)
        yield here


def start_chain(config: ChainConfig, *, seed: int, threads: int, gpus: float = 0) -> ChainRun:
    return ChainRun(config, seed, threads)


CHAIN = Trainable(
    name="chain",
    version=1,
    config="fakes:ChainConfig",
    start="fakes:start_chain",
    metrics=("error", "error_best"),
    artifacts=("genotype",),
    progress="error",
)
CATALOG = {"chain": CHAIN}
