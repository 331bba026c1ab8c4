"""A storage of an experiment on NAS-Bench-201 that nobody ran: rows, epochs and weights as its trials would leave them.

Numbers are drawn from each trial's own seed; no cell is looked up, and no network is built.
"""

import hashlib
import random
from pathlib import Path
from typing import Any

from orchestrator.document.experiment import load_experiment
from orchestrator.planning.plan import Plan, PlannedTrial, expand
from orchestrator.tables.quantities import quantity_of
from trainables.catalog import CATALOG
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder, epochs_parquet
from trainables.trial import TrialRow, artifact_digest

TYPICAL = {"error": 40.0, "accuracy": 84.0, "regret": 7.5, "size": 1e6, "time": 1.0, "count": 3.0, "other": 0.25}
WEIGHTS = "weights-last.safetensors"
COMMIT = "0123456" + "0" * 33
EPOCHS = 50


def write_benchmarked(folder: Path, experiment: str = "nas_bench_201_small", epochs: int = EPOCHS) -> Plan:
    """Write a row, and its files, of every trial of an experiment below a folder; return its plan."""
    plan = expand(load_experiment(experiment), CATALOG)
    storage = open_storage(folder)
    rows: dict[str, TrialRow] = {}
    for place, trial in enumerate(plan.trials):
        row = _row(plan, trial, place, epochs)
        held = TrialFolder(storage, trial.trial_id)
        rows[trial.trial_id] = with_parents = _child(row, rows)
        for name, data in _files(plan, trial, epochs).items():
            storage.write(f"{held.path}/{_path(name)}", data, durable=False)
        held.write_spec(trial.spec, dict(row.provenance["asked_by"]))
        storage.write(f"{held.path}/log.txt", b"a line\n", durable=False)
        held.commit_row(with_parents)
    return plan


def _path(name: str) -> str:
    stem, _, ending = name.rpartition(".")
    return f"{stem}.0001.00000000.{ending}"


def _numbers(plan: Plan, trial: PlannedTrial, draw: random.Random, names: Any) -> dict[str, float]:
    found = {}
    for name in names:
        kind = quantity_of(name).kind
        value = TYPICAL[kind] * draw.uniform(0.8, 1.1)
        found[name] = float(round(value)) if kind in ("count", "size") else value
    return found


def _files(plan: Plan, trial: PlannedTrial, epochs: int) -> dict[str, bytes]:
    draw = random.Random(trial.trial_id)
    many = epochs if trial.stage == "search" else 1
    history = []
    for epoch in range(1, many + 1):
        numbers = _numbers(plan, trial, draw, plan.entries[trial.stage].curves)
        alphas = [[draw.gauss(0, 1) for _ in range(5)] for _ in range(6)]
        history.append({**numbers, "epoch": epoch, **({"alphas": alphas} if trial.stage == "search" else {})})
    files = {"epochs.parquet": epochs_parquet(history)}
    return {**files, WEIGHTS: trial.trial_id.encode() * 3000} if trial.stage == "search" else files


def _row(plan: Plan, trial: PlannedTrial, place: int, epochs: int) -> TrialRow:
    draw = random.Random(trial.trial_id)
    files = _files(plan, trial, epochs)
    cells = [{"cell": f"{draw.randrange(10**6):06}", "one_shot_accuracy": draw.random()} for _ in range(100)]
    return TrialRow(
        trial_id=trial.trial_id,
        spec=trial.spec,
        config=dict(trial.effective[trial.stage]),
        state="done",
        metrics=_numbers(plan, trial, draw, plan.entries[trial.stage].metrics),
        artifacts={"sampled_cells": cells} if trial.stage == "diagnose" else {"genotype": {"drawn": place}},
        files={
            name: {"path": _path(name), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in files.items()
        },
        timing={
            "started": f"2026-01-05T{place // 2:02}:00:00+00:00",
            "finished": f"2026-01-05T{place // 2:02}:45:00+00:00",
            "wall_seconds": 2700.0 + place,
            "cpu_days": 0.03,
            "gpu_days": 0.0,
        },
        provenance={
            "asked_by": {"experiment": plan.experiment, "stage": trial.stage, "label": trial.label},
            "commit": COMMIT,
            "hardware": "made up",
            "threads": 1,
            "attempts": 1 + (place == 3),
            "versions": {"python": "3.11.7", "torch": "2.15.0"},
        },
    )


def _child(row: TrialRow, rows: dict[str, TrialRow]) -> TrialRow:
    """Return a row that says what it took from its parents."""
    from dataclasses import replace

    taken = {parent: {WEIGHTS: artifact_digest(rows[parent].found(WEIGHTS))} for parent in row.spec.parents}
    return replace(row, parents=taken)
