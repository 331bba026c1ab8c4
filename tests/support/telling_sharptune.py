"""`sharptune` whose real trials tell each pause, and wait at one of them: so that a signal meets the work before it.

    TOLD=FOLDER HELD=7 python telling_sharptune.py ARGUMENTS...

Each pause becomes a line of FOLDER/pauses. At pause number HELD, from 0, there is a file FOLDER/held, and before
anybody hears of that pause there must be a file FOLDER/go. Evaluations are of 8 images at a time, and trainings
on cifar10-mini are tested on CIFAR-10.1 too, where this machine has it.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from pydantic import BaseModel

from orchestrator.cli.main import invoke
from trainables.catalog import CATALOG
from trainables.data.catalog import HELD_OUT
from trainables.trainable import load
from trainables.trial import Run, Step

Pause = tuple[int, int, bool]
"""Epoch, step, and whether the epoch has ended."""


class Telling:
    """A run that tells where it pauses."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.state, self.load, self.outcome, self.spent = run.state, run.load, run.outcome, run.spent

    def steps(self) -> Iterator[Step]:
        folder, held = Path(os.environ["TOLD"]), int(os.environ.get("HELD", "-1"))
        few = patch("trainables.loops.evaluation.EVALUATION_BATCH", 8)
        held_out = patch.dict(HELD_OUT, {"cifar10-mini": "cifar10_1"})
        with few, held_out, (folder / "pauses").open("a", buffering=1) as pauses:
            for number, step in enumerate(self._run.steps()):
                if number == held:
                    (folder / "held").touch()
                while number == held and not (folder / "go").exists():
                    time.sleep(0.01)
                print(json.dumps([step.epoch, step.step, step.metrics is not None]), file=pauses)
                yield step


def start_search(config: BaseModel, *, seed: int, threads: int, gpus: float) -> Telling:
    return Telling(load(CATALOG["search"].start)(config, seed=seed, threads=threads, gpus=gpus))


def start_train(config: BaseModel, *, seed: int, threads: int, gpus: float) -> Telling:
    return Telling(load(CATALOG["train"].start)(config, seed=seed, threads=threads, gpus=gpus))


TELLING = {name: replace(entry, start=f"telling_sharptune:start_{name}") for name, entry in CATALOG.items()}


def told(folder: Path) -> list[Pause]:
    """Return the pauses."""
    path = folder / "pauses"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [tuple(json.loads(line)) for line in lines]


def serve() -> None:
    """Give each line of JSON, [arguments, environment, file for the output], a process of its own.

    Prints its number, and its exit code as soon as it has ended. They are forks of this process, which has imported
    torch once for all of them: nothing takes longer.
    """
    for module in ("trainables.loops.search", "trainables.loops.training", "torch._dynamo"):
        importlib.import_module(module)
    for line in sys.stdin:
        arguments, environment, output = json.loads(line)
        child = os.fork()
        if not child:
            os.environ.update(environment)
            for stream in (sys.stdout, sys.stderr):
                os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream.fileno())
            sys.exit(invoke(arguments, catalog=TELLING))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    sys.exit(invoke(sys.argv[1:], catalog=TELLING))
