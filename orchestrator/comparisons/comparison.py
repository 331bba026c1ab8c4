"""Arms of a table against each other: DESIGN's one rule, as data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice

from orchestrator.comparisons.arms import Arm, arms_of
from orchestrator.comparisons.permutation import (
    ALPHA,
    Verdict,
    fewest_runs,
    holm,
    paired,
    rearrangements,
    runs_to_settle,
    unpaired,
)
from orchestrator.errors import TableError
from orchestrator.planning.plan import Plan
from orchestrator.tables.cells import Column
from orchestrator.tables.grouping import plural
from orchestrator.tables.quantities import quantity_of
from orchestrator.tables.table import Table, baselines
from trainables.trial import JSON

MOST_COMPARISONS = 1_000
"""Of one table: of more, each would take more runs than anybody has, and all of them minutes to count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two arms, the second against the first."""

    first: Arm
    second: Arm
    seeds: tuple[str, ...]
    """Those of the pairs; none where runs are not paired."""
    single: tuple[str, ...] = ()
    """Seeds of runs that only one of two paired arms has, and that are left out."""
    unpaired: str = ""
    """Why runs are not paired; "" where they are."""
    verdict: Verdict | None = None
    """None where an arm has no run yet."""
    adjusted: float | None = None
    """The p-value, adjusted for all comparisons of the table."""
    best_adjusted: float | None = None
    """The smallest that the adjusted p-value could be, with so many runs and the other comparisons as they are."""
    fewest: int = 0
    """Runs of each arm with which it could be small enough, the other comparisons as they are."""
    needed: int | None = None
    """Runs of each arm that would find a difference of this size; None where that cannot be known."""
    of_accuracies: bool = False
    """Whether its numbers are accuracies, not errors."""

    @property
    def decided(self) -> bool:
        """Whether the arms differ, at 5 % over the whole table."""
        return self.adjusted is not None and self.adjusted <= ALPHA

    @property
    def relative_improvement(self) -> float | None:
        """100·(Acc − Acc of random)/Acc of random, of the accuracies in percent; for errors and accuracies only.

        None unless exactly one of the two arms was drawn at random. Source: arXiv:1912.12522, section 3.
        """
        if self.first.random == self.second.random or not self.first.runs or not self.second.runs:
            return None
        drawn, searched = (self.first, self.second) if self.first.random else (self.second, self.first)
        chance, found = (arm.mean if self.of_accuracies else 100 - arm.mean for arm in (drawn, searched))
        return 100 * (found - chance) / chance if chance else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparisons:
    """All comparisons of one metric of a table."""

    table: str
    title: str
    metric: str
    """As the table's author named it."""
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    family: int = 0
    """How many of them were tested, and share the level."""


def compare(
    plan: Plan, table: Table, metric: str | None = None, against: Mapping[str, JSON] | None = None
) -> Comparisons:
    """Return the comparisons of one metric, by default of what the table's `compare` names, else of the first error.

    An arm is a line of the table, or a setting that stands side by side with others in one. Each is compared with the
    line that has the values of `against`, by default those of the table's `compare` or of its baseline; where none of
    them says so, all are compared with each other.

    Raises: TableError for a metric that is no column, and where there is nothing to compare.
    """
    asked = table.compare
    columns = columns_of(table, metric or (asked and asked.metric))
    grid = [arms_of(plan, table, column) for column in columns]
    held = against or (asked and asked.against) or table.baseline
    pairs = list(islice(_pairs(table, grid, held or {}), MOST_COMPARISONS + 1))
    if len(pairs) > MOST_COMPARISONS:
        raise TableError(
            f"table {table.name!r} has more than {MOST_COMPARISONS:,} pairs of lines; "
            "name the line that the others are held against, as `compare: {against: …}` or as its baseline"
        )
    pairs = [pair for pair in pairs if not _overlap(*pair)]
    if not pairs:
        raise TableError(f"table {table.name!r} has nothing to compare: it takes two lines that stand for trials")
    rising = quantity_of(columns[0].metric).rising
    drafts = [replace(_compared(first, second), of_accuracies=rising) for first, second in pairs]
    return Comparisons(
        table=table.name,
        title=table.title,
        metric=columns[0].asked,
        arms=tuple(arm for row in zip(*grid, strict=True) for arm in row if arm is not None),
        comparisons=judged(drafts),
        family=sum(_p(draft) is not None for draft in drafts),
    )


def columns_of(table: Table, metric: str | None) -> list[Column]:
    """Return the columns of a metric, by default of the first error: one, or one for each setting side by side.

    Raises: TableError.
    """
    asked = list(dict.fromkeys(column.asked for column in table.columns))
    if metric is not None and metric not in asked:
        raise TableError(f"table {table.name!r} has no column {metric!r}; it has {', '.join(asked)}")
    found = {column.asked: quantity_of(column.metric) for column in table.columns}
    measured = sorted(
        (name for name in asked if found[name].kind not in ("size", "time")), key=lambda name: not found[name].judges
    )
    if metric is None and not measured:
        raise TableError(f"table {table.name!r} has no column of errors; name one: {', '.join(asked)}")
    return [column for column in table.columns if column.asked == (metric or measured[0])]


def _pairs(table: Table, grid: Sequence[Sequence[Arm | None]], held: Mapping[str, JSON]) -> Iterator[tuple[Arm, Arm]]:
    """Yield what is compared, first the arm that the other is held against; `grid` goes by column, then line."""
    if held:
        places = baselines(table.rows, held, by_label=table.written_out)
        pairs = [
            (arms[place], arm) for arms in grid for place, arm in zip(places, arms, strict=True) if place is not None
        ]
    else:
        pairs = combinations([arm for row in zip(*grid, strict=True) for arm in row if arm is not None], 2)
    yield from ((first, second) for first, second in pairs if first is not None and second is not None)


def _overlap(first: Arm, second: Arm) -> bool:
    """Say whether some trial stands in both."""
    ours, theirs = ({each for trials in arm.trials.values() for each in trials} for arm in (first, second))
    return bool(ours & theirs)


def _compared(first: Arm, second: Arm) -> Comparison:
    shared = tuple(seed for seed in first.runs if seed in second.runs)
    reason = ""
    if first.kind != second.kind:
        reason = _unlike(first, second)
    elif not set(first.seeds) & set(second.seeds):
        reason = "they have no seed in common"
    if reason:
        ours, theirs = list(first.runs.values()), list(second.runs.values())
        verdict = unpaired(ours, theirs) if ours and theirs else None
        return Comparison(first=first, second=second, seeds=(), unpaired=reason, verdict=verdict)
    verdict = paired([first.runs[s] for s in shared], [second.runs[s] for s in shared]) if shared else None
    single = tuple(dict.fromkeys(s for s in (*first.runs, *second.runs) if s not in shared))
    return Comparison(first=first, second=second, seeds=shared, single=single, verdict=verdict)


def _unlike(first: Arm, second: Arm) -> str:
    """Return why arms whose runs are of unlike kinds are not paired: `Handmade has no search`."""
    for arm, other in ((first, second), (second, first)):
        if other.kind not in arm.kinds:
            return f"{arm.label} has no {other.stage}"
    return f"the runs of one are {plural(first.noun)}, those of the other {plural(second.noun)}"


def all_pairs(arms: Sequence[Arm]) -> tuple[Comparison, ...]:
    """Return the comparisons of each arm with each other; of those that share no trial."""
    return judged([_compared(*pair) for pair in combinations(arms, 2) if not _overlap(*pair)])


def judged(drafts: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Return comparisons with their p-values adjusted for all of them, and with what it takes where one is open."""
    places = [place for place, draft in enumerate(drafts) if _p(draft) is not None]
    p_values = [_p(drafts[place]) or 0.0 for place in places]
    adjusted = dict(zip(places, holm(p_values), strict=True))
    return tuple(
        _opened(replace(draft, adjusted=adjusted.get(place)), p_values, places.index(place) if place in places else -1)
        for place, draft in enumerate(drafts)
    )


def _p(draft: Comparison) -> float | None:
    return draft.verdict.p if draft.verdict else None


def _opened(one: Comparison, p_values: Sequence[float], rank: int) -> Comparison:
    """Return a comparison with what its p-value could be, and the runs that would decide it where it is open."""
    if one.verdict is None:
        return one
    verdict, family = one.verdict, max(1, len(p_values))

    def adjusted(p: float) -> float:
        return holm([p if place == rank else other for place, other in enumerate(p_values)])[rank]

    fewest = 1
    while rank >= 0 and adjusted(min(1.0, 2 / rearrangements(fewest, verdict.paired))) > ALPHA:
        fewest += 1
    return replace(
        one,
        best_adjusted=adjusted(verdict.smallest_p) if rank >= 0 else None,
        fewest=fewest if rank >= 0 else fewest_runs(verdict.paired, ALPHA / family),
        needed=None if one.decided else runs_to_settle(verdict, alpha=ALPHA / family),
    )
