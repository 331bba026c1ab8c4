"""Which planned trials a line of a table stands for.

A key follows the plan's one rule (own stage first, then the nearest ancestor; `stage.key` always works). Seeds pool;
every other axis must be fixed by rows, columns or filter, or two different things would be averaged.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.planning.planned_trial import identities, identity
from orchestrator.tables.evidence import Ancestry
from trainables.trial import JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The trials of one line, and the line's keys."""

    keys: Mapping[str, JSON]
    trials: tuple[PlannedTrial, ...]


def selected(plan: Plan, stage: str, chosen: Mapping[str, JSON]) -> list[PlannedTrial]:
    """Return the trials of a stage whose values are the filter's; a list in a filter admits any of its values."""
    trials = [trial for trial in plan.trials if trial.stage == stage]
    return _having(plan, trials, {key: {identity(one) for one in _listed(value)} for key, value in chosen.items()})


def holding(plan: Plan, trials: Sequence[PlannedTrial], settings: Mapping[str, JSON]) -> Sequence[PlannedTrial]:
    """Return the trials that have exactly these values."""
    return _having(plan, trials, {key: {identity(value)} for key, value in settings.items()}) if settings else trials


def _having(plan: Plan, trials: Sequence[PlannedTrial], allowed: Mapping[str, set[str]]) -> list[PlannedTrial]:
    """Return the trials of which each key has one of the values that are allowed."""
    found = [*trials]
    for key, wanted in allowed.items():
        found = [trial for trial, value in zip(found, _identities(plan, found, key), strict=True) if value in wanted]
    return found


def grouped(plan: Plan, trials: Sequence[PlannedTrial], keys: Sequence[str]) -> list[Group]:
    """Return the lines of a table; each key's values come in the order in which the plan has them."""
    members: dict[tuple[int, ...], list[PlannedTrial]] = {}
    if not keys:
        members[()] = [*trials]
    else:
        columns = [_places(_identities(plan, trials, key)) for key in keys]
        places = [*zip(*columns, strict=True)]
        members = {place: [] for place in dict.fromkeys(places)}
        for trial, place in zip(trials, places, strict=True):
            members[place].append(trial)
    return [
        Group(
            keys={key: plan.value(members[place][0], key) for key in keys},
            trials=tuple({trial.trial_id: trial for trial in members[place]}.values()),
        )
        for place in sorted(members)
    ]


def _identities(plan: Plan, trials: Sequence[PlannedTrial], key: str) -> list[str]:
    return identities(plan.values(trials, key))


def _places(values: Sequence[str]) -> list[int]:
    """Return, for each value, its place among the different ones, in the order in which they come."""
    order = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return [order[value] for value in values]


def agreed(plan: Plan, trials: Iterable[PlannedTrial], key: str) -> JSON:
    """Return the value of a key that all trials share. Raises: LookupError when they do not."""
    values = {identity(value): value for value in (plan.value(trial, key) for trial in trials)}
    if len(values) != 1:
        raise LookupError(key)
    return next(iter(values.values()))


def pooling(ancestry: Ancestry, trials: Sequence[PlannedTrial]) -> str:
    """Return how the runs of one line pool over the stages' seeds: `2 searches × 3`; "" when only one level varies."""
    if not trials or len(trials[0].lineage) == 1:
        return ""
    levels: list[tuple[str, dict[str, set[str]]]] = [(stage, {}) for stage in reversed(trials[0].lineage)]
    for trial in trials:
        path = ""
        for stage, branches in levels:
            above, path = path, f"{path}/{ancestry.slot(trial, stage).key}"
            branches.setdefault(above, set()).add(path)
    counted = [(stage, sorted(len(children) for children in branches.values())) for stage, branches in levels]
    varying = [(stage, sizes) for stage, sizes in counted if sizes != [1] * len(sizes)]
    if not varying or varying[0][0] == trials[0].stage:
        return ""
    words = [f"{sizes[0] if stage == varying[0][0] else _span(sizes)}" for stage, sizes in varying]
    words[0] += f" {plural(varying[0][0])}"
    if len(varying) == 1 and trials[0].stage != varying[0][0]:
        words.append("1")
    return " × ".join(words)


def plural(noun: str) -> str:
    """Return the plural of a stage's name: searches, trains, studies."""
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in tuple("aeiou"):
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def _span(sizes: Sequence[int]) -> str:
    return str(sizes[0]) if sizes[0] == sizes[-1] else f"{sizes[0]}–{sizes[-1]}"


def _listed(value: JSON) -> Sequence[JSON]:
    return value if isinstance(value, list | tuple) else [value]
