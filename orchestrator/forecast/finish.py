"""When all open trials are done, for many draws of how long they take."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

from orchestrator.forecast.draws import Draws, Paced
from orchestrator.forecast.durations import Group, path_weights
from orchestrator.forecast.outlook import Outlook
from orchestrator.forecast.schedule import Simulation
from orchestrator.forecast.slots import Slots, amounts
from orchestrator.planning.plan import PlannedTrial

FEW, SIMULATED = 200, 64
"""Of up to so many trials, so many draws are simulated whole."""
WORK, MOST = 10_000, 8
"""Of more trials, as many draws as have so many trials together, and no more than that: see `finishes`."""


def finishes(
    outlook: Outlook, slots: Slots, draws: Draws, paced: Sequence[Paced], totals: Sequence[Mapping[Group, float]]
) -> list[float]:
    """Return in how many seconds all is done, by draws.

    Few trials are simulated for each draw. Many fill the slots so well that how much longer a schedule takes than what
    bounds it is much the same for all draws: it is simulated for some, and the others are only bounded.

    Args:
        paced: draws of paces.
        totals: what each group takes in each of them.
    """
    trials = outlook.open
    medians = draws.medians()
    middle = draws.seconds_of(medians)
    weights = path_weights(trials, {trial.trial_id: each for trial, each in zip(trials, middle, strict=True)})
    simulation = Simulation(trials, slots, weights, outlook.at_work)
    if len(trials) <= FEW:
        return [max(simulation.run(draws.seconds_of(each))[1]) for each in paced[:SIMULATED]]
    bound = _Bound(slots, draws, _longest(trials, weights, middle, draws.groups))
    longer: list[float] = []
    for each in paced[: max(1, min(MOST, WORK // len(trials)))]:
        seconds = draws.seconds_of(each)
        longer.append(max(simulation.run(seconds)[1]) / bound.of(draws.sums(seconds), each))
    factor = median(longer)
    return [factor * bound.of(total, each) for total, each in zip(totals, paced, strict=True)]


class _Bound:
    """The seconds below which no schedule is: those of the longest chain, or of all work on all there is."""

    def __init__(self, slots: Slots, draws: Draws, chain: Mapping[Group, float]) -> None:
        self._chain = chain
        self._medians = draws.medians()
        self._shares: dict[Group, list[tuple[str, float]]] = {}
        """Group -> what each of its trials takes of all there is."""
        for group, trial in draws.of_group.items():
            asked = {"": 1.0} if slots.one_by_one else amounts(trial.resources)
            whole = {"": 1.0} if slots.one_by_one else slots.whole(asked)
            self._shares[group] = [(name, amount / whole[name]) for name, amount in asked.items()]

    def of(self, totals: Mapping[Group, float], paced: Paced) -> float:
        chain = sum(each * math.exp(paced[group][0] - self._medians[group][0]) for group, each in self._chain.items())
        work: dict[str, float] = {}
        for group, seconds in totals.items():
            for name, share in self._shares[group]:
                work[name] = work.get(name, 0.0) + share * seconds
        return max(chain, *work.values(), 1e-9)


def _longest(
    trials: Sequence[PlannedTrial], weights: Mapping[str, float], seconds: Sequence[float], groups: Sequence[Group]
) -> dict[Group, float]:
    """Return the seconds of each group in the longest chain of trials."""
    chain: dict[Group, float] = {}
    left, last = max(weights.values()), ""
    for trial, group, each in zip(trials, groups, seconds, strict=True):
        if weights[trial.trial_id] >= left * (1 - 1e-9) and (not last or last in trial.parents):
            chain[group] = chain.get(group, 0.0) + each
            left, last = left - each, trial.trial_id
    return chain
