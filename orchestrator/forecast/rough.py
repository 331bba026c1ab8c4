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
"""What was measured of few.

One thread of a CPU with AVX-512: a training of 20 layers and 36 channels took 134 ms an image, which is 4.5e-6 a unit;
one of the quickstart 16 s, 6.3e-6; a search of it 15 s, 6.2e-6; on NAS-Bench-201 a search 440 s, 2.6e-6, a diagnosis
203 s, 1.9e-6. The paper's RTX 2080 Ti (Table 2, section 3.3): 2,000 epochs of training 2.8 days, 8.1e-8; 300 on
ImageNet 8 to 12 days, 5e-8 to 8e-8; a search of 60 epochs 0.8 to 1.8 days, 7.9e-7 to 1.6e-6. Newer GPUs are some times
as fast.
"""
OTHERS = Rough(0, 30)
"""Trainables that are not named there."""


def rough_of(trainable: str, gpus: float) -> Rough:
    """Return what trials of a trainable take, on GPUs or on none."""
    return ROUGH["GPU" if gpus else "CPU"].get(trainable, OTHERS)


def rough_seconds(trial: PlannedTrial) -> float:
    """Return what a trial takes, more than 0."""
    return rough_of(trial.spec.trainable, trial.resources.gpus).seconds(max(trial.expected_cost, 1e-9))
