"""Random search, one trial: an architecture drawn uniformly from the space, the control that a search is held against.

The architecture is trained afterwards by the protocol of those that were searched (arXiv:1806.09055, section 3).
"""

import json
import random
from collections.abc import Iterator
from typing import Any

import torch

from trainables.architecture.genotype import Architecture, describe, read_architecture
from trainables.architecture.sampling import random_architecture
from trainables.architecture.spaces import read_space
from trainables.config import SearchConfig, canonical
from trainables.errors import TrialFailure
from trainables.loops import randomness
from trainables.loops.metering import Meter
from trainables.loops.states import check_identity, load_or_leave, pack
from trainables.loops.supernets import SIZE, operations_of, size
from trainables.trial import JSON, Outcome, Spent, Step, canonical_json

TRAINABLE = "search"
"""Keys the draws: a random search is a search by another strategy."""
DRAWS = 1000
"""Architectures that are tried for one whose size lies within the bounds. To count one takes a third of a second."""


class RandomRun:
    """A draw from a space; satisfies `trainables.trial.Run`.

    With `params_min` or `params_max` it draws until the parameters of the final network, at the paper's size and
    without an auxiliary head, lie within these bounds: a uniform draw from all architectures that do. Each draw has a
    generator of its own. No image is looked at, and everything happens on the CPU.
    """

    def __init__(self, config: SearchConfig, *, seed: int) -> None:
        self.config = config
        self._seed = seed
        self._device = torch.device("cpu")
        self._space = read_space(config.space)
        self._tried: list[int] = []
        self._row: dict[str, JSON] | None = None
        self._meter = Meter(self._device)

    def steps(self) -> Iterator[Step]:
        """Draw until an architecture fits, pausing after each draw. Raises: TrialFailure."""
        yield from self._meter.measure(self._work())

    def _work(self) -> Iterator[Step]:
        while self._row is None:
            if len(self._tried) == DRAWS:
                raise TrialFailure(
                    f"{DRAWS:,} random architectures have {min(self._tried):,} to {max(self._tried):,} parameters, "
                    f"but none has {_bounds(self.config)}"
                )
            architecture = self._draw(len(self._tried))
            found = size(architecture, operations_of(self._space))
            self._tried.append(found["params"])
            if not self._fits(found["params"]):
                yield Step(epoch=1, step=0, steps=1)
                continue
            self._row = {"epoch": 1, "genotype": canonical_json(architecture.to_json()), **found}
            yield Step(epoch=1, step=1, steps=1, metrics=self._metrics())

    def _draw(self, number: int) -> Architecture:
        """Return the architecture of that draw, from 0."""
        rng = random.Random(randomness.key(seed=self._seed, trainable=TRAINABLE, purpose="architecture", step=number))
        return random_architecture(self._space, rng)

    def _fits(self, params: int) -> bool:
        low, high = self.config.params_min, self.config.params_max
        return (low is None or params >= low) and (high is None or params <= high)

    def _found(self) -> dict[str, JSON]:
        assert self._row is not None, "the steps have been taken"
        return self._row

    def _metrics(self) -> dict[str, float]:
        return {name: self._found()[name] for name in SIZE}

    def state(self) -> bytes:
        """Return everything needed to go on from here."""
        return pack({"trial": self._identity(), "tried": self._tried, "row": self._row, "meter": self._meter.state()})

    def load(self, state: bytes) -> None:
        """Take over a state that `state` returned. Raises: DamagedFile, leaving the run as it was."""
        load_or_leave(self, state, self._device)

    def take(self, state: dict[str, Any]) -> None:
        """Take over a state that is already unpacked; `load` is the safe way."""
        check_identity(state["trial"], self._identity())
        self._tried, self._row = list(state["tried"]), state["row"]
        self._meter.load(state["meter"])

    def spent(self) -> Spent:
        """Return what the run has cost so far."""
        return self._meter.spent()

    def outcome(self) -> Outcome:
        """Return the results; there are no weights."""
        architecture = read_architecture(json.loads(self._found()["genotype"]))
        return Outcome(
            metrics=self._metrics(),
            artifacts={"genotype": describe(architecture, operations_of(self._space))},
            files={},
            epochs=[self._found()],
        )

    def _identity(self) -> dict[str, JSON]:
        return {"trainable": TRAINABLE, "config": canonical(self.config), "seed": self._seed}


def _bounds(config: SearchConfig) -> str:
    if config.params_max is None:
        return f"{config.params_min:,} or more"
    return f"{config.params_min or 0:,} to {config.params_max:,}"
