"""How many runs a line of a table is of, whatever they measured."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.tables.cells import LEFT_OUT, Cell, Column
from orchestrator.tables.evidence import RUN
from orchestrator.tables.grouping import Group, holding
from trainables.trial import JSON


def members_of(
    plan: Plan,
    group: Group,
    sides: Sequence[Mapping[str, JSON]],
    columns: Sequence[Column],
    counts: Sequence[Column],
    total: Column,
) -> dict[str, Sequence[PlannedTrial]]:
    """Return a line's trials by column name; those of each setting side by side are looked for once."""
    here = [holding(plan, group.trials, settings) for settings in sides]
    asked = len(columns) // len(sides)
    found = {column.name: here[index // asked] for index, column in enumerate(columns)}
    return {**found, **{count.name: here[index] for index, count in enumerate(counts)}, total.name: group.trials}


def runs_column(name: str, stage: str) -> Column:
    """Return a column that every run of a stage fills."""
    return Column(asked=name, stage=stage, metric=RUN, own=True)


def runs_of(sides: Sequence[Cell], total: Cell) -> dict[str, Any]:
    """Return what a line says of its runs: of each setting side by side when all are alike, else of all together."""
    there = [side for side in sides if side.expected]
    alike = {(s.n, s.expected, s.marks, s.pooling, *(s.states.get(state) for state in LEFT_OUT)) for s in there}
    return {"runs": there[0], "each": len(there) > 1} if len(alike) == 1 else {"runs": replace(total, pooling="")}
