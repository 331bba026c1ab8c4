"""The runs of a report: a table for each stage, and all that is known of each run, for the page's script."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.ledger import TrialState
from orchestrator.planning.grids.planned_trial import identity
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.tables.evidence import Evidence, Record, Slot, evidence_for
from orchestrator.tables.layout import key_text
from orchestrator.tables.quantities import quantity_of
from orchestrator.words import duration, unrounded
from trainables.trial import JSON, TrialRow, canonical_json

MOST_METRICS = 5
"""Columns of measurements in a table of runs; all others are in the data."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """What some runs were computed by and on."""

    number: int
    """From 1, in the order in which the plan's runs have them."""
    commit: str
    code: str
    """The digest of the code, shortened."""
    versions: str
    hardware: str
    threads: str
    runs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One line of a table of runs."""

    trial_id: str
    place: str
    """The id of its line in the page."""
    settings: tuple[str, ...]
    """Its values of the axes, in the order of the table's."""
    state: str
    numbers: tuple[str, ...]
    """What it measured, in the order of the table's metrics; "" where nothing."""
    took: str
    environment: int
    """The number of its environment; 0 where there is none yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageRuns:
    """All runs of one stage."""

    stage: str
    axes: tuple[str, ...]
    metrics: tuple[str, ...]
    titles: tuple[str, ...]
    """Of the metrics."""
    runs: tuple[Run, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    """All runs of a plan."""

    stages: tuple[StageRuns, ...]
    environments: tuple[Environment, ...]
    details: Mapping[str, Any] = field(default_factory=dict)
    """What the page's script shows of one run; every list is in the order of the lines."""


def run_place(trial_id: str) -> str:
    """Return the id of a run's line in the page."""
    return f"run-{trial_id}"


def runs_of(
    plan: Plan,
    rows: Mapping[str, TrialRow],
    states: Mapping[str, TrialState],
    tabulated: Mapping[str, Sequence[str]],
    folder: str,
) -> Runs:
    """Return the runs of a plan.

    Args:
        tabulated: stage -> the metrics that tables show of it; they come first.
        folder: where the folders of trials are.
    """
    origins = {trial.trial_id: _origin(rows.get(trial.trial_id)) for trial in plan.trials}
    numbers: dict[str, int] = {}
    for origin in origins.values():
        if origin is not None:
            numbers.setdefault(canonical_json(origin), len(numbers) + 1)
    places = {trial_id: numbers[canonical_json(o)] if o else 0 for trial_id, o in origins.items()}
    stages = [stage for stage in plan.stages if any(True for _ in plan.of_stage(stage))]
    return Runs(
        stages=tuple(_stage(plan, stage, rows, states, tabulated.get(stage, ()), places) for stage in stages),
        environments=tuple(_environments(origins.values(), numbers)),
        details={"folder": folder, "stages": [_details(plan, stage, rows, states) for stage in stages]},
    )


def _stage(
    plan: Plan,
    stage: str,
    rows: Mapping[str, TrialRow],
    states: Mapping[str, TrialState],
    tabulated: Sequence[str],
    places: Mapping[str, int],
) -> StageRuns:
    trials = list(plan.of_stage(stage))
    axes = varying_axes(trials)
    metrics = _metrics(trials, rows, tabulated)
    record = Record(rows, plan.entries)
    return StageRuns(
        stage=stage,
        axes=tuple(axis_title(stage, axis) for axis in axes),
        metrics=metrics,
        titles=tuple(quantity_of(metric).title for metric in metrics),
        runs=tuple(
            Run(
                trial_id=trial.trial_id,
                place=run_place(trial.trial_id),
                settings=tuple(key_text(trial.coordinates.get(axis)) for axis in axes),
                state=state_of(trial, record, states),
                numbers=tuple(number_of(evidence(record, trial, metric)) for metric in metrics),
                took=_took(rows.get(trial.trial_id)),
                environment=places[trial.trial_id],
            )
            for trial in trials
        ),
    )


def state_of(trial: PlannedTrial, record: Record, states: Mapping[str, TrialState]) -> str:
    """Return where a trial stands; `untrusted` for one that is done and counts in no table."""
    if record.distrust(trial.trial_id):
        return "untrusted"
    return states[trial.trial_id].state


def evidence(record: Record, trial: PlannedTrial, metric: str) -> Evidence:
    return evidence_for(record, Slot(candidates=(trial,), chosen=trial), metric)


def number_of(one: Evidence) -> str:
    """Return a measured value as it is, unrounded but for what no one measures; "" where there is none."""
    return unrounded(one.value)


def varying_axes(trials: Sequence[PlannedTrial]) -> list[str]:
    """Return the axes (`stage.key`) of which trials have several values, ancestors' first; their own seed always."""
    values: dict[str, set[str]] = {}
    for trial in trials:
        for axis, value in trial.coordinates.items():
            values.setdefault(axis, set()).add(identity(value))
    own = trials[0].stage if trials else ""
    axes = [axis for axis, found in values.items() if len(found) > 1 or axis == f"{own}.seed"]
    return [axis for axis in axes if not axis.startswith(f"{own}.")] + [a for a in axes if a.startswith(f"{own}.")]


def axis_title(stage: str, axis: str) -> str:
    """Return what an axis is called among the runs of a stage: `p`, `search: seed`."""
    of, _, key = axis.rpartition(".")
    return key if of == stage or key != "seed" else f"{of}: {key}"


def _metrics(trials: Sequence[PlannedTrial], rows: Mapping[str, TrialRow], tabulated: Sequence[str]) -> tuple[str, ...]:
    """Return what stands in the table: what tables show, then errors, as long as there is room."""
    measured = dict.fromkeys(m for t in trials if t.trial_id in rows for m in rows[t.trial_id].metrics)
    wanted = [metric for metric in tabulated if metric in measured]
    errors = [metric for metric in measured if quantity_of(metric).judges and metric not in wanted]
    others = [metric for metric in measured if metric not in (*wanted, *errors)]
    return tuple([*wanted, *errors, *others][: max(len(wanted), MOST_METRICS)])


def _took(row: TrialRow | None) -> str:
    seconds = row.timing.get("wall_seconds") if row is not None else None
    return duration(float(seconds)) if seconds is not None else ""


def _origin(row: TrialRow | None) -> dict[str, JSON] | None:
    """Return what a row says of the code and machine it was computed by."""
    if row is None:
        return None
    told = row.provenance
    return {name: told.get(name) for name in ("commit", "code", "versions", "hardware", "gpus", "threads")}


def _environments(origins: Iterable[Mapping[str, JSON] | None], numbers: Mapping[str, int]) -> Iterable[Environment]:
    found = [canonical_json(origin) for origin in origins if origin is not None]
    told = {canonical_json(origin): origin for origin in origins if origin is not None}
    for key, number in numbers.items():
        origin = told[key]
        gpus = origin["gpus"] or []
        share = f", {', '.join(f'{each:g}' for each in gpus)} GPU" if gpus else ""
        versions = origin["versions"] or {}
        yield Environment(
            number=number,
            commit=str(origin["commit"] or "not recorded"),
            code=str(origin["code"] or "")[:12],
            versions=", ".join(f"{name} {version}" for name, version in versions.items()) or "not recorded",
            hardware=f"{origin['hardware'] or 'not recorded'}{share}",
            threads="" if origin["threads"] is None else str(origin["threads"]),
            runs=found.count(key),
        )


def _details(plan: Plan, stage: str, rows: Mapping[str, TrialRow], states: Mapping[str, TrialState]) -> dict[str, JSON]:
    """Return all of a stage's runs as columns: what they share once, and of each what it has for itself."""
    trials = list(plan.of_stage(stage))
    shared, differing = shared_settings(trials)
    there = [rows.get(trial.trial_id) for trial in trials]
    metrics = list(dict.fromkeys(name for row in there if row for name in row.metrics))
    timing = list(dict.fromkeys(name for row in there if row for name in row.timing))
    hosts = list(dict.fromkeys(str(row.provenance.get("host") or "") for row in there if row))
    return {
        "stage": stage,
        "ids": [trial.trial_id for trial in trials],
        "parents": [list(trial.parents) for trial in trials],
        "shared": {name: key_text(value) for name, value in shared.items()},
        "differing": {name: [key_text(value) for value in values] for name, values in differing.items()},
        "metrics": {name: _column([row and row.metrics.get(name) for row in there]) for name in metrics},
        "timing": {name: _column([row and row.timing.get(name) for row in there]) for name in timing},
        "hosts": hosts,
        "host": _column([hosts.index(str(row.provenance.get("host") or "")) if row else None for row in there]),
        "twins": {place: row.adopted_from for place, row in enumerate(there) if row and row.adopted_from},
        "attempts": _column([row and row.provenance.get("attempts") for row in there]),
        "reasons": {
            place: states[trial.trial_id].reason
            for place, trial in enumerate(trials)
            if states[trial.trial_id].state != "done"
        },
    }


def _column(values: list[JSON]) -> list[JSON]:
    """Return a column as it is written: of values that are all the same, one."""
    return values[:1] if all(value == values[0] for value in values) else values


def shared_settings(trials: Sequence[PlannedTrial]) -> tuple[dict[str, JSON], dict[str, list[JSON]]]:
    """Return the settings that all trials of a stage have alike, and of all others each trial's value."""
    stage = trials[0].stage
    columns = {name: [trial.values[stage].get(name) for trial in trials] for name in trials[0].values[stage]}
    alike = {name for name, values in columns.items() if len({identity(value) for value in values}) == 1}
    return (
        {name: values[0] for name, values in columns.items() if name in alike},
        {name: values for name, values in columns.items() if name not in alike},
    )
