"""A trial and its place in the plan, and what may not pool with what."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.document.resources import Resources
from orchestrator.planning.config_fields import SEED
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


def open_axes(cells: Collection[Sequence[PlannedTrial]]) -> dict[str, list[JSON]]:
    """Return the axes that would be mixed in cells of these trials, with the values of the cell that mixes the most.

    Seeds pool; every other axis (`stage.key`) must have one value in a cell.
    """
    found: dict[str, list[JSON]] = {}
    for axis in dict.fromkeys(axis for trials in cells for trial in trials for axis in trial.coordinates):
        mixed = [{identity(value): value for value in (t.coordinates.get(axis) for t in trials)} for trials in cells]
        widest = max(mixed, key=len)
        if axis.rpartition(".")[2] != SEED and len(widest) > 1:
            found[axis] = list(widest.values())
    return found
