"""The trials of one stage: every point of its grid, under every group of parents, with all that the point implies."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ValidationError

from orchestrator.document.validation_errors import findings
from orchestrator.document.yaml_document import Path
from orchestrator.planning.grids.config_fields import SEED, plain_number
from orchestrator.planning.grids.grid import Point, Reference, StageGrid, points_of, word
from orchestrator.planning.grids.planned_trial import PlannedTrial
from orchestrator.planning.grids.references import point_to
from orchestrator.planning.grids.stage_order import Report
from orchestrator.planning.labels import Labels
from orchestrator.planning.parent_groups import ParentGroup
from orchestrator.planning.settings_read import ReadSettings, Stored
from trainables.config import canonical
from trainables.trainable import GPUS, Context
from trainables.trial import JSON, TrialSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class _Settings:
    """What trials have in common that differ in nothing but their seed and their parents' seeds."""

    values: Mapping[str, Any]
    """With the seed of one of them."""
    shown: Mapping[str, JSON]
    """The same, as people wrote it, and the labels."""
    references: Mapping[str, Reference]
    whole: Mapping[str, JSON]
    """Of the values, those that are no default and no reference."""
    unread: Mapping[str, str]
    """Of these, what no trial reads, and why."""
    read: Mapping[str, JSON]
    expected_cost: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """What trials have in common that differ in nothing but their parents' seeds: their point of the grid."""

    settings: _Settings
    values: Mapping[str, Any]
    """Those of the settings, with the point's seed."""
    shown: Mapping[str, JSON]
    words: Sequence[str]
    """How the label of each ends."""
    coordinates: Mapping[str, JSON]


@dataclass(kw_only=True)
class StageBuilder:
    """Turns the points of one stage into trials."""

    lineage: Sequence[StageGrid]
    report: Report
    whole: bool
    """Whether all trials of the ancestors are known."""
    stored: Stored
    troubled: bool = False
    """Whether some points are wrong, and left out."""
    _excluded: dict[Path, int] = field(default_factory=dict)
    _said: set[tuple[Path, str]] = field(default_factory=set)
    _seen: dict[str, str] = field(default_factory=dict)
    """Trial id -> label."""
    _use: ReadSettings = field(default_factory=ReadSettings)
    _settings: dict[tuple[str, tuple[int, ...]], _Settings | None] = field(default_factory=dict)
    """By all that they are made from; None for those that are not right."""
    _places: dict[tuple[str, int], _Place | None] = field(default_factory=dict)
    """By what the parents leave and the number of the point; None for those that are not right."""

    @cached_property
    def grid(self) -> StageGrid:
        return self.lineage[0]

    @cached_property
    def _labels(self) -> Labels:
        return Labels(self.lineage)

    def trials(self, parents: Sequence[ParentGroup]) -> tuple[PlannedTrial, ...]:
        points = list(points_of(self.grid))
        built: list[PlannedTrial] = []
        for group in parents:
            built += self._children(group, points)
        for exclusion in self.grid.exclusions:
            if self.whole and not self._excluded.get(exclusion.path):
                self.report(exclusion.path, "matches no point of the grid")
        if not self.troubled:
            self._use.refuse_unread(self.report)
        if self._excluded and not built and not self.troubled:
            self.troubled = True
            self.report((*self.grid.path, "exclude"), "leaves no point of the grid")
        return tuple(built)

    def _children(self, group: ParentGroup, points: Sequence[Point]) -> Iterator[PlannedTrial]:
        """Yield the trials of a group, of all points but those that are excluded or cannot be."""
        left, ancestors = self._left_by(group), self._labels.of_ancestors(group)
        taken: dict[int, tuple[tuple[str, ...], Mapping[str, JSON]]] = {}
        for number, point in enumerate(points):
            if not group.meets(point.conditions) or self._is_excluded(group, point):
                continue
            key = (left, number)
            if key not in self._places:
                self._places[key] = self._place_of(group, point, left, ancestors)
            place = self._places[key]
            if place is None:
                self.troubled = True
                continue
            settings = place.settings
            if id(settings) not in taken:
                taken[id(settings)] = self._with_references(settings.read, settings, group)
            spec = self._spec(*taken[id(settings)], place.values[SEED])
            label = self._labels.of(ancestors, place.words)
            if spec.trial_id in self._seen:
                self._refuse_twin(self._seen[spec.trial_id], label, point, settings.unread)
                continue
            self._seen[spec.trial_id] = label
            yield self._trial(group, point, place, self._earlier(spec, settings, group), label)

    def _trial(self, group: ParentGroup, point: Point, place: _Place, spec: TrialSpec, label: str) -> PlannedTrial:
        return PlannedTrial(
            trial_id=spec.trial_id,
            spec=spec,
            stage=self.grid.name,
            label=label,
            coordinates={**place.coordinates, **group.coordinates},
            parents=spec.parents,
            resources=self.grid.stage.resources,
            max_failures=self.grid.stage.max_failures,
            checkpoint_minutes=self.grid.stage.checkpoint_minutes,
            keep_checkpoints=self.grid.stage.keep_checkpoints,
            time_limit=self.grid.stage.time_limit,
            hang_minutes=self.grid.stage.hang_minutes,
            expected_cost=place.settings.expected_cost,
            values={self.grid.name: place.shown, **group.values},
            effective=self._effective(group, point, place.values),
            ancestors=group.ancestors,
        )

    def _earlier(self, spec: TrialSpec, settings: _Settings, group: ParentGroup) -> TrialSpec:
        """Return the spec under which a trial has begun: with the settings that it does not read, or without."""
        if settings.unread and not self.stored(spec.trial_id):
            earlier = self._spec(*self._with_references(settings.whole, settings, group), spec.seed)
            if self.stored(earlier.trial_id):
                return earlier
        return spec

    def _place_of(self, group: ParentGroup, point: Point, left: str, ancestors: Sequence[str]) -> _Place | None:
        """Return what a point says of its trials; None, with a report, when its settings are not right.

        Args:
            left: the group's `_left_by`.
            ancestors: what a label says of it.
        """
        made_from = (left, point.places)
        if made_from not in self._settings:
            self._settings[made_from] = self._settings_of(point, group, ancestors)
        settings = self._settings[made_from]
        if settings is None:
            return None
        shown, values = settings.shown, settings.values
        if (given := point.field_values.get(SEED)) is not None:
            shown, values = {**shown, SEED: given.shown, **point.labels}, {**values, SEED: given.value}
        self._use.note(point.field_values, settings.unread)
        return _Place(
            settings=settings,
            values=values,
            shown=shown,
            words=self._labels.words(shown),
            coordinates=self._labels.coordinates(shown),
        )

    def _left_by(self, group: ParentGroup) -> str:
        """Return all that the settings of a group's children depend on, but for what the grid gives them."""
        left = repr(group.inherited_settings)
        if any(isinstance(given.value, Reference) for given in self.grid.field_values()):
            left += repr([_without_seed(settings) for settings in group.effective.values()])
        return left

    def _values(self, group: ParentGroup, point: Point) -> dict[str, Any]:
        given = {name: given.value for name, given in point.field_values.items()}
        return {**self.grid.fields.defaults, **self._inherited(group, point), **given}

    def _effective(
        self, group: ParentGroup, point: Point, values: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, object]]:
        return {self.grid.name: {**values, **point.labels} if point.labels else values, **group.effective}

    def _refuse_twin(self, first: str, second: str, point: Point, unread: Collection[str]) -> None:
        """Report a point that is a trial which another point is already, the first one for each reason."""
        self.troubled = True
        axes = sorted(name for name in unread if name in point.field_values and point.field_values[name].varies)
        why = f", as neither reads {' or '.join(axes)}; exclude one of them" if axes else ""
        if not axes or (point.path, why) not in self._said:
            self._said.add((point.path, why))
            self.report(point.path, f"the points {first!r} and {second!r} are the same trial{why}")

    def _inherited(self, group: ParentGroup, point: Point) -> dict[str, JSON]:
        """Return what a point takes over from its parent, or else from the contents it names."""
        declared = {name: value for given in point.field_values.values() for name, value in given.declares.items()}
        left = {**declared, **group.inherited_settings}
        return {name: value for name, value in left.items() if name in self.grid.fields.names}

    def _conflicts(self, inherited: Mapping[str, JSON], point: Point, group: ParentGroup) -> bool:
        """Report settings that contradict what the parent, or a genotype's file, says about them."""
        found = False
        for name, value in inherited.items():
            given = point.field_values.get(name)
            if given is not None and given.value != value and not self.grid.entry.may_differ(name, given.value):
                source = (
                    f"its parent in stage {self.lineage[1].name!r} has"
                    if name in group.inherited_settings
                    else "its genotype has"
                )
                self.report(
                    given.path, f"conflicts with {word(value)!r}, which {source}; leave it out to take that over"
                )
                found = True
        for given in point.field_values.values():
            for name, value in given.declares.items():
                if group.inherited_settings.get(name, value) != value:
                    self.report(
                        given.path, f"its {name} are {value!r}, its parent's {group.inherited_settings[name]!r}"
                    )
                    found = True
        return found

    def _is_excluded(self, group: ParentGroup, point: Point) -> bool:
        """Say whether a point is left out under a group, and take note of what leaves it out."""
        if point.path[-1] != "grid" or not self.grid.exclusions:
            return False
        effective = self._effective(group, point, self._values(group, point))
        hit = False
        for exclusion in self.grid.exclusions:
            if all(each.is_met(effective) for each in exclusion.conditions):
                self._excluded[exclusion.path] = self._excluded.get(exclusion.path, 0) + 1
                hit = True
        return hit

    def _settings_of(self, point: Point, group: ParentGroup, ancestors: Sequence[str]) -> _Settings | None:
        """Return the settings of a point; None, with a report, when they are not right."""
        if self._conflicts(self._inherited(group, point), point, group):
            return None
        values = self._values(group, point)
        shown = {name: plain_number(value) for name, value in values.items()}
        shown |= {name: given.shown for name, given in point.field_values.items()}
        shown |= point.labels
        references = {name: value for name, value in values.items() if isinstance(value, Reference)}
        config = self._config(values, references, point, group, self._labels.of(ancestors, self._labels.words(shown)))
        if config is None:
            return None
        whole = canonical(config)
        context = self._context(references, group)
        unread = {name: why for name, why in self.grid.entry.unread_by(config, context).items() if name in whole}
        return _Settings(
            values=values,
            shown=shown,
            references=references,
            whole=whole,
            unread=unread,
            read={name: value for name, value in whole.items() if name not in unread},
            expected_cost=self.grid.entry.expected_cost(values),
        )

    def _config(
        self,
        values: Mapping[str, Any],
        references: Mapping[str, Reference],
        point: Point,
        group: ParentGroup,
        label: str,
    ) -> BaseModel | None:
        """Return the config without its references; None, with a report, when the values do not fit."""
        known = {name: value for name, value in values.items() if name not in references}
        try:
            config = self.grid.fields.build(known, references)
        except ValidationError as error:
            for path, message in findings(error, known, self.grid.fields.config_class):
                place = self._place(path, point) if path else self._blame(known, references, point)
                self._say_once(place, message, "" if path else label)
            self._check(self.grid.fields.construct(known, references), references, point, group)
            return None
        return config if self._check(config, references, point, group) else None

    def _context(self, references: Mapping[str, Reference], group: ParentGroup) -> Context:
        gpus = self.grid.stage.resources.gpus
        referred = {name: reference.key for name, reference in references.items()}
        return Context(gpus=gpus, referred=referred, inherited=group.inherited_settings)

    def _with_references(
        self, config: Mapping[str, JSON], settings: _Settings, group: ParentGroup
    ) -> tuple[tuple[str, ...], Mapping[str, JSON]]:
        """Return the ids of the parents, and the config with its references pointing to them."""
        parents, pointers = point_to(settings.references, self.lineage, group.parents, group.ancestors)
        return parents, {**config, **pointers}

    def _spec(self, parents: tuple[str, ...], config: Mapping[str, JSON], seed: int) -> TrialSpec:
        entry = self.grid.entry
        return TrialSpec(trainable=entry.name, version=entry.version, config=config, seed=seed, parents=parents)

    def _say_once(self, place: Path, message: str, label: str) -> None:
        """Report a mistake, with the label of the first point that has it."""
        if (place, message) not in self._said:
            self._said.add((place, message))
            self.report(place, f"{message} (at {label})" if label and self._labels.axes else message)

    def _check(self, config: BaseModel, references: Mapping[str, Reference], point: Point, group: ParentGroup) -> bool:
        """Say whether a config's trainable has nothing against it, nor against its references; report what it has."""
        found = self.grid.entry.problems(config, self._context(references, group))
        entries = {grid.name: grid.entry for grid in self.lineage}
        for name, reference in references.items():
            found_by = group.effective[reference.stage]
            sentence = entries[reference.stage].why_absent(reference.key, found_by)
            if not (sentence or found):
                sentence = self.grid.entry.why_underivable(reference.key, found_by, config)
            found += [(name, sentence)] if sentence else []
        for name, sentence in found:
            self.report(self._place((name,), point), sentence)
        return not found

    def _place(self, path: Path, point: Point) -> Path:
        if path == (GPUS,):
            return (*self.grid.path, "resources", GPUS)
        given = point.field_values.get(str(path[0]))
        return (*given.path, *path[1:]) if given else (*self.grid.path, "config", *path)

    def _blame(self, values: Mapping[str, Any], references: Mapping[str, Reference], point: Point) -> Path:
        """Return the place of the given value without which the others would fit together."""
        axes_first = sorted(point.field_values.items(), key=lambda item: item[1].path[2] == "config")
        for name, given in axes_first:
            if name not in values or name not in self.grid.fields.defaults:
                continue
            try:
                self.grid.fields.build({**values, name: self.grid.fields.defaults[name]}, references)
            except ValidationError:
                continue
            return given.path
        return (*self.grid.path, "config")


def _without_seed(settings: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in settings.items() if name != SEED}
