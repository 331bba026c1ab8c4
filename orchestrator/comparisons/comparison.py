"""Arms of a table against each other: DESIGN's one rule, as data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from orchestrator.comparisons.arms import Arm, arms_of
from orchestrator.comparisons.permutation import ALPHA, Verdict, holm, paired, runs_to_settle, unpaired
from orchestrator.errors import TableError
from orchestrator.planning.plan import Plan
from orchestrator.tables.cells import Column
from orchestrator.tables.grouping import plural
from orchestrator.tables.quantities import quantity_of
from orchestrator.tables.table import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two arms, the second against the first."""

    first: Arm
    second: Arm
    seeds: tuple[str, ...]
    """Those of the pairs; none where runs are not paired."""
    unpaired: str = ""
    """Why runs are not paired; "" where they are."""
    verdict: Verdict | None = None
    """None where an arm has no run yet."""
    adjusted: float | None = None
    """The p-value, adjusted for all comparisons of the table."""
    needed: int | None = None
    """Runs of each arm that would find a difference of this size; None where that cannot be known."""

    @property
    def decided(self) -> bool:
        """Whether the arms differ, at 5 % over the whole table."""
        return self.adjusted is not None and self.adjusted <= ALPHA


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparisons:
    """All comparisons of one metric of a table."""

    table: str
    title: str
    metric: str
    """As the table's author named it."""
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]


def compare(plan: Plan, table: Table, metric: str | None = None) -> Comparisons:
    """Return the comparisons of one metric, by default of the first error, or whatever else it measures.

    An arm is a line of the table, or a setting that stands side by side with others in one. Each is compared with the
    line that is the table's baseline for it, where there is one; else all are compared with each other.

    Raises: TableError for a metric that is no column, and where there is nothing to compare.
    """
    columns = _columns(table, metric)
    grid = [arms_of(plan, table, column) for column in columns]
    drafts = [_compared(first, second) for first, second in _pairs(table, grid)]
    if not drafts:
        raise TableError(f"table {table.name!r} has nothing to compare: it takes two lines that stand for trials")
    tested = [draft.verdict.p for draft in drafts if draft.verdict and draft.verdict.p is not None]
    adjusted = iter(holm(tested))
    return Comparisons(
        table=table.name,
        title=table.title,
        metric=columns[0].asked,
        arms=tuple(arm for row in zip(*grid, strict=True) for arm in row if arm is not None),
        comparisons=tuple(_judged(draft, adjusted, len(tested)) for draft in drafts),
    )


def _columns(table: Table, metric: str | None) -> list[Column]:
    """Return the columns of a metric: one, or one for each of the settings that stand side by side."""
    asked = list(dict.fromkeys(column.asked for column in table.columns))
    if metric is not None and metric not in asked:
        raise TableError(f"table {table.name!r} has no column {metric!r}; it has {', '.join(asked)}")
    kinds = {column.asked: quantity_of(column.metric).kind for column in table.columns}
    measured = sorted(
        (name for name in asked if kinds[name] not in ("size", "time")), key=lambda name: kinds[name] != "error"
    )
    if metric is None and not measured:
        raise TableError(f"table {table.name!r} has no column of errors; name one: {', '.join(asked)}")
    return [column for column in table.columns if column.asked == (metric or measured[0])]


def _pairs(table: Table, grid: Sequence[Sequence[Arm | None]]) -> Iterator[tuple[Arm, Arm]]:
    """Yield what is compared, first the arm that the other is held against; `grid` goes by column, then line."""
    if any(row.baseline is not None for row in table.rows):
        pairs = [
            (arms[row.baseline], arm)
            for arms in grid
            for row, arm in zip(table.rows, arms, strict=True)
            if row.baseline is not None
        ]
    else:
        pairs = list(combinations([arm for row in zip(*grid, strict=True) for arm in row], 2))
    yield from ((first, second) for first, second in pairs if first is not None and second is not None)


def _compared(first: Arm, second: Arm) -> Comparison:
    shared = tuple(seed for seed in first.runs if seed in second.runs)
    reason = ""
    if first.kind != second.kind:
        reason = f"the runs of one are {plural(first.stage)}, those of the other {plural(second.stage)}"
    elif not set(first.seeds) & set(second.seeds):
        reason = "they have no seed in common"
    if reason:
        ours, theirs = list(first.runs.values()), list(second.runs.values())
        verdict = unpaired(ours, theirs) if ours and theirs else None
        return Comparison(first=first, second=second, seeds=(), unpaired=reason, verdict=verdict)
    verdict = paired([first.runs[s] for s in shared], [second.runs[s] for s in shared]) if shared else None
    return Comparison(first=first, second=second, seeds=shared, verdict=verdict)


def _judged(draft: Comparison, adjusted: Iterator[float], family: int) -> Comparison:
    """Return a comparison with its p-value adjusted, and the runs that would decide it where it is open."""
    if draft.verdict is None:
        return draft
    judged = replace(draft, adjusted=next(adjusted) if draft.verdict.p is not None else None)
    return (
        judged
        if judged.decided
        else replace(judged, needed=runs_to_settle(draft.verdict, alpha=ALPHA / max(1, family)))
    )
