"""Trials of a plan chosen by their settings, as people write them: `weighting=max_w`, `p=[1, 2]`, `search.epochs=50`.

Keys and values mean what they mean in the filter of a table.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator.document.yaml_document import parse_document, shown
from orchestrator.errors import Problem, SpecError
from orchestrator.planning.grids.config_fields import Fields
from orchestrator.planning.grids.keys import find_key, find_name
from orchestrator.planning.grids.planned_trial import PlannedTrial, identity
from orchestrator.planning.grids.resolvers import RESOLVERS
from orchestrator.planning.plan import Plan
from trainables.errors import SharptuneError, unknown_name
from trainables.trial import JSON


def select(plan: Plan, filters: Iterable[str]) -> list[PlannedTrial]:
    """Return the trials that meet all filters; of those of one key, and of the values of a list, one is enough.

    Stages that do not know a key have no trial that meets it. Raises: SpecError with all that is wrong in the filters.
    """
    problems: list[Problem] = []
    wanted: dict[str, list[_Filter]] = {}
    for text in filters:
        try:
            read = _read(plan, text)
        except SharptuneError as error:
            problems.append(Problem(file=f"--filter {text}", line=None, path="", read=None, message=str(error)))
        else:
            wanted.setdefault(read.key, []).append(read)
    if problems:
        raise SpecError(problems)
    return [trial for trial in plan.trials if all(any(f.is_met(trial) for f in same) for same in wanted.values())]


@dataclass(kw_only=True, slots=True)
class _Filter:
    """One key, and what it may be in each of the stages that know it."""

    key: str
    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Stage -> (the stage that the key means there, its name there)."""
    allowed: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Such a place -> the identities of its values."""

    def is_met(self, trial: PlannedTrial) -> bool:
        """Say whether a trial has one of the values."""
        if (place := self.places.get(trial.stage)) is None:
            return False
        stage, name = place
        has = trial.effective[stage].get(name, ...)
        return has is not ... and _identity(has) in self.allowed[place]


def _read(plan: Plan, text: str) -> _Filter:
    """Return what a filter means in each stage. Raises: SharptuneError."""
    key, equals, written = text.partition("=")
    key = key.strip()
    document = parse_document(written, file=text)
    if not equals or not key or not written.strip() or document.problems:
        raise SharptuneError("must look like weighting=max_w")
    values = document.value if isinstance(document.value, list) else [document.value]
    found = _Filter(key=key)
    mistakes: list[SharptuneError] = []
    for stage in plan.stages:
        lineage = next((trial.lineage for trial in plan.of_stage(stage)), (stage,))
        place = find_name(key, {each: plan.keys[each] for each in lineage})
        if place is None:
            continue
        try:
            found.allowed[place] = {_typed(plan, place, value) for value in values}
            found.places[stage] = place
        except SharptuneError as error:
            mistakes.append(error)
    if mistakes and not found.places:
        raise mistakes[0]
    if not found.places:
        find_key(key, plan.keys)
    return found


def _typed(plan: Plan, place: tuple[str, str], value: JSON) -> str:
    """Return the identity of a value as its field's type has it, and names by their content. Raises: SharptuneError."""
    stage, name = place
    fields = Fields(plan.entries[stage].config_class())
    if name not in fields.names:
        labels = dict.fromkeys(str(trial.values[stage].get(name)) for trial in plan.of_stage(stage))
        if value not in labels:
            raise unknown_name(f"label of {name}:", value, labels)
        return _identity(value)
    resolve = RESOLVERS.get(name)
    content = resolve(value, base=plan.source.parent).value if resolve else value
    read, wrong = fields.read(name, content)
    if wrong:
        raise SharptuneError(f"read {shown(value)}; {wrong[0][1]}")
    return _identity(read)


def _identity(value: JSON) -> str:
    """Return a text that is equal for equal values; what a parent will have found, no JSON value, is itself."""
    try:
        return identity(value)
    except TypeError:
        return str(value)
