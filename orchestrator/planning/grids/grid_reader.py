"""Reads a stage's config and grid out of the document, reporting every value that cannot be what it says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from orchestrator.document.experiment import Experiment
from orchestrator.document.spec import plain_name
from orchestrator.document.yaml_document import Path, shown, unseen_character
from orchestrator.planning.grids.config_fields import SEED, plain_number
from orchestrator.planning.grids.grid import (
    Axis,
    Choice,
    Condition,
    Exclusion,
    FieldValue,
    Inclusion,
    StageGrid,
    keys_of,
    word,
)
from orchestrator.planning.grids.keys import find_key
from orchestrator.planning.grids.references import mentions_reference, read_reference
from orchestrator.planning.grids.resolvers import Content, Resolve
from orchestrator.planning.grids.stage_order import Report
from trainables.errors import SharptuneError, UnknownName, unknown_name
from trainables.trial import JSON

Part = TypeVar("Part")


@dataclass(kw_only=True)
class GridReader:
    """Fills in one stage's grid."""

    experiment: Experiment
    lineage: Sequence[StageGrid]
    """The stage's grid, then those of its ancestors, nearest first."""
    cut: bool
    """Whether some of the ancestors are missing, so that nobody can say what a key or a reference means."""
    resolvers: Mapping[str, Resolve]
    report: Report
    _taken: dict[str, str] = field(default_factory=dict)
    """Field -> where it is given."""

    @property
    def grid(self) -> StageGrid:
        return self.lineage[0]

    def read(self) -> None:
        """Read everything of the stage, in the order in which one part rests on another."""
        self.grid.base = self._base()
        self.grid.axes = self._readable(self._axis(name, values) for name, values in self.grid.stage.grid.items())
        self.grid.inclusions = self._readable(map(self._inclusion, *_numbered(self.grid.stage.include)))
        exclusions = self._readable(map(self._exclusion, *_numbered(self.grid.stage.exclude)))
        self.grid.exclusions = tuple(each for each in exclusions if self._is_attainable(each))
        self.grid.readable &= all(axis.complete for axis in self.grid.axes)
        self._require_fields()
        needs = self.grid.stage.needs
        if needs is not None and needs.best is not None and not self.cut:
            self._check_best(needs.best, needs.over or [])

    def _readable(self, parts: Iterable[Part | None]) -> tuple[Part, ...]:
        """Return the parts that could be read, and remember whether others could not."""
        read = list(parts)
        self.grid.readable &= None not in read
        return tuple(part for part in read if part is not None)

    def given(self, grid: StageGrid, name: str, value: JSON, path: Path) -> FieldValue | None:
        """Return a value of one of a stage's fields; None, with a report, for one that it cannot have."""
        if mentions_reference(value):
            return self._reference(grid, name, value, path)
        try:
            resolve = self.resolvers.get(name)
            content = resolve(value, base=self.experiment.base) if resolve else Content(value=value)
        except SharptuneError as error:
            self.report(path, str(error))
            return None
        read, found = grid.fields.read(name, content.value)
        for where, message in found:
            self.report((*path, *where), message)
        written = plain_number(read) if content.value == value else value
        return None if found else FieldValue(value=read, shown=written, path=path, declares=content.declares)

    def condition(self, key: str, value: JSON, path: Path) -> Condition | None:
        """Return what `key: value` in an exclude, filter or baseline asks for; None, with a report, for nonsense."""
        try:
            stage, name = find_key(key, keys_of(self.lineage))
        except UnknownName as error:
            if not self.cut:
                self.report(path, str(error))
            return None
        grid = next(grid for grid in self.lineage if grid.name == stage)
        if name in grid.labelled:
            labels = [choice.label for choice in grid.labelled[name].choices]
            if value not in labels and grid.labelled[name].complete:
                self.report(path, str(unknown_name(f"label of {name}:", value, map(str, labels))))
                return None
            return Condition(stage=stage, key=name, value=value, path=path)
        given = self.given(grid, name, value, path)
        return given and Condition(stage=stage, key=name, value=given.value, path=path)

    def _base(self) -> dict[str, FieldValue]:
        path = (*self.grid.path, "config")
        field_values = {
            name: self._taking(name, value, (*path, name)) for name, value in self.grid.stage.config.items()
        }
        self.grid.readable &= None not in field_values.values()
        return {name: given for name, given in field_values.items() if given is not None}

    def _taking(self, name: str, value: JSON, path: Path, *, source: str = "config") -> FieldValue | None:
        """Return the value given to a field, refusing fields that do not exist or are given elsewhere too."""
        if name not in self.grid.fields.names:
            self.report(path, str(unknown_name("setting", name, self.grid.fields.names)))
            return None
        if self._taken.setdefault(name, source) != source:
            self.report(path, f"{name} is given twice: here, and by {self._taken[name]}")
            return None
        return self.given(self.grid, name, value, path)

    def _reference(self, grid: StageGrid, name: str, value: JSON, path: Path) -> FieldValue | None:
        if self.cut:
            return None
        if grid is not self.grid or name in (SEED, "dataset"):
            self.report(path, f"{name} cannot be a reference here")
            return None
        try:
            reference = read_reference(value, reader=grid.name, lineage=self.lineage)
        except SharptuneError as error:
            self.report(path, str(error))
            return None
        return FieldValue(value=reference, shown=str(reference), path=path)

    def _axis(self, name: str, values: JSON) -> Axis | None:
        path = (*self.grid.path, "grid", name)
        if not isinstance(values, list):
            self.report(path, "an axis must be a list of values")
            return None
        if not values:
            self.report(path, "the axis is empty; it needs one value at least")
            return None
        if name in self.grid.fields.names:
            field_values = [self._taking(name, v, (*path, i), source=f"the axis {name}") for i, v in enumerate(values)]
            choices = [given and Choice(field_values={name: given}, path=given.path) for given in field_values]
        elif any(isinstance(value, Mapping) for value in values):
            choices = [self._labelled(name, value, (*path, index)) for index, value in enumerate(values)]
            self._check_axis_name(name, path)
        else:
            names = self.grid.fields.names
            hint = str(unknown_name("setting", name, names))
            self.report(path, f"{hint}. An axis with a name of its own holds mappings, such as {{label: a, p: 1}}")
            return None
        read = [choice for choice in choices if choice is not None]
        return Axis(
            name=name,
            choices=self._without_repeats(read),
            labelled=name not in self.grid.fields.names,
            complete=len(read) == len(values),
        )

    def _check_axis_name(self, name: str, path: Path) -> None:
        try:
            plain_name(name)
        except ValueError as error:
            self.report(path, f"the name {name!r} {error}")

    def _labelled(self, axis: str, values: JSON, path: Path) -> Choice | None:
        if not isinstance(values, Mapping):
            self.report(path, f"all choices of the axis {axis!r} must be mappings")
            return None
        settings = {name: value for name, value in values.items() if name != "label"}
        if not settings:
            self.report(path, "a choice must set something")
            return None
        field_values = {
            name: self._taking(name, value, (*path, name), source=f"the axis {axis}")
            for name, value in settings.items()
        }
        label = values.get("label", " ".join(f"{name}={word(value)}" for name, value in settings.items()))
        unseen = unseen_character(label) if isinstance(label, str) else None
        if not isinstance(label, str) or unseen or not label.strip():
            holds = f"; this one holds {unseen}" if unseen else ""
            self.report((*path, "label"), f"a label must be text on one line, of characters that are seen{holds}")
            return None
        read = {name: given for name, given in field_values.items() if given is not None}
        return Choice(field_values=read, path=path, label=label) if len(read) == len(field_values) else None

    def _without_repeats(self, choices: Sequence[Choice]) -> tuple[Choice, ...]:
        """Return the choices but for those that stand a second time, which are reported."""
        points: dict[object, Choice] = {}
        labels: set[str | None] = set()
        for choice in choices:
            point = tuple(sorted((name, given.identity) for name, given in choice.field_values.items()))
            if point in points:
                self.report(choice.path, f"the same point stands at position {points[point].path[-1]} already")
                continue
            if choice.label is not None and choice.label in labels:
                self.report(choice.path, f"the label {choice.label!r} stands twice in the axis")
            labels.add(choice.label)
            points[point] = choice
        return tuple(points.values())

    def _exclusion(self, index: int, values: JSON) -> Exclusion | None:
        path = (*self.grid.path, "exclude", index)
        if not isinstance(values, Mapping) or not values:
            self.report(path, "must be a mapping of keys to values")
            return None
        conditions = [self.condition(key, value, (*path, key)) for key, value in values.items()]
        read = [condition for condition in conditions if condition is not None]
        return Exclusion(path=path, conditions=tuple(read)) if len(read) == len(conditions) else None

    def _is_attainable(self, exclusion: Exclusion) -> bool:
        """Say whether a point could be meant; report conditions that none can meet, whatever the other axes say."""
        found = True
        for condition in exclusion.conditions:
            grid = next(grid for grid in self.lineage if grid.name == condition.stage)
            if condition.key in grid.labelled or (grid.stage.needs and condition.key in grid.entry.inherits):
                continue
            possible = grid.attainable(condition.key)
            wanted = FieldValue(value=condition.value, shown=None, path=()).identity
            if possible and wanted not in possible:
                values = ", ".join(shown(value) for value in possible.values())
                self.report(condition.path, f"matches nothing: {condition.key} of stage {grid.name!r} is {values}")
                found = False
        return found

    def _inclusion(self, index: int, values: JSON) -> Inclusion | None:
        path = (*self.grid.path, "include", index)
        if not isinstance(values, Mapping) or not values:
            self.report(path, "must be a mapping of keys to values")
            return None
        own = [name for name in values if name in self.grid.keys]
        labels = {name: self.condition(name, values[name], (*path, name)) for name in own if name in self.grid.labelled}
        field_values = {name: self._include(name, values[name], (*path, name)) for name in own if name not in labels}
        others = [self.condition(key, value, (*path, key)) for key, value in values.items() if key not in own]
        missing = [axis.name for axis in self.grid.axes if axis.name not in own]
        if missing:
            self.report(path, f"must be a whole point; it leaves open {', '.join(missing)}")
        if missing or None in [*labels.values(), *field_values.values(), *others]:
            return None
        return Inclusion(
            path=path,
            field_values={name: given for name, given in field_values.items() if given is not None},
            labels={name: str(values[name]) for name in labels},
            conditions=tuple(condition for condition in others if condition is not None),
        )

    def _include(self, name: str, value: JSON, path: Path) -> FieldValue | None:
        by_label = [
            axis.name for axis in self.grid.labelled.values() if any(name in c.field_values for c in axis.choices)
        ]
        if by_label:
            self.report(path, f"{name} is given twice: here, and by the axis {by_label[0]}")
            return None
        return self.given(self.grid, name, value, path)

    def _require_fields(self) -> None:
        """Report fields without a default that nothing gives."""
        written = {name for axis in self.grid.stage.grid.values() if isinstance(axis, list) for name in _names(axis)}
        written |= {*self.grid.stage.config, *self.grid.stage.grid}
        points = [point for point in self.grid.stage.include if isinstance(point, Mapping)]
        for name in self.grid.fields.required:
            if name not in written and not (points and all(name in point for point in points)):
                self.grid.readable = False
                self.report(self.grid.path, f"the {self.grid.entry.name!r} trainable needs the setting {name!r}")

    def _check_best(self, metric: str, over: Sequence[str]) -> None:
        """Report a criterion nobody measures, axes that are none, and a choice that nothing makes use of."""
        path = (*self.grid.path, "needs")
        parent = self.lineage[1]
        if metric not in parent.entry.metrics:
            self.grid.readable = False
            self.report((*path, "best"), str(unknown_name(f"metric of {parent.name!r}:", metric, parent.entry.metrics)))
        for key in over:
            try:
                stage, name = find_key(key, keys_of(self.lineage[1:]))
            except UnknownName as error:
                self.grid.readable = False
                self.report((*path, "over"), str(error))
                continue
            axes = next(grid for grid in self.lineage if grid.name == stage).axis_names
            if name not in axes:
                self.grid.readable = False
                self.report((*path, "over"), str(unknown_name(f"axis of stage {stage!r}:", name, axes)))


def _names(axis: list[JSON]) -> set[str]:
    return {name for choice in axis if isinstance(choice, Mapping) for name in choice}


def _numbered(values: Sequence[JSON]) -> tuple[Sequence[int], Sequence[JSON]]:
    return range(len(values)), values
