"""What tells a trial from the others of its stage, in words and by its place on each axis."""

from collections.abc import Mapping, Sequence

from orchestrator.planning.grids.grid import StageGrid, keys_of, word
from orchestrator.planning.grids.keys import short_key
from orchestrator.planning.parent_groups import ParentGroup
from trainables.trial import JSON


class Labels:
    """Labels of the trials of one stage: the axes' values, those of ancestors that vary, then all of the own stage.

    Args:
        lineage: the stage's grid, then those of its ancestors, nearest first.
    """

    def __init__(self, lineage: Sequence[StageGrid]) -> None:
        grid, *ancestors = lineage
        self._grid = grid
        self.axes = grid.axis_names
        """Of the own stage."""
        self._keys = {axis: f"{grid.name}.{axis}" for axis in self.axes}
        keys = keys_of(lineage)
        self._above = [
            (each, axis, short_key(each.name, axis, keys))
            for each in reversed(ancestors)
            for axis in each.axis_names
            if _varies(each, axis)
        ]

    def of_ancestors(self, group: ParentGroup) -> list[str]:
        """Return what the labels of a group's children begin with."""
        places = [(grid, axis, name, f"{grid.name}.{axis}") for grid, axis, name in self._above]
        given = group.coordinates
        return [_part(grid, axis, name, given[key]) for grid, axis, name, key in places if key in given]

    def of(self, ancestors: Sequence[str], shown: Mapping[str, JSON]) -> str:
        """Return a trial's label: `max_w p=1 seed=0`.

        Args:
            ancestors: its group's `of_ancestors`.
            shown: its values as people wrote them.
        """
        own = [_part(self._grid, axis, axis, shown[axis]) for axis in self.axes]
        return " ".join([*ancestors, *own]) or self._grid.name

    def coordinates(self, shown: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return `stage.key` -> value or label, for every axis of the own stage."""
        return {key: shown[axis] for axis, key in self._keys.items()}


def _part(grid: StageGrid, axis: str, name: str, value: JSON) -> str:
    return str(value) if axis in grid.labelled else f"{name}={word(value)}"


def _varies(grid: StageGrid, axis: str) -> bool:
    return all(each.name != axis or len(each.choices) > 1 for each in grid.axes)
