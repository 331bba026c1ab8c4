"""Which faults a rehearsal has, and when: a schedule that hangs on its seed alone."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KINDS: Mapping[str, str] = {
    "driver": "SIGKILL to the driver",
    "worker": "SIGKILL to the process of a trial",
    "node": "SIGKILL to all processes of a node; another one starts",
    "ray": "SIGKILL to one of Ray's own processes",
    "stop": "SIGTERM or SIGINT to the driver",
    "pause": "SIGSTOP, then SIGCONT, to the process of a trial",
    "rival": "a second driver at work beside the first; the next time, SIGKILL to it",
}
FIRST, LAST = 0.02, 0.85
"""Between these shares of all epochs faults come: something must be at work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    kind: str
    """One of KINDS."""
    at: float
    """The share of all epochs of the grid after which it comes."""


def schedule(seed: int, count: int, kinds: Sequence[str]) -> list[Fault]:
    """Return faults in their order: spread over the grid's progress, each kind about as often as the others."""
    chance = random.Random(f"faults {seed}")
    drawn: list[str] = []
    while len(drawn) < count:
        drawn += chance.sample(sorted(kinds), len(kinds))
    width = (LAST - FIRST) / max(1, count)
    return [
        Fault(kind=kind, at=FIRST + width * (number + chance.random())) for number, kind in enumerate(drawn[:count])
    ]
