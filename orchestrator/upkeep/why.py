"""Why a trial is new: in what it differs from the nearest of those that are done.

An id is a hash of all that determines a trial, so it cannot be asked. But two specs can be held against each other, key
by key, and through their parents up to the first ancestors that differ.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from orchestrator.document.yaml_document import shown
from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.grids.config_fields import Fields
from orchestrator.planning.grids.planned_trial import PlannedTrial
from orchestrator.upkeep.family import Family
from trainables.config import is_reference
from trainables.trainable import Trainable
from trainables.trial import JSON, TrialRow, TrialSpec, canonical_json

MANY = 8
"""So many entries of a nested value are counted, not shown."""
GENERATIONS = 8
"""How far back ancestors are compared."""
TAKEN_OVER = "another trial is alike, and its row was taken over"
TAKES_OVER = "another trial is alike, and its row would be taken over"
NOT_THERE = "nothing"
"""What a key is where a trial has none of that name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One key that is another there, in the trial that is done, than here."""

    key: str
    """As people write it; a parent's begins with `its parent's`."""
    there: JSON
    here: JSON
    name: str = ""
    """What the value here is called in the experiment, where it stands for content."""
    by_default: bool = False
    """The value is the same, but was the default there, or is one here: ids hold what differs from the defaults."""

    def __str__(self) -> str:
        if self.by_default:
            return f"{self.key}: {shown(self.here)} in both, but the default is another now"
        named = f" ({shown(self.name)})" if self.name else ""
        one, other = _leaves(self.there), _leaves(self.here)
        if min(len(one), len(other)) < MANY:
            return f"{self.key}: {_told(self.there)} there, {_told(self.here)} here{named}"
        apart = sum(first != second for first, second in zip_longest(one, other))
        return f"{self.key}: other content here{named}: {apart} of {max(len(one), len(other))} entries differ"


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """A trial that is done, and in what it differs from the one that was asked about: fewest of all, in the fewest."""

    row: TrialRow
    differences: tuple[Difference, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why a trial stands where it does."""

    trial: str
    state: TrialState
    nearest: Neighbour | None = None
    """Of a trial that is new."""

    def __str__(self) -> str:
        """Say it in words that are the same for all trials of the same reason."""
        if self.state.twin:
            return TAKEN_OVER if self.state.state == "done" else TAKES_OVER
        if self.state.state != "new":
            return self.state.reason
        if self.nearest is None:
            return f"{self.state.reason}; nothing of its kind is done here"
        return "; ".join(map(str, self.nearest.differences))


@dataclass(kw_only=True, slots=True)
class _Traits:
    """What determines a trial, key by key, its ancestors' keys included."""

    values: dict[str, JSON] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    """The keys that its id, or an ancestor's, holds."""
    identities: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, value: JSON, *, written: bool) -> None:
        self.values[key] = value
        self.identities[key] = canonical_json(value)
        if written:
            self.written.add(key)

    def apart(self, other: "_Traits") -> list[str]:
        """Return the keys that make the two different trials, sorted."""
        mine, theirs = self.identities, other.identities
        return sorted(
            key
            for key in self.written | other.written
            if mine.get(key) != theirs.get(key) or (key in self.written) != (key in other.written)
        )


class Why:
    """Explains trials of one record, each of its rows read once."""

    def __init__(self, ledger: Ledger, catalog: Mapping[str, Trainable], planned: Iterable[PlannedTrial] = ()) -> None:
        """`planned` are trials of which the record may know nothing."""
        self._ledger = ledger
        self._catalog = catalog
        self._specs: dict[str, TrialSpec] = {}
        self._names: dict[str, Mapping[str, JSON]] = {}
        for trial in planned:
            self._specs[trial.trial_id] = trial.spec
            self._names[trial.trial_id] = trial.values[trial.stage]
        self._rows = ledger.rows()
        self._traits: dict[tuple[str, int], _Traits] = {}
        self._defaults: dict[str, Mapping[str, JSON]] = {}

    def explain(self, states: Mapping[str, TrialState]) -> list[Reason]:
        """Return the reasons of these trials, in their order."""
        return [self._reason(trial_id, state, states) for trial_id, state in states.items()]

    def _reason(self, trial_id: str, state: TrialState, states: Mapping[str, TrialState]) -> Reason:
        if state.twin:
            return Reason(trial=trial_id, state=state)
        if state.state == "new":
            return Reason(trial=trial_id, state=state, nearest=self.nearest(trial_id))
        if state.state == "blocked" and (failed := self._failed_ancestor(trial_id, states)):
            reason = f"its ancestor {failed} failed: {states[failed].reason}"
            return Reason(trial=trial_id, state=TrialState(state="blocked", reason=reason))
        return Reason(trial=trial_id, state=state)

    def nearest(self, trial_id: str) -> Neighbour | None:
        """Return the nearest trial of the same kind that is done; of several, that of the first values."""
        spec = self._spec(trial_id)
        if spec is None:
            return None
        here = self._of(trial_id)
        rows = [row for row in self._rows.values() if row.state == "done" and row.spec.trainable == spec.trainable]
        others = [row for row in rows if row.trial_id != trial_id]
        if not others:
            return None

        def distance(row: TrialRow) -> tuple[int, list[str], str]:
            there = self._of(row.trial_id)
            apart = here.apart(there)
            return len(apart), [there.identities.get(key, "") for key in apart], row.trial_id

        near = min(others, key=distance)
        there = self._of(near.trial_id)
        differences = [
            Difference(
                key=key,
                there=there.values.get(key, NOT_THERE),
                here=here.values.get(key, NOT_THERE),
                name=self._name(trial_id, key),
                by_default=here.identities.get(key) == there.identities.get(key),
            )
            for key in here.apart(there)
        ]
        return Neighbour(row=near, differences=tuple(differences))

    def _name(self, trial_id: str, key: str) -> str:
        """Return what a value is called, if it is called otherwise than it is."""
        name = self._names.get(trial_id, {}).get(key)
        return name if isinstance(name, str) and name != self._of(trial_id).values.get(key) else ""

    def _failed_ancestor(self, trial_id: str, states: Mapping[str, TrialState]) -> str:
        """Return the nearest ancestor that failed; empty where none is known of."""
        family = Family(self._ledger, {known: spec.parents for known, spec in self._specs.items()})
        _, *ancestors = family.with_ancestors([trial_id])
        return next((each for each in ancestors if each in states and states[each].state == "failed"), "")

    def _of(self, trial_id: str, generations: int = GENERATIONS) -> _Traits:
        """Return what determines a trial; of one that nothing is known of, or beyond these generations, its id."""
        key = (trial_id, generations)
        if key not in self._traits:
            traits = _Traits()
            spec = self._spec(trial_id) if generations else None
            if spec is None:
                traits.add("id", trial_id, written=True)
            else:
                self._read(spec, traits, generations - 1)
            self._traits[key] = traits
        return self._traits[key]

    def _read(self, spec: TrialSpec, traits: _Traits, generations: int) -> None:
        row = self._rows.get(spec.trial_id)
        defaults = self._defaults_of(spec.trainable)
        known = {**defaults, **row.config} if row is not None else defaults
        for name, value in {**known, **spec.config}.items():
            traits.add(name, value, written=name in spec.config)
        traits.add("seed", spec.seed, written=True)
        traits.add("version", spec.version, written=True)
        parents = [self._of(parent, generations) for parent in spec.parents]
        whose = "its parent's" if len(parents) == 1 else "its parents'"
        for key in dict.fromkeys(key for parent in parents for key in parent.values):
            values = {each.identities[key]: each.values[key] for each in parents if key in each.values}
            joined = [values[identity] for identity in sorted(values)]
            written = any(key in each.written for each in parents)
            prefixed = f"{whose} {key.removeprefix('its ')}"
            traits.add(prefixed, joined[0] if len(joined) == 1 else joined, written=written)

    def _spec(self, trial_id: str) -> TrialSpec | None:
        if trial_id not in self._specs:
            try:
                self._specs[trial_id] = self._ledger.spec(trial_id)
            except LedgerError:
                return None
        return self._specs[trial_id]

    def _defaults_of(self, trainable: str) -> Mapping[str, JSON]:
        if trainable not in self._defaults:
            entry = self._catalog.get(trainable)
            self._defaults[trainable] = Fields(entry.config_class()).defaults if entry else {}
        return self._defaults[trainable]


def _told(value: JSON) -> str:
    if value == NOT_THERE:
        return NOT_THERE
    return f"its parent's {value['key']}" if is_reference(value) else shown(value)


def _leaves(value: JSON) -> list[JSON]:
    """Return all that stands in a nested value, in its order."""
    if isinstance(value, Mapping):
        return [leaf for key in sorted(value) for leaf in _leaves(value[key])]
    return [leaf for each in value for leaf in _leaves(each)] if isinstance(value, list) else [value]
