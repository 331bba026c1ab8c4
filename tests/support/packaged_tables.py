"""The tables of every packaged experiment, from rows that are made up: each trial measures all that its kind can."""

from collections.abc import Iterator

from orchestrator.document.experiment import load_experiment, packaged
from orchestrator.planning.plan import Plan, expand
from orchestrator.tables.quantities import quantity_of
from orchestrator.tables.table import Table, build
from trainables.catalog import CATALOG, TIMING
from trainables.trial import TrialRow, artifact_digest

TYPICAL = {
    "error": 12.34,
    "accuracy": 84.12,
    "regret": 7.49,
    "size": 3_529_270.0,
    "time": 1.234,
    "count": 12.0,
    "other": 8_765_432_100.0,
}
"""A number of each kind of quantity: as wide as most are."""


def packaged_tables() -> Iterator[tuple[str, Table]]:
    """Yield (experiment, table) of all tables that are packaged."""
    for name in packaged():
        plan = expand(load_experiment(name), CATALOG, max_trials=10**6)
        rows = made_up(plan)
        yield from ((name, build(plan, rows, spec)) for spec in plan.tables)


def made_up(plan: Plan) -> dict[str, TrialRow]:
    """Return a row for every trial: all done, and no two of them alike."""
    rows: dict[str, TrialRow] = {}
    for index, trial in enumerate(plan.trials):
        of_kind = plan.entries[trial.stage]
        known = {metric: TYPICAL[quantity_of(metric).kind] for metric in (*of_kind.metrics, *TIMING)}
        varied = {
            metric: value if quantity_of(metric).kind == "size" else value * (1 + (index % 7) / 100)
            for metric, value in known.items()
        }
        found = {"genotype": {"found": index}}
        taken = {
            parent: {"genotype": artifact_digest(rows[parent].artifacts["genotype"])} for parent in trial.spec.parents
        }
        rows[trial.trial_id] = TrialRow(
            trial_id=trial.trial_id,
            spec=trial.spec,
            config={},
            state="done",
            metrics={metric: value for metric, value in varied.items() if metric not in TIMING},
            timing={metric: value for metric, value in varied.items() if metric in TIMING},
            artifacts={**found, "chosen": {"trial": trial.spec.parents[0]}} if trial.spec.parents else found,
            parents=taken,
        )
    return rows
