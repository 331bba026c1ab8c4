"""A trial and its place in the plan."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.document.spec import Resources
from trainables.trial import JSON, TrialSpec


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
    expected_cost: float
    values: Mapping[str, Mapping[str, JSON]]
    """Stage -> key -> value as shown, for axes, config fields (defaults included) and seed; own stage first, then the
    nearest ancestor. Where a trial takes the best of several, what differs between them is left out."""
    effective: Mapping[str, Mapping[str, object]]
    """The same as the trial has it: typed, names replaced by content."""
    ancestors: Mapping[str, tuple[str, ...]]
    """Stage -> the trials there that this one comes from; several where it takes the best of them."""
