"""Trials that can start now: in the order that is asked for, else the longest way to go first; each shape by itself.

What asks for the next one cannot place every shape just now. Asked once for each, whatever the number of trials, it
gets the first that fits.
"""

import heapq
import math
from collections.abc import Callable, Iterable, Mapping

from orchestrator.planning.plan import PlannedTrial, Resources


class Ready:
    """Trials that can start now, apart for each shape: what they ask of a node.

    Args:
        weights: how long the way is from each trial to the end; replaced by `weigh`.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._order: Mapping[str, int] = {}
        self._shapes: dict[str, Resources] = {}
        """Trial -> what it asks for."""
        self._heaps: dict[Resources, list[tuple[float, float, str]]] = {}
        """Of each shape its trials, and some that are not ready any more."""

    def __len__(self) -> int:
        return len(self._shapes)

    def __contains__(self, trial_id: str) -> bool:
        return trial_id in self._shapes

    def add(self, trial: PlannedTrial) -> None:
        """Take in a trial; nothing happens to one that is there."""
        if trial.trial_id not in self._shapes:
            self._shapes[trial.trial_id] = trial.resources
            heap = self._heaps.setdefault(trial.resources, [])
            heapq.heappush(heap, self._place(trial.trial_id))

    def discard(self, trial_ids: Iterable[str]) -> None:
        """Take these out, where they are there."""
        for trial_id in trial_ids:
            self._shapes.pop(trial_id, None)

    def pop(self, fits: Callable[[Resources], bool], *, ordered_only: bool = False) -> str | None:
        """Take out the first of a shape that fits: by the order, then by the longest way to go, then by id.

        Args:
            ordered_only: none that the order does not name.
        """
        tops = [(heap[0], shape) for shape, heap in self._heaps.items() if self._tidy(heap)]
        if ordered_only:
            tops = [top for top in tops if top[0][0] < math.inf]
        for (*_, trial_id), shape in sorted(tops, key=lambda top: top[0]):
            if fits(shape):
                heapq.heappop(self._heaps[shape])
                del self._shapes[trial_id]
                return trial_id
        return None

    def weigh(self, weights: Mapping[str, float]) -> None:
        """Take other weights."""
        self._weights = weights
        self._sort()

    def put_in_order(self, order: Mapping[str, int]) -> None:
        """Hand out those with the lowest number first, and those that have none last."""
        self._order = order
        self._sort()

    def _sort(self) -> None:
        self._heaps = {}
        for trial_id, shape in self._shapes.items():
            self._heaps.setdefault(shape, []).append(self._place(trial_id))
        for heap in self._heaps.values():
            heapq.heapify(heap)

    def _place(self, trial_id: str) -> tuple[float, float, str]:
        return self._order.get(trial_id, math.inf), -self._weights[trial_id], trial_id

    def _tidy(self, heap: list[tuple[float, float, str]]) -> bool:
        """Drop what is not ready any more from the top of a heap; say whether anything is left."""
        while heap and heap[0][-1] not in self._shapes:
            heapq.heappop(heap)
        return bool(heap)
