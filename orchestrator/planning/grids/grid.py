"""A stage's grid: its settings and axes, every value read as its field's type and replaced by its content."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.document.spec import Stage
from orchestrator.document.yaml_document import Path, shown
from orchestrator.planning.grids.config_fields import SEED, Fields
from trainables.trainable import Trainable
from trainables.trial import JSON, canonical_json


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """`${stage.key}`: what a trial of an ancestor stage will have found."""

    stage: str
    key: str

    def __str__(self) -> str:
        return f"${{{self.stage}.{self.key}}}"


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldValue:
    """A value that the file gives a field."""

    value: JSON | Reference
    shown: JSON
    """As people wrote it."""
    path: Path
    declares: Mapping[str, JSON] = field(default_factory=dict)
    """What it says about other fields (see `contents.Content`)."""

    @property
    def varies(self) -> bool:
        """Whether it belongs to a point of its own, and not to all trials of a stage."""
        return self.path[2:3] != ("config",)

    @property
    def identity(self) -> str:
        """Equal exactly for equal values."""
        return str(self.value) if isinstance(self.value, Reference) else canonical_json(self.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One position of an axis."""

    field_values: Mapping[str, FieldValue]
    path: Path
    label: str | None = None
    """Of a labelled axis."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """One direction of a grid: a config field, or a name of its own whose choices set several fields together."""

    name: str
    choices: tuple[Choice, ...]
    labelled: bool = False
    complete: bool = True
    """False when a choice could not be read and is left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A key of an ancestor or the own stage that must have a value."""

    stage: str
    key: str
    value: JSON
    path: Path

    def is_met(self, effective: Mapping[str, Mapping[str, object]]) -> bool:
        """Say whether a trial, or all candidates of a group, have the value; `effective`: stage -> key -> value."""
        return effective[self.stage].get(self.key, ...) == self.value


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """Points that are left out: those that meet all conditions."""

    path: Path
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Inclusion:
    """One whole point more, under the parents that meet the conditions."""

    path: Path
    field_values: Mapping[str, FieldValue]
    labels: Mapping[str, str]
    """Labelled axis -> label."""
    conditions: tuple[Condition, ...] = ()


@dataclass(kw_only=True)
class StageGrid:
    """Everything a stage's trials are made of."""

    name: str
    stage: Stage
    entry: Trainable
    fields: Fields
    base: Mapping[str, FieldValue]
    axes: tuple[Axis, ...]
    exclusions: tuple[Exclusion, ...] = ()
    inclusions: tuple[Inclusion, ...] = ()
    readable: bool = True
    """Whether every setting and axis could be read, so that its points can be told."""

    @property
    def path(self) -> Path:
        return ("stages", self.name)

    @property
    def labelled(self) -> dict[str, Axis]:
        return {axis.name: axis for axis in self.axes if axis.labelled}

    @property
    def keys(self) -> tuple[str, ...]:
        """What a key may name in this stage."""
        return (*self.labelled, *self.fields.names)

    @property
    def axis_names(self) -> tuple[str, ...]:
        """The grid's axes, and the fields that included points set besides."""
        names = [axis.name for axis in self.axes]
        set_by_axes = {name for axis in self.axes for choice in axis.choices for name in choice.field_values}
        for inclusion in self.inclusions:
            names += [name for name in inclusion.field_values if name not in names and name not in set_by_axes]
        return tuple(names)

    def field_values(self) -> Iterator[FieldValue]:
        """Yield whatever the file gives a trial of the stage."""
        yield from self.base.values()
        for choice in (choice for axis in self.axes for choice in axis.choices):
            yield from choice.field_values.values()
        for inclusion in self.inclusions:
            yield from inclusion.field_values.values()

    def attainable(self, key: str) -> dict[str, JSON] | None:
        """Return what a field can be in this stage: identity -> as written. None when that cannot be said."""
        values: dict[str, JSON] = {}
        always = False
        for axis in self.axes:
            field_values = [choice.field_values[key] for choice in axis.choices if key in choice.field_values]
            values |= {given.identity: given.shown for given in field_values}
            if field_values and not axis.complete:
                return None
            always = always or len(field_values) == len(axis.choices) > 0
        if key in self.base:
            values[self.base[key].identity] = self.base[key].shown
        elif not always and key in self.fields.defaults:
            values[canonical_json(self.fields.defaults[key])] = self.fields.defaults[key]
        return values


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """What one trial of a stage is given, before its parents and defaults add the rest."""

    field_values: Mapping[str, FieldValue]
    labels: Mapping[str, str]
    path: Path
    places: tuple[int, ...]
    """Of its choices on their axes, the seed's left out: equal for points that differ in nothing but their seed."""
    conditions: tuple[Condition, ...] = ()
    """On the parents; of included points."""


def points_of(grid: StageGrid) -> Iterator[Point]:
    """Yield the points of a grid, in its order, then those that are included besides."""
    if grid.axes or not grid.inclusions:
        for numbered in itertools.product(*(enumerate(axis.choices) for axis in grid.axes)):
            field_values = {**grid.base}
            for _, choice in numbered:
                field_values |= choice.field_values
            chosen = list(zip(grid.axes, numbered, strict=True))
            yield Point(
                field_values=field_values,
                labels={axis.name: choice.label or "" for axis, (_, choice) in chosen if axis.labelled},
                path=(*grid.path, "grid"),
                places=tuple(place for axis, (place, _) in chosen if axis.labelled or axis.name != SEED),
            )
    for number, inclusion in enumerate(grid.inclusions):
        field_values = {**grid.base}
        for name, label in inclusion.labels.items():
            choices = grid.labelled[name].choices
            field_values |= next(choice.field_values for choice in choices if choice.label == label)
        yield Point(
            field_values={**field_values, **inclusion.field_values},
            labels=inclusion.labels,
            path=inclusion.path,
            places=(-1, number),
            conditions=inclusion.conditions,
        )


def keys_of(lineage: Iterable[StageGrid]) -> dict[str, tuple[str, ...]]:
    """Return what a key may name in each of these stages, in their order."""
    return {grid.name: grid.keys for grid in lineage}


def word(value: JSON) -> str:
    """Return a value as a label shows it."""
    return value if isinstance(value, str) else shown(value)
