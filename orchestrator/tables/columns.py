"""The columns of a table: what each measures, at which stage, and which settings stand side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.document.spec import ColumnSpec, TableSpec
from orchestrator.errors import TableError
from orchestrator.planning.grids.keys import find_name
from orchestrator.planning.plan import Plan
from orchestrator.tables.cells import Column
from orchestrator.tables.quantities import quantity_of
from trainables.catalog import TIMING
from trainables.errors import SharptuneError
from trainables.trial import TrialRow


def ask(
    plan: Plan, rows: Mapping[str, TrialRow], lineage: Sequence[str], spec: TableSpec
) -> tuple[list[Column], list[str]]:
    """Return the measured columns, and the keys whose values stand side by side.

    A bare metric is the own stage's if it measures such a thing, else the nearest ancestor's. Raises: TableError.
    """
    known = _declared(plan, lineage)
    if not {column.metric for column in spec.columns} <= known[spec.stage]:
        known = known_metrics(plan, rows, lineage)
    measured: list[Column] = []
    keys: list[str] = []
    for column in spec.columns:
        name = column.metric
        stage, _, metric = name.rpartition(".")
        if stage and stage not in lineage:
            raise TableError(f"table {spec.name!r}: column {name!r} names no stage among {', '.join(lineage)}")
        found = find_name(name, known)
        if found is None and _is_setting(plan, spec, name):
            keys.append(name)
            continue
        place = found[0] if found else stage or spec.stage
        statistic = column.statistic or spec.statistic
        measured.append(
            Column(
                asked=column.name,
                stage=place,
                metric=metric,
                own=place == spec.stage,
                best=statistic == "best" and quantity_of(metric).judges,
                **written(column),
            )
        )
    if not measured:
        raise TableError(f"table {spec.name!r} has settings as columns but nothing measured")
    return measured, keys


def written(column: ColumnSpec) -> dict[str, Any]:
    """Return what an author says of how a column is written."""
    return {
        "title": column.title or "",
        "short": column.short or "",
        "unit": column.unit,
        "digits": column.digits,
        "change": column.change is not False,
    }


def known_metrics(plan: Plan, rows: Mapping[str, TrialRow], lineage: Sequence[str]) -> dict[str, set[str]]:
    """Return what each of these stages measures, by the kind of its trials and by the rows it has."""
    known = _declared(plan, lineage)
    for trial in plan.trials:
        metrics = known.get(trial.stage)
        row = rows.get(trial.trial_id) if metrics is not None else None
        if metrics is not None and row is not None and not row.metrics.keys() <= metrics:
            metrics.update(row.metrics)
    return known


def _declared(plan: Plan, lineage: Sequence[str]) -> dict[str, set[str]]:
    return {stage: {*TIMING, *plan.entries[stage].metrics} for stage in lineage}


def _is_setting(plan: Plan, spec: TableSpec, key: str) -> bool:
    """Say whether the plan has a value for this key; what it raises for others is its own affair."""
    trial = next(trial for trial in plan.trials if trial.stage == spec.stage)
    try:
        plan.value(trial, key)
    except (LookupError, SharptuneError):
        return False
    return True
