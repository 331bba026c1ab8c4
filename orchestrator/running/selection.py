"""Which trials to run where not all fit: as many whole cells as possible, then whatever else fits.

Cells are taken one after the other, each time the one that lacks least: of cells that share nothing that is still to be
done, no other choice completes more. Where they share (trainings of one search), the choice is still one to which no
further cell can be added, but another might complete more: the best of all is a knapsack of sets, which nobody computes
for a thousand trials.
"""

import heapq
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.planning.plan import PlannedTrial

LOOKS = 24
"""How often it is asked at most whether trials fit, which may mean to simulate them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Trials that mean something when all of them are done."""

    name: str
    trials: tuple[str, ...]


def choose(
    trials: Sequence[PlannedTrial],
    cells: Iterable[Cell],
    prices: Mapping[str, float],
    room: float = math.inf,
    fits: Callable[[Collection[str]], bool] = lambda chosen: True,
) -> frozenset[str]:
    """Return the trials to run, each with all its parents among these.

    Args:
        trials: those that can still run, parents before children.
        cells: what is to be whole; trials that are not among `trials` count as done.
        prices: what each costs, in any unit, at least 0.
        room: what they may cost together.
        fits: whether some trials can be done otherwise, as by a certain time; what holds for some holds for fewer.
    """
    lineage = _lineages(trials)
    wanted = [{each for trial in cell.trials if trial in lineage for each in lineage[trial]} for cell in cells]
    looks = _Looks(fits)
    chosen: set[str] = set()
    left = [cell for cell in wanted if cell]
    while looks.left:
        order = list(_cheapest_first(left, prices, room, chosen))
        taken = looks.longest(order, chosen)
        chosen.update(*order[:taken])
        if taken == len(order):
            break
        left.remove(order[taken])
    return frozenset(chosen | _parts(trials, lineage, wanted, prices, room, looks, chosen))


def order_of(
    trials: Sequence[PlannedTrial], cells: Iterable[Cell], prices: Mapping[str, float], chosen: Collection[str]
) -> dict[str, int]:
    """Return chosen trial -> the number of the first cell that needs it; `choose` took the cells in this order.

    What is part of no whole cell has none: were it run before, it might take what a cell needs that costs more than was
    thought. Args: as for `choose`, which has chosen.
    """
    lineage = _lineages(trials)
    wanted = [{each for trial in cell.trials if trial in lineage for each in lineage[trial]} for cell in cells]
    whole = [cell for cell in wanted if cell and cell.issubset(chosen)]
    order: dict[str, int] = {}
    for number, cell in enumerate(_cheapest_first(whole, prices, math.inf, ())):
        order |= dict.fromkeys(cell - order.keys(), number)
    return order


def _lineages(trials: Sequence[PlannedTrial]) -> dict[str, frozenset[str]]:
    """Return each trial with all that has to be done before it, itself included."""
    found: dict[str, frozenset[str]] = {}
    for trial in trials:
        above = (found[parent] for parent in trial.parents if parent in found)
        found[trial.trial_id] = frozenset({trial.trial_id}).union(*above)
    return found


def _cheapest_first(
    wanted: Sequence[set[str]], prices: Mapping[str, float], room: float, chosen: Collection[str]
) -> Iterator[set[str]]:
    """Yield the cells that fit, the one that lacks least first, given those before it."""
    users: dict[str, list[int]] = {}
    for index, cell in enumerate(wanted):
        for trial_id in cell:
            users.setdefault(trial_id, []).append(index)
    taken = set(chosen)
    room -= sum(prices[trial_id] for trial_id in chosen)
    lacks = [sum(prices[each] for each in cell if each not in taken) for cell in wanted]
    heap = [(lack, index) for index, lack in enumerate(lacks)]
    heapq.heapify(heap)
    while heap:
        lack, index = heapq.heappop(heap)
        if lack != lacks[index]:  # it lacks less since
            continue
        new = [each for each in wanted[index] if each not in taken]
        price = sum(prices[each] for each in new)
        if price > room:
            return
        lacks[index] = -1.0
        room -= price
        taken.update(new)
        yield wanted[index]
        for other in {user for each in new for user in users[each]} - {index}:
            if lacks[other] >= 0:
                lacks[other] = sum(prices[each] for each in wanted[other] if each not in taken)
                heapq.heappush(heap, (lacks[other], other))


def _parts(
    trials: Sequence[PlannedTrial],
    lineage: Mapping[str, frozenset[str]],
    wanted: Sequence[Collection[str]],
    prices: Mapping[str, float],
    room: float,
    looks: "_Looks",
    chosen: Collection[str],
) -> set[str]:
    """Return what fits beside whole cells: parts of the cell that lacks least, of the next, and of none."""
    places = {trial.trial_id: place for place, trial in enumerate(trials)}
    lacks = [(sum(prices[each] for each in cell if each not in chosen), index) for index, cell in enumerate(wanted)]
    of_cells = (sorted(wanted[index], key=places.__getitem__) for _, index in sorted(lacks))
    order = dict.fromkeys([*(each for cell in of_cells for each in cell), *places])
    room -= sum(prices[trial_id] for trial_id in chosen)
    taken, found = set(chosen), []
    for trial_id in order:
        if trial_id not in taken and prices[trial_id] <= room and lineage[trial_id] <= taken | {trial_id}:
            room -= prices[trial_id]
            taken.add(trial_id)
            found.append(trial_id)
    return set(found[: looks.longest([{each} for each in found], chosen)])


class _Looks:
    """Asks whether trials fit, so many times and no more."""

    def __init__(self, fits: Callable[[Collection[str]], bool]) -> None:
        self._fits = fits
        self.left = LOOKS

    def longest(self, steps: Sequence[Collection[str]], chosen: Collection[str]) -> int:
        """Return how many of these steps can be added to what is chosen, the first ones first."""
        low, high = 0, len(steps)
        middle = high  # all of them, at first
        while low < high and self.left:
            self.left -= 1
            if self._fits(frozenset(chosen).union(*steps[:middle])):
                low = middle
            else:
                high = middle - 1
            middle = (low + high + 1) // 2
        return low
