"""Which planned trials a line of a table stands for.

A key follows the plan's one rule (own stage first, then the nearest ancestor; `stage.key` always works). Seeds pool;
every other axis must be fixed by rows, columns or filter, or two different things would be averaged.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.planning.grids.config_fields import SEED
from orchestrator.planning.grids.keys import find_name
from orchestrator.planning.grids.planned_trial import comparable, identities, identity
from orchestrator.planning.plan import Plan, PlannedTrial
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
        found = [
            trial for trial, value in zip(found, identities(plan.values(found, key)), strict=True) if value in wanted
        ]
    return found


def grouped(plan: Plan, trials: Sequence[PlannedTrial], keys: Sequence[str]) -> list[Group]:
    """Return the lines of a table; each key's values come in the order in which the plan has them."""
    members: defaultdict[tuple[int, ...], list[PlannedTrial]] = defaultdict(list)
    if not keys:
        members[()] = [*trials]
    columns = [_places(comparable(plan.values(trials, key))) for key in keys]
    for place, trial in zip(zip(*columns, strict=True), trials, strict=bool(keys)):
        members[place].append(trial)
    return [
        Group(
            keys={key: plan.value(members[place][0], key) for key in keys},
            trials=tuple(members[place]),
        )
        for place in sorted(members)
    ]


def _places(values: Sequence[Hashable]) -> list[int]:
    """Return, for each value, its place among the different ones, in the order in which they come."""
    order = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return [order[value] for value in values]


def agreed(plan: Plan, trials: Iterable[PlannedTrial], key: str) -> JSON:
    """Return the value of a key that all trials share. Raises: LookupError when they do not."""
    values = {identity(value): value for value in (plan.value(trial, key) for trial in trials)}
    if len(values) != 1:
        raise LookupError(key)
    return next(iter(values.values()))


def pooling(ancestry: Ancestry, trials: Sequence[PlannedTrial], pooled: Sequence[str] = ()) -> str:
    """Return how the runs of one line pool: `2 searches × 3`, `2 values of space × 3`; "" when only seeds of it vary.

    Args:
        pooled: axes beside seeds that pool, each `stage.key`.
    """
    if not trials or (len(trials[0].lineage) == 1 and not pooled):
        return ""
    levels = [level for stage in reversed(trials[0].lineage) for level in _levels(stage, pooled)]
    branches: list[dict[str, set[str]]] = [{} for _ in levels]
    for trial in trials:
        path = ""
        for level, below in zip(levels, branches, strict=True):
            step = identity(trial.coordinates.get(level.axis)) if level.axis else ancestry.slot(trial, level.stage).key
            above, path = path, f"{path}/{step}"
            below.setdefault(above, set()).add(path)
    counted = [
        (level, sorted(len(each) for each in below.values())) for level, below in zip(levels, branches, strict=True)
    ]
    varying = [(level, sizes) for level, sizes in counted if sizes != [1] * len(sizes)]
    own = trials[0].stage
    if not varying or varying[0][0] == _Level(stage=own):
        return ""
    words = [_level_words(level, sizes) for level, sizes in varying[1:]]
    first, sizes = varying[0]
    words.insert(0, f"{sizes[0]} {first.plural}")
    if len(varying) == 1:
        words.append("1")
    return " × ".join(words)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Level:
    """What runs may differ in: the trials of a stage, or the values of an axis that pools."""

    stage: str
    axis: str = ""

    @property
    def plural(self) -> str:
        return f"values of {self.axis.partition('.')[2]}" if self.axis else plural(self.stage)


def _levels(stage: str, pooled: Sequence[str]) -> list[_Level]:
    """Return the levels of a stage: the axes of it that pool, then its trials."""
    axes = [axis for axis in pooled if axis.partition(".")[0] == stage]
    return [*(_Level(stage=stage, axis=axis) for axis in axes), _Level(stage=stage)]


def _level_words(level: _Level, sizes: Sequence[int]) -> str:
    """Return how many there are of a level below the first: the stage that comes next is plain from the table."""
    return f"{span(sizes)} {level.plural}" if level.axis else span(sizes)


def drawn_stage(trials: Sequence[PlannedTrial]) -> str:
    """Return the stage whose seeds are independent draws: the first from the root in which they vary, or the last."""
    stages = [*reversed(trials[0].lineage)]
    varying = (stage for stage in stages[:-1] if len({seed_of(trial, stage) for trial in trials}) > 1)
    return next(varying, stages[-1])


def seed_of(trial: PlannedTrial, stage: str) -> str:
    """Return the seed of a trial or of its ancestor; "null" where it is no axis, or the best of several is taken."""
    return identity(trial.coordinates.get(f"{stage}.{SEED}"))


def pooled_axes(trial: PlannedTrial, keys: Iterable[str]) -> list[str]:
    """Return the axes that keys mean for a table of trials like this one, each `stage.key`."""
    axes = [axis.partition(".") for axis in trial.coordinates]
    lineage = {stage: [name for at, _, name in axes if at == stage] for stage in trial.lineage}
    found = (find_name(key, lineage) for key in keys)
    return [".".join(each) for each in found if each is not None]


def plural(noun: str) -> str:
    """Return the plural of a noun or a stage's name: searches, trains, studies, diagnoses."""
    if noun.endswith("sis"):
        return f"{noun[:-2]}es"
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in tuple("aeiou"):
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def span(sizes: Sequence[int]) -> str:
    """Return the least and the largest of sizes in order: `3`, `2–3`."""
    return str(sizes[0]) if sizes[0] == sizes[-1] else f"{sizes[0]}–{sizes[-1]}"


def same_places(lines: Sequence[Sequence[tuple[str, str]]]) -> set[int]:
    """Return the places at which all of several lines say the same, without marks; none where that are all places.

    Args:
        lines: (text, marks) of each entry.
    """
    several = lines if len(lines) > 1 else ()
    alike = {place for place, said in enumerate(zip(*several, strict=True)) if len({*said}) == 1 and _plain(*said[0])}
    return alike if several and len(alike) < len(several[0]) else set()


def _plain(text: str, marks: str) -> bool:
    return text not in ("", "–") and not marks


def _listed(value: JSON) -> Sequence[JSON]:
    return value if isinstance(value, list | tuple) else [value]
