"""How fast trials of each group may go, and how far that may be off: what draws of durations are made from.

The logarithm of a trial's seconds is that of what `rough` says, plus the pace of its group, plus chance:

    log seconds = log rough + pace of the group + spread of the group x chance

Pace and spread are unknown. With done trials of the group, their mean and their deviations say most (with few of them
the spread is unknown itself, so that its draws have the tails of Student's t); without, the pace is that of the nearest
other trials that were seen, and as uncertain as unlike trials were found to be. A draw takes one pace and one spread
for all trials of a group: so they are wrong together, which no number of trials averages out.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from orchestrator.forecast.durations import Group, Paces
from orchestrator.forecast.rough import OTHERS, rough_of

SPREAD, SPREAD_WEIGHT = 0.2, 1.0
"""Of a trial's seconds, before any was seen: a fifth, worth as much as so many trials."""
DRIFT = 0.2
"""How far the trials to come may go otherwise than those that are done, whatever their number: machines differ."""
OF_STAGE, OF_KIND, OF_ANY = 0.5, 1.1, 1.2
"""How far the pace of a group may be from that of its stage in another shape, of other stages of its trainable, and of
any others on such a device; in logarithms, where 0.7 is a factor of two."""
ROUGH_ALL, ROUGH_KIND, ROUGH_STAGE = 0.8, 0.7, 0.6
"""How far what `rough` says may be off for all trials together, as a machine may be fast or slow; for those of one
trainable; and for those of one stage."""
ROUGH_OTHERS = 2.0
"""The second of these for trainables that are not named there."""

Basis = Literal["done", "stage", "kind", "any", "elsewhere", "rough"]
"""What a pace rests on: done trials of the group itself; of its stage; of its trainable; of the experiment; of the
storage; nothing that was seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """The pace of a group, as a distribution."""

    mean: float
    """Of its logarithm, before the done trials of the group itself are looked at."""
    off: float
    """Standard deviation of that."""
    common: float
    """Of what it is off by together with all other groups that rest on the same."""
    kind: float
    """Of what it is off by together with those of the same trainable."""
    seen: Paces
    """The done trials of the group itself."""
    spread: float
    """Expected of one trial, in logarithms."""
    weight: float
    """How many trials that is worth."""
    basis: Basis

    def draw(self, chance: Random, common: float, kind: float) -> tuple[float, float]:
        """Return one pace that may be true, in logarithms, and one spread.

        Args:
            common, kind: standard normal deviates, of all groups and of those of the same trainable.
        """
        freedom = self.weight + max(0, self.seen.count - 1)
        variance = (self.weight * self.spread**2 + self.seen.deviations) / (2 * chance.gammavariate(freedom / 2, 1.0))
        mean, off = self._posterior(variance)
        mean += off * chance.gauss()
        if not self.seen.count:
            mean += self.common * common + self.kind * kind
        return mean, math.sqrt(variance)

    @property
    def median(self) -> float:
        """The pace as likely to be too high as too low, in logarithms."""
        return self._posterior(self.spread**2)[0]

    def _posterior(self, variance: float) -> tuple[float, float]:
        if not self.seen.count:
            return self.mean, math.hypot(self.off, DRIFT)
        prior = 1 / (self.off**2 + self.common**2 + self.kind**2)
        data = self.seen.count / variance
        return (prior * self.mean + data * self.seen.mean) / (prior + data), math.hypot((prior + data) ** -0.5, DRIFT)


def paces_of(
    groups: Iterable[Group], seen: Mapping[Group, Paces], elsewhere: Mapping[Group, Paces]
) -> dict[Group, Pace]:
    """Return the pace of each group, from the trials that were seen, those of other experiments, or what is written."""
    spread, weight = _spread(seen.values())
    return {group: _pace(group, seen, elsewhere, spread, weight) for group in groups}


def _pace(
    group: Group, seen: Mapping[Group, Paces], elsewhere: Mapping[Group, Paces], spread: float, weight: float
) -> Pace:
    own = seen.get(group, Paces())
    mean, off, common, kind, basis = _nearest(group, seen, elsewhere)
    basis = "done" if own.count else basis
    return Pace(mean=mean, off=off, common=common, kind=kind, seen=own, spread=spread, weight=weight, basis=basis)


def _nearest(
    group: Group, seen: Mapping[Group, Paces], elsewhere: Mapping[Group, Paces]
) -> tuple[float, float, float, float, Basis]:
    """Return the pace of the nearest other trials, how far it may be off, alone and in common, and which they are."""
    alike = [each for each in seen if each != group and each.device == group.device]
    others = [each for each in elsewhere if each.device == group.device]
    nearer: list[tuple[Basis, float, Mapping[Group, Paces], list[Group]]] = [
        ("stage", OF_STAGE, seen, [each for each in alike if each.stage == group.stage]),
        ("kind", OF_KIND, seen, [each for each in alike if each.trainable == group.trainable]),
        ("elsewhere", OF_KIND, elsewhere, [each for each in others if each.trainable == group.trainable]),
        ("any", OF_ANY, seen, alike),
        ("elsewhere", OF_ANY, elsewhere, others),
    ]
    for basis, off, paces, found in nearer:
        if found:
            means = [paces[each].mean for each in found]
            return sum(means) / len(means), off, off / (2 * len(means)), 0.0, basis
    known = rough_of(group.trainable, group.gpus) is not OTHERS
    return 0.0, ROUGH_STAGE, ROUGH_ALL, ROUGH_KIND if known else ROUGH_OTHERS, "rough"


def _spread(seen: Collection[Paces]) -> tuple[float, float]:
    """Return the spread of one trial that all groups together show, and how many trials it is worth."""
    freedom = sum(max(0, each.count - 1) for each in seen)
    deviations = sum(each.deviations for each in seen)
    variance = (SPREAD_WEIGHT * SPREAD**2 + deviations) / (SPREAD_WEIGHT + freedom)
    return math.sqrt(variance), SPREAD_WEIGHT
