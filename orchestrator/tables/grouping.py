"""Which planned trials a line of a table stands for.

A key follows the plan's one rule (own stage first, then the nearest ancestor; `stage.key` always works). Seeds pool;
every other axis must be fixed by rows, columns or filter, or two different things would be averaged.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.planning.planned_trial import identity
from orchestrator.tables.evidence import Ancestry
from trainables.trial import JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The trials of one line, and the line's keys."""

    keys: Mapping[str, JSON]
    trials: tuple[PlannedTrial, ...]


def selected(plan: Plan, stage: str, chosen: Mapping[str, JSON]) -> list[PlannedTrial]:
    """Return the trials of a stage whose values are the filter's; a list in a filter admits any of its values."""
    allowed = {key: {identity(one) for one in _listed(value)} for key, value in chosen.items()}
    trials = [trial for trial in plan.trials if trial.stage == stage]
    return [trial for trial in trials if all(identity(plan.value(trial, key)) in ids for key, ids in allowed.items())]


def holding(plan: Plan, trials: Iterable[PlannedTrial], settings: Mapping[str, JSON]) -> list[PlannedTrial]:
    """Return the trials that have exactly these values."""
    wanted = {key: identity(value) for key, value in settings.items()}
    return [trial for trial in trials if all(identity(plan.value(trial, k)) == v for k, v in wanted.items())]


def grouped(plan: Plan, trials: Sequence[PlannedTrial], keys: Sequence[str]) -> list[Group]:
    """Return the lines of a table; each key's values come in the order in which the plan has them."""
    order: dict[str, dict[str, int]] = {key: {} for key in keys}
    members: dict[tuple[int, ...], list[PlannedTrial]] = {}
    for trial in trials:
        place = tuple(order[key].setdefault(identity(plan.value(trial, key)), len(order[key])) for key in keys)
        members.setdefault(place, []).append(trial)
    return [
        Group(
            keys={key: plan.value(members[place][0], key) for key in keys},
            trials=tuple({trial.trial_id: trial for trial in members[place]}.values()),
        )
        for place in sorted(members)
    ]


def agreed(plan: Plan, trials: Iterable[PlannedTrial], key: str) -> JSON:
    """Return the value of a key that all trials share. Raises: LookupError when they do not."""
    values = {identity(value): value for value in (plan.value(trial, key) for trial in trials)}
    if len(values) != 1:
        raise LookupError(key)
    return next(iter(values.values()))


def pooling(ancestry: Ancestry, trials: Sequence[PlannedTrial]) -> str:
    """Return how the runs of one line pool over the stages' seeds: `2 searches × 3`; "" when only one level varies."""
    if not trials:
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
