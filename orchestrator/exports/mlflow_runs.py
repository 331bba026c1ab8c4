"""Trials as runs of MLflow, in a database file unless its own variable MLFLOW_TRACKING_URI says otherwise.

A run carries its trial's id and a digest of what it was told, the last thing that is written. One that was exported
before is left as it is where nothing differs; any other of the same trial is deleted (MLflow keeps it in its trash).
"""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import LedgerError
from orchestrator.exports.trials import Curve

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient  # pyright: ignore[reportMissingImports]  (an extra)

TRIAL, DIGEST = "sharptune.trial", "sharptune.digest"
MOST_AT_ONCE = 100
"""What MLflow takes in one request: so many parameters; ten times as many numbers."""
LONGEST = 6000
"""A parameter's value."""
MISSING = "mlflow is not installed: pip install 'sharptune[mlflow]'"


def address_of(file: Path | None) -> str:
    """Return where runs go: a database file, or where MLflow's own settings say, or `mlflow.db`."""
    said = os.environ.get("MLFLOW_TRACKING_URI")
    return said if said and file is None else f"sqlite:///{(file or Path('mlflow.db')).absolute()}"


def export(curves: Iterable[Curve], address: str) -> list[str]:
    """Write a run for each trial, in an experiment of the same name as ours; return the ids of the runs.

    Raises: LedgerError where MLflow is not installed, or refuses.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        from mlflow.exceptions import MlflowException  # pyright: ignore[reportMissingImports]
        from mlflow.tracking import MlflowClient  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise LedgerError(MISSING) from error
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        client = MlflowClient(tracking_uri=address)
        return [_write(client, curve) for curve in curves]
    except MlflowException as error:
        raise LedgerError(f"mlflow: {str(error).splitlines()[0]}") from error


def _write(client: "MlflowClient", curve: Curve) -> str:
    known = client.get_experiment_by_name(curve.trial.project)
    experiment = known.experiment_id if known else client.create_experiment(curve.trial.project)
    before = client.search_runs([experiment], f"tags.`{TRIAL}` = '{curve.trial.trial_id}'")
    same = [run for run in before if run.data.tags.get(DIGEST) == curve.digest]
    for run in before:
        if run not in same[:1]:
            client.delete_run(run.info.run_id)
    return same[0].info.run_id if same else _log(client, experiment, curve)


def _log(client: "MlflowClient", experiment: str, curve: Curve) -> str:
    from mlflow.entities import Metric, Param  # pyright: ignore[reportMissingImports]

    trial = curve.trial
    told = {TRIAL: trial.trial_id, "stage": trial.stage, "label": trial.label, "error": curve.trial.error}
    tags = {name: str(value) for name, value in told.items() if value is not None}
    run = client.create_run(experiment, int(curve.started * 1000), tags=tags, run_name=trial.name).info.run_id
    settings = [Param(name, str(value)[:LONGEST]) for name, value in trial.settings.items()]
    for some in _parts(settings, MOST_AT_ONCE):
        client.log_batch(run, params=some)
    numbers = [
        Metric(name, float(value), int(when * 1000), epoch)
        for epoch, when, each in curve.points()
        for name, value in each.items()
    ]
    numbers += [Metric(f"final/{name}", value, int(curve.finished * 1000), 0) for name, value in curve.found.items()]
    for some in _parts(numbers, 10 * MOST_AT_ONCE):
        client.log_batch(run, metrics=some)
    status = "FINISHED" if curve.trial.state == "done" else "FAILED"
    client.set_terminated(run, status, int(curve.finished * 1000))
    client.set_tag(run, DIGEST, curve.digest)
    return run


def _parts(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    left = iter(items)
    while part := list(islice(left, size)):
        yield part
