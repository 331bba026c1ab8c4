"""A trial and its place in the plan, and what may not pool with what."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from orchestrator.document.resources import Resources
from orchestrator.planning.grids.config_fields import SEED
from trainables.trial import JSON, TrialSpec, canonical_json


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedTrial:
    """A trial and its place in the plan."""

    trial_id: str
    spec: TrialSpec
    stage: str
    label: str
    """Tells the trial from the others of its stage: `max_w p=1 seed=0`."""
    coordinates: Mapping[str, JSON]
    """`stage.key` -> value or label, for every axis of its own stage and its ancestors'."""
    parents: tuple[str, ...]
    resources: Resources
    max_failures: int
    checkpoint_minutes: float = 10.0
    keep_checkpoints: bool = False
    time_limit: float | None = None
    """In seconds."""
    hang_minutes: float | None = None
    expected_cost: float
    values: Mapping[str, Mapping[str, JSON]]
    """Stage -> key -> value as shown, for axes, config fields (defaults included) and seed; own stage first, then the
    nearest ancestor. Where a trial takes the best of several, what differs between them is left out."""
    effective: Mapping[str, Mapping[str, object]]
    """The same as the trial has it: typed, names replaced by content."""
    ancestors: Mapping[str, tuple[str, ...]]
    """Stage -> the trials there that this one comes from; several where it takes the best of them."""

    @property
    def lineage(self) -> tuple[str, ...]:
        """Its stage, then those of its ancestors, nearest first."""
        return (self.stage, *self.ancestors)


def identity(value: JSON) -> str:
    """Return a text equal for equal values: 1 and 1.0 are one number, true is not 1."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return canonical_json(value)


def comparable(values: Sequence[JSON]) -> Sequence[Hashable]:
    """Return what is equal where values are: scalars of one type, which most axes have, themselves, else identities."""
    return values if _are_scalars_of_one_type(values) else identities(values)


def identities(values: Sequence[JSON]) -> list[str]:
    """Return the identity of each value; of scalars of one type, which most axes have, each different one once."""
    if not _are_scalars_of_one_type(values):
        return [identity(value) for value in values]
    known = {value: identity(value) for value in dict.fromkeys(values)}
    return [known[value] for value in values]


def _are_scalars_of_one_type(values: Sequence[JSON]) -> bool:
    """Say so: among such, equality is that of identities."""
    types = set(map(type, values))
    return len(types) == 1 and not types & {list, dict}


def open_axes(cells: Collection[Sequence[PlannedTrial]], pooled: Collection[str] = ()) -> dict[str, list[JSON]]:
    """Return the axes that would be mixed in cells of these trials, with the values of the cell that mixes the most.

    Seeds pool, and those that are named; every other axis (`stage.key`) must have one value in a cell.
    """
    found: dict[str, list[JSON]] = {}
    for trials in cells:
        coordinates = [trial.coordinates for trial in trials]
        for axis in dict.fromkeys(chain.from_iterable(coordinates)):
            if axis.rpartition(".")[2] == SEED or axis in pooled:
                continue
            values = [each.get(axis) for each in coordinates]
            if _are_scalars_of_one_type(values) and values.count(values[0]) == len(values):
                continue
            mixed = dict(zip(identities(values), values, strict=True))
            if len(mixed) > max(1, len(found.get(axis, ()))):
                found[axis] = list(mixed.values())
    return found
