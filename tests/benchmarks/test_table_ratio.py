"""A table of 100,000 rows beside a plain version that gives the same numbers, in one process: a ratio.

Plain is what one writes first: each number keeps a record of its run, settings and versions are compared as JSON, and
medians are those of decimal numbers. Measured: 15 times (0.43 s and 6.4 s of CPU on one of two cores that eight others
were using; half of the 0.43 s is waiting for memory).
"""

import json
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from plans import plan

from orchestrator.planning.plan import Plan
from orchestrator.tables.table import Table, build
from trainables.trial import TrialRow, TrialSpec

LINES, SEEDS = 1000, 100
METRICS = ("search_val_error", "search_val_error_best", "params", "addmult", "best_epoch")
"""As many as the packaged tables have columns."""
EXPERIMENT = f"""\
experiment: large
stages:
  search:
    trainable: search
    config: {{dataset: cifar10-mini}}
    grid: {{weighting: [scalar], channels: [4], seed: [0]}}
tables:
  - {{name: large, stage: search, rows: [weighting, channels], columns: [{", ".join(METRICS)}]}}
"""


def large_plan() -> tuple[Plan, dict[str, TrialRow]]:
    """Returns a plan of LINES settings with SEEDS seeds each, and their rows; a few failed, a few are missing."""
    small = plan(EXPERIMENT)
    (pattern,) = small.trials
    random = Random(0)
    trials, rows = [], {}
    for channels in range(LINES):
        for seed in range(SEEDS):
            trial_id = f"{channels:06d}{seed:06d}"
            coordinates = {**pattern.coordinates, "search.channels": channels, "search.seed": seed}
            values = {"search": {**pattern.values["search"], "channels": channels, "seed": seed}}
            trials.append(
                replace(pattern, trial_id=trial_id, label=f"{channels} {seed}", coordinates=coordinates, values=values)
            )
            if random.random() > 0.01:
                rows[trial_id] = row(trial_id, channels, seed, random)
    return replace(small, trials=tuple(trials)), rows


def row(trial_id: str, channels: int, seed: int, random: Random) -> TrialRow:
    error = round(random.uniform(2, 9), 2)
    return TrialRow(
        trial_id=trial_id,
        spec=TrialSpec(trainable="search", version=1, config={"channels": channels}, seed=seed),
        config={},
        state="done" if random.random() > 0.01 else "failed",
        metrics={
            "search_val_error": error,
            "search_val_error_best": error / 2,
            "params": 3e6 + channels,
            "addmult": 5e8,
            "best_epoch": seed + 1.0,
        },
        artifacts={},
        provenance={
            "commit": "a" * 40,
            "code": "b" * 64,
            "versions": {"python": "3.11.7", "torch": "2.0" if random.random() > 0.001 else "2.1", "numpy": "2.4"},
            "hardware": "one GPU",
            "gpus": [1.0],
            "mixed": False,
        },
    )


def plain_table(made: Plan, rows: Mapping[str, TrialRow]) -> list[dict[str, Any]]:
    """Returns, for each line, its cells and its count of runs, as CELL; refuses lines that mix settings."""
    lines: dict[str, list[Any]] = {}
    for trial in made.trials:
        settings = json.dumps([made.value(trial, "weighting"), made.value(trial, "channels")], sort_keys=True)
        lines.setdefault(settings, []).append(trial)
    for trials in lines.values():
        for axis in trials[0].coordinates:
            mixed = {json.dumps(trial.coordinates[axis], sort_keys=True) for trial in trials}
            if not axis.endswith(".seed") and len(mixed) > 1:
                raise ValueError(f"a line mixes {axis}")
    return [{metric: plain_cell(trials, rows, metric) for metric in ("runs", *METRICS)} for trials in lines.values()]


CELL = ("n", "expected", "median", "low", "high")
COMMON = {"commits": ("commit", "code"), "versions": ("versions",), "hardware": ("hardware",)}
"""What runs of one cell should have in common, by the mark of those that have not."""


def plain_cell(trials: list[Any], rows: Mapping[str, TrialRow], metric: str) -> dict[str, Any]:
    evidence = []
    for trial in trials:
        found = rows.get(trial.trial_id)
        state = "missing" if found is None else found.state
        made_by = {} if found is None else found.provenance
        value = None
        if found is not None and state == "done":
            value = 1.0 if metric == "runs" else found.metrics.get(metric, found.timing.get(metric))
            state = "unmeasured" if value is None or not math.isfinite(value) else "done"
        evidence.append({"trial": trial.trial_id, "label": trial.label, "state": state, "value": value, **made_by})
    evidence.sort(key=lambda one: one["label"])
    done = [one for one in evidence if one["state"] == "done"]
    numbers = [Decimal(repr(one["value"])) for one in done]
    marks = {one["state"] for one in evidence} - {"done"}
    for name, keys in COMMON.items():
        if len({json.dumps([one[key] for key in keys], sort_keys=True) for one in done}) > 1:
            marks.add(name)
    if any(one["mixed"] for one in done):
        marks.add("resumed")
    middle = float(statistics.median(numbers))
    found = (len(done), len(evidence), middle, float(min(numbers)), float(max(numbers)))
    return {**dict(zip(CELL, found, strict=True)), "marks": marks}


def as_plain(table: Table) -> list[dict[str, Any]]:
    return [
        {
            column: {**{name: getattr(cell, name) for name in CELL}, "marks": set(cell.marks)}
            for column, cell in {"runs": line.runs, **line.cells}.items()
        }
        for line in table.rows
    ]


def cpu_seconds(work: Callable[[], Any], repeats: int) -> float:
    """Returns the least CPU time, which other processes disturb least."""
    times: list[float] = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


@pytest.mark.slow
def test_a_table_of_a_hundred_thousand_rows_is_made_ten_times_as_fast_as_plainly():
    """Slow: a hundred thousand rows, several times over."""
    made, rows = large_plan()
    (spec,) = made.tables

    assert as_plain(build(made, rows, spec)) == plain_table(made, rows)
    fast = cpu_seconds(lambda: build(made, rows, spec), 4)
    slow = cpu_seconds(lambda: plain_table(made, rows), 1)
    print(f"\n{len(made.trials):,} rows: {fast:.2f} s, plainly {slow:.2f} s: {slow / fast:.1f} times")
    assert slow / fast >= 10
