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
        self._name = grid.name
        self._labelled = frozenset(grid.labelled)
        self.axes = grid.axis_names
        """Of the own stage."""
        self._keys = {axis: f"{grid.name}.{axis}" for axis in self.axes}
        keys = keys_of(lineage)
        self._above = [
            (f"{each.name}.{axis}", axis in each.labelled, short_key(each.name, axis, keys))
            for each in reversed(ancestors)
            for axis in each.axis_names
            if _varies(each, axis)
        ]

    def of_ancestors(self, group: ParentGroup) -> list[str]:
        """Return what the labels of a group's children begin with."""
        given = group.coordinates
        return [_part(labelled, name, given[key]) for key, labelled, name in self._above if key in given]

    def words(self, shown: Mapping[str, JSON]) -> list[str]:
        """Return what the label of a trial ends with, for every axis of the own stage.

        Args:
            shown: its values as people wrote them.
        """
        return [_part(axis in self._labelled, axis, shown[axis]) for axis in self.axes]

    def of(self, ancestors: Sequence[str], own: Sequence[str]) -> str:
        """Return a trial's label: `max_w p=1 seed=0`.

        Args:
            ancestors: its group's `of_ancestors`.
            own: its `words`.
        """
        return " ".join([*ancestors, *own]) or self._name

    def coordinates(self, shown: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return `stage.key` -> value or label, for every axis of the own stage."""
        return {key: shown[axis] for axis, key in self._keys.items()}


def _part(labelled: bool, name: str, value: JSON) -> str:
    return str(value) if labelled else f"{name}={word(value)}"


def _varies(grid: StageGrid, axis: str) -> bool:
    return all(each.name != axis or len(each.choices) > 1 for each in grid.axes)
