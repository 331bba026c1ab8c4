"""Draws of how long each open trial takes: every draw is one way that things may go, as likely as any other."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from orchestrator.forecast.durations import Group, Paces, group_of
from orchestrator.forecast.outlook import Outlook
from orchestrator.forecast.pace import paces_of
from orchestrator.forecast.rough import rough_seconds
from orchestrator.planning.plan import PlannedTrial

SEED = 16
WIDEST = 0.8
"""No trial is thought to be further off by chance than so much, in logarithms."""
RARELY, FAR = 0.1, 2.5
"""One trial in so many is off by so many times more than the others: chance has heavy tails, which few trials hide."""
MOSTLY = 1 / math.sqrt(1 + RARELY * (FAR**2 - 1))
"""By how much less than the spread the others are off, so that all together are off by that."""
TOLD = 0.15
"""How far the rest of a trial may be off that is at work and told how long it needs; in logarithms."""


@dataclass(kw_only=True, slots=True)
class Total:
    """The open trials of a group together."""

    cost: float = 0.0
    """Seconds that `rough` says, and the sum of their squares."""
    squares: float = 0.0
    told: float = 0.0
    """Seconds of those that told what they need."""

    def seconds(self, pace: float, spread: float, deviate: float) -> float:
        """Return what all of them may take: a sum of lognormal numbers is nearly one itself, of the same variance."""
        if not self.cost:
            return self.told
        variance = math.log1p(self.squares / self.cost**2 * math.expm1(spread**2))
        mean = self.cost * math.exp(pace + spread**2 / 2)
        return self.told + mean * math.exp(math.sqrt(variance) * deviate - variance / 2)


Paced = Mapping[Group, tuple[float, float]]
"""Of each group a pace, in logarithms, and a spread."""


class Draws:
    """Draws, one after the other. The same outlook gives the same ones."""

    def __init__(self, outlook: Outlook) -> None:
        self._chance = Random(SEED)
        self._open = outlook.open
        self._told = outlook.told
        by_stage: dict[tuple[str, int], Group] = {}
        self.groups = [_group(trial, by_stage) for trial in self._open]
        self.of_group: dict[Group, PlannedTrial] = {}
        self.totals: dict[Group, Total] = {}
        self._costs: list[float] = []
        for trial, group in zip(self._open, self.groups, strict=True):
            self.of_group.setdefault(group, trial)
            total = self.totals.setdefault(group, Total())
            cost = rough_seconds(trial) * outlook.share.get(trial.trial_id, 1.0)
            self._costs.append(cost)
            if trial.trial_id in self._told:
                total.told += self._told[trial.trial_id]
            else:
                total.cost += cost
                total.squares += cost * cost
        self._kinds = dict.fromkeys(group.trainable for group in self.totals)
        self.paces = paces_of(self.totals, self._seen(outlook), outlook.elsewhere)

    def paced(self) -> Paced:
        """Draw what is alike for all trials of a group: some of it is for those of a trainable, and some for all."""
        common = self._chance.gauss()
        kinds = {trainable: self._chance.gauss() for trainable in self._kinds}
        return {group: self._one(group, common, kinds[group.trainable]) for group in self.totals}

    def medians(self) -> Paced:
        """Return the paces in the middle, and no spread."""
        return {group: (pace.median, 0.0) for group, pace in self.paces.items()}

    def totals_of(self, paced: Paced) -> dict[Group, float]:
        """Draw the seconds of all trials of each group together."""
        chance = self._chance
        return {group: self.totals[group].seconds(*paced[group], chance.gauss()) for group in self.totals}

    def seconds_of(self, paced: Paced) -> list[float]:
        """Draw the seconds of each trial, by its position."""
        gauss, uniform, exp = self._chance.gauss, self._chance.random, math.exp
        paces = {group: (exp(pace), spread) for group, (pace, spread) in paced.items()}
        seconds: list[float] = []
        for group, cost in zip(self.groups, self._costs, strict=True):
            pace, spread = paces[group]
            if spread:
                pace *= exp(spread * gauss() * (MOSTLY * FAR if uniform() < RARELY else MOSTLY))
            seconds.append(cost * pace)
        if self._told:
            spread = TOLD if any(spread for _, spread in paced.values()) else 0.0
            for at, trial in enumerate(self._open):
                if (told := self._told.get(trial.trial_id)) is not None:
                    seconds[at] = told * exp(spread * gauss())
        return seconds

    def sums(self, seconds: Sequence[float]) -> dict[Group, float]:
        """Return the seconds of each group together."""
        sums = dict.fromkeys(self.totals, 0.0)
        for group, each in zip(self.groups, seconds, strict=True):
            sums[group] += each
        return sums

    def by_stage(self, totals: Mapping[Group, float]) -> dict[str, float]:
        """Return the seconds of each stage."""
        stages: dict[str, float] = {}
        for group, seconds in totals.items():
            stages[group.stage] = stages.get(group.stage, 0.0) + seconds
        return stages

    def _seen(self, outlook: Outlook) -> dict[Group, Paces]:
        """Return how trials of each group went: those that are done, and those at work by what they told.

        Without the latter the first to be done would speak for all: the fast ones.
        """
        seen = {group: replace(paces) for group, paces in outlook.durations.groups.items()}
        for trial, group, cost in zip(self._open, self.groups, self._costs, strict=True):
            told = self._told.get(trial.trial_id, 0.0)
            if told > 0 and cost > 0:
                seen.setdefault(group, Paces()).add(math.log(told / cost))
        return seen

    def _one(self, group: Group, common: float, kind: float) -> tuple[float, float]:
        pace, spread = self.paces[group].draw(self._chance, common, kind)
        return pace, min(spread, WIDEST)


def _group(trial: PlannedTrial, known: dict[tuple[str, int], Group]) -> Group:
    """Return the group of a trial; trials of a stage share what they ask for."""
    key = trial.stage, id(trial.resources)
    if key not in known:
        known[key] = group_of(trial)
    return known[key]


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted numbers, between two of them on the line that joins them."""
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])
