"""A figure is a pure function of a plan, the epochs of its trials, and what the author asked for.

A curve that settings alone determine, such as learning rates, can be drawn before anything has run.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.document.spec import FigureSpec
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.tables.evidence import Record
from orchestrator.tables.grouping import grouped, selected
from orchestrator.tables.layout import key_text
from orchestrator.tables.statistics import median_range
from trainables.trial import JSON, TrialRow

Epochs = Sequence[Mapping[str, JSON]]
"""The rows of a trial's `epochs.parquet`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One line: the median over its trials in every epoch that all of them have, and their range."""

    label: str
    epochs: tuple[int, ...]
    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    trials: tuple[str, ...]
    expected: int
    """How many trials the plan has for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """Curves under one title."""

    metric: str
    title: str
    log: bool
    curves: tuple[Curve, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure, ready to be drawn."""

    name: str
    title: str
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = ()
    """Which trials are left out though they are done, and why: one sentence each."""

    def to_json(self) -> dict[str, JSON]:
        """Return everything that is drawn, and which trials it comes from."""
        return {
            "name": self.name,
            "title": self.title,
            "notes": list(self.notes),
            "panels": [
                {
                    "metric": panel.metric,
                    "title": panel.title,
                    "log": panel.log,
                    "curves": [
                        {
                            "label": curve.label,
                            "epochs": list(curve.epochs),
                            **{name: list(getattr(curve, name)) for name in ("median", "low", "high", "trials")},
                            "n": len(curve.trials),
                            "expected": curve.expected,
                        }
                        for curve in panel.curves
                    ],
                }
                for panel in self.panels
            ],
        }


def build_figure(
    plan: Plan, rows: Mapping[str, TrialRow], spec: FigureSpec, read_epochs: Callable[[TrialRow], Epochs]
) -> Figure:
    """Return the figure that an experiment asks for.

    Args:
        rows: by trial id, as `Ledger.rows` has them; a row that cannot be trusted is left out.
        read_epochs: returns the epochs of a finished trial; one that has no such curve is left out, with a note.
    """
    record = Record(rows)
    groups = grouped(plan, selected(plan, spec.stage, spec.filter), spec.lines)
    known: dict[str, Epochs] = {}
    notes: dict[str, None] = {}

    def values_of(trial: PlannedTrial, metric: str) -> dict[int, float]:
        planned = plan.entries[trial.stage].planned_curve(metric, trial.values[trial.stage])
        if planned is not None:
            return dict(enumerate(planned, start=1))
        row = rows.get(trial.trial_id)
        if row is None or row.state != "done" or record.distrust(trial.trial_id):
            return {}
        if trial.trial_id not in known:
            known[trial.trial_id] = read_epochs(row)
        values = _values(metric, known[trial.trial_id])
        if not values:
            notes[f"trial {trial.trial_id} ({trial.label}) has no {metric}, and is left out of its panel"] = None
        return values

    panels = tuple(
        Panel(
            metric=panel.metric,
            title=panel.title or panel.metric.replace("_", " ") + _unit(panel.metric),
            log=panel.log,
            curves=tuple(
                _curve(
                    " ".join(_key_words(key, value) for key, value in group.keys.items()),
                    {trial.trial_id: values_of(trial, panel.metric) for trial in group.trials},
                )
                for group in groups
            ),
        )
        for panel in spec.panels
    )
    return Figure(name=spec.name, title=spec.title or spec.name, panels=panels, notes=tuple(notes))


def _unit(metric: str) -> str:
    return " (%)" if metric.endswith("_error") else ""


def _key_words(key: str, value: JSON) -> str:
    """Return `p=2`; a label speaks for itself."""
    return key_text(value) if isinstance(value, str) else f"{key}={key_text(value)}"


def _curve(label: str, trials: Mapping[str, Mapping[int, float]]) -> Curve:
    values = {trial_id: each for trial_id, each in trials.items() if each}
    common = sorted(set[int].intersection(*(set(each) for each in values.values()))) if values else []
    columns = [median_range(each[epoch] for each in values.values()) for epoch in common]
    return Curve(
        label=label,
        epochs=tuple(common),
        median=tuple(column.median for column in columns),
        low=tuple(column.low for column in columns),
        high=tuple(column.high for column in columns),
        trials=tuple(values),
        expected=len(trials),
    )


def _values(metric: str, epochs: Epochs) -> dict[int, float]:
    """Return epoch -> value, for the epochs that have one: alphas that do not move yet have no loss."""
    found: dict[int, float] = {}
    for row in epochs:
        value, epoch = row.get(metric), row.get("epoch")
        if isinstance(value, int | float) and isinstance(epoch, int) and math.isfinite(value):
            found[epoch] = float(value)
    return found
