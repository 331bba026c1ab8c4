"""Reports of made-up rows: a plan of the real catalog, and of each trial a row as a finished one would have written."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from orchestrator.document.experiment import parse_experiment
from orchestrator.ledger import TrialState
from orchestrator.planning.plan import Plan, PlannedTrial, expand
from orchestrator.report.page import page
from orchestrator.report.report import Asked, Report, report_of
from orchestrator.report.results import Sources
from trainables.catalog import CATALOG
from trainables.trial import TrialRow, artifact_digest

GRID = """\
experiment: made
title: {words}
stages:
  search:
    trainable: search
    config: {{dataset: cifar10-mini, space: darts_ssc, epochs: 3, warmup_epochs: 0}}
    grid: {{weighting: [scalar, max_w], seed: [0]}}
  train:
    trainable: train
    needs: search
    config: {{genotype: "${{search.genotype}}", channels: 8, epochs: 3, warmup_epochs: 0}}
    grid: {{schedule: {schedules}, seed: {seeds}}}
tables:
  - name: errors
    stage: train
    rows: [weighting, schedule]
    columns: [test_error, params, addmult, gpu_days_total]
    note: {words}
"""
"""Two searches, and their trainings."""
GENOTYPE = {
    "kind": "cells",
    "operations": "ssc",
    "normal": [["sep_conv_3x3", 0], ["skip_connect", 1]] * 4,
    "normal_concat": [2, 3, 4, 5],
    "reduce": [["max_pool_3x3", 0], ["dil_conv_5x5", 1]] * 4,
    "reduce_concat": [2, 3, 4, 5],
}


def grid(words: str = "Made up", ps: Sequence[float] = (1, 2), seeds: Sequence[int] = (0, 1, 2)) -> str:
    """Return the experiment's text; `words` are its title, a note, and the label of the first of its schedules."""
    seen = "".join(letter for letter in words if letter.isprintable())  # of others no label may be
    labels = [seen if words != "Made up" and not place else f"p={p:g}" for place, p in enumerate(ps)]
    schedules = [{"label": label, "p": p} for label, p in zip(labels, ps, strict=True)]
    return GRID.format(words=json.dumps(words), schedules=json.dumps(schedules), seeds=list(seeds))


def made_row(trial: PlannedTrial, place: int = 0, **changes: Any) -> TrialRow:
    """Return what a finished trial would have written, its numbers by its place."""
    trains = trial.stage == "train"
    error = "test_error" if trains else "search_val_error"
    metrics = {error: 6 + place % 7 / 8, f"{error}_best": 5.5 + place % 5 / 8, "best_epoch": 3.0}
    if trains:
        metrics |= {"test_error_top5": 0.25 + place % 3 / 4, "train_error": 1.5, "test_error_top5_best": 0.25}
        metrics |= {"params": 3_529_270.0, "macs": 5.6e8, "addmult": 576_010_000.0}
    row = TrialRow(
        trial_id=trial.trial_id,
        spec=trial.spec,
        config=dict(trial.values[trial.stage]),
        state="done",
        metrics=metrics,
        artifacts={"genotype": GENOTYPE},
        parents={parent: {"genotype": artifact_digest(GENOTYPE)} for parent in trial.parents},
        timing={
            "started": f"2026-11-{place % 27 + 1:02d}T10:00:00+00:00",
            "finished": f"2026-11-{place % 27 + 1:02d}T12:00:00+00:00",
            "wall_seconds": 7200.0 + place,
            "device_seconds": 7100.25 + place,
            "peak_memory_bytes": 3_000_000_000,
            **{f"{name}_days{total}": 0.0833 for name in ("gpu", "cpu") for total in ("", "_total")},
        },
        provenance={
            "commit": f"{place % 2:040d}",
            "code": "c" * 64,
            "versions": {"python": "3.11.7", "torch": "2.15.0"},
            "hardware": "NVIDIA H100",
            "gpus": [1],
            "host": f"node{place % 16:02d}",
            "threads": 4,
            "attempts": 1,
        },
    )
    return replace(row, **changes)


def made_rows(plan: Plan) -> dict[str, TrialRow]:
    return {trial.trial_id: made_row(trial, place) for place, trial in enumerate(plan.trials)}


def made_report(
    text: str,
    change: Callable[[Plan, dict[str, TrialRow]], None] = lambda plan, rows: None,
    states: Mapping[str, TrialState] | None = None,
    **asked: Any,
) -> Report:
    """Return the report of an experiment all of whose trials are done, but for what `change` does to their rows."""
    experiment = parse_experiment(text, file="made.yaml")
    plan = expand(experiment, CATALOG, max_trials=10_000)
    rows = made_rows(plan)
    change(plan, rows)
    request = {"name": "made.yaml", "overrides": (), "storage": "runs", "folder": "/shared/runs", **asked}
    known = {trial.trial_id: state_of(rows.get(trial.trial_id)) for trial in plan.trials} | dict(states or {})
    return report_of(
        Asked(experiment=experiment, plan=plan, **request),
        rows,
        known,
        Sources(
            read_epochs=lambda row: [{"epoch": epoch, **row.metrics} for epoch in (1, 2, 3)],
            read_file=_no_file,
            grow=lambda more: grown(text, tuple(more)),
        ),
    )


@cache
def grown(text: str, more: tuple[str, ...]) -> Plan:
    return expand(parse_experiment(text, overrides=more), CATALOG, max_trials=10_000)


def state_of(row: TrialRow | None) -> TrialState:
    if row is None:
        return TrialState(state="new", reason="never started")
    if row.state == "failed":
        return TrialState(state="failed", reason=row.error or "failed", row=row)
    return TrialState(state="done", reason="its row is in the storage", row=row)


def _no_file(trial_id: str, name: str) -> bytes:
    raise FileNotFoundError(name)


def large_page() -> str:
    """Return the page of 5,002 trials, in a table of 1,666 lines."""
    ps = [1 + place / 1000 for place in range(833)]
    return page(made_report(grid(ps=ps, seeds=[0, 1, 2])))
