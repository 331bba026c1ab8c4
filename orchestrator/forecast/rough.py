"""How long trials take where none like them was seen: a start, and their expected cost at a pace that is written here.

All that is seen is held against this: a pace of 2 is that of trials that take twice as long.
"""

from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.planning.plan import PlannedTrial


class Rough(NamedTuple):
    """What the trials of one trainable take on one device."""

    start: float
    """Seconds, whatever it costs: a process, imports, data."""
    pace: float
    """Seconds per unit of expected cost."""

    def seconds(self, cost: float) -> float:
        return self.start + self.pace * cost


ROUGH: Mapping[str, Mapping[str, Rough]] = {
    "CPU": {"search": Rough(3, 6e-6), "train": Rough(3, 6e-6), "diagnose": Rough(3, 3e-6)},
    "GPU": {"search": Rough(20, 8e-7), "train": Rough(20, 8e-8), "diagnose": Rough(20, 8e-7)},
}
OTHERS = Rough(0, 30)
"""Trainables that are not named there."""


def rough_of(trainable: str, gpus: float) -> Rough:
    """Return what trials of a trainable take, on GPUs or on none."""
    return ROUGH["GPU" if gpus else "CPU"].get(trainable, OTHERS)


def rough_seconds(trial: PlannedTrial) -> float:
    """Return what a trial takes, more than 0."""
    return rough_of(trial.spec.trainable, trial.resources.gpus).seconds(max(trial.expected_cost, 1e-9))
