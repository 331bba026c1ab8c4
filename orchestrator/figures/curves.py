"""Curves over the epochs: a line is the median of its trials, a band their range, a thin line each of them.

A curve that settings alone determine, such as learning rates, can be drawn before anything has run.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from orchestrator.document.spec import FigureSpec, PanelSpec
from orchestrator.figures.figure import Epochs, Figure, Line, what_is_missing
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.tables.evidence import Record
from orchestrator.tables.grouping import Group, grouped, selected
from orchestrator.tables.layout import symbol_of, whole_key_text
from orchestrator.tables.quantities import number_text, quantity_of, with_halves
from orchestrator.tables.statistics import median_range
from trainables.trial import JSON, TrialRow

NOTHING_YET = "nothing has run yet"
ALIKE = "runs that share their result with another one of their line, which is alike, count once"


@dataclass(frozen=True, kw_only=True, slots=True)
class Single:
    """One trial's own line."""

    trial: str
    label: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One line: the median over its trials in every epoch that all of them have, and their range; alike ones once."""

    label: str
    epochs: tuple[int, ...]
    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    trials: tuple[str, ...]
    expected: int
    """How many trials the plan has for it."""
    singles: tuple[Single, ...] = ()
    """Its trials, where there are several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """Curves under one title."""

    metric: str
    title: str
    log: bool
    curves: tuple[Curve, ...]
    steps: bool = False
    """Values hold until the next: drawn as steps."""

    def to_json(self) -> dict[str, JSON]:
        """Return all that is drawn, and which trials it comes from."""
        return {
            "metric": self.metric,
            "title": self.title,
            "log": self.log,
            "curves": [
                {
                    "label": curve.label,
                    **{name: list(getattr(curve, name)) for name in ("epochs", "median", "low", "high", "trials")},
                    "n": len(curve.trials),
                    "expected": curve.expected,
                    "singles": [asdict(single) for single in curve.singles],
                }
                for curve in self.curves
            ],
        }

    def lines(self) -> Iterator[Line]:
        """Yield each epoch of each line, and of each trial behind it."""
        for curve in self.curves:
            for epoch, median, low, high in zip(curve.epochs, curve.median, curve.low, curve.high, strict=True):
                numbers: Line = {"epoch": epoch, "median": median, "low": low, "high": high}
                yield {"line": curve.label, **numbers, "trial": " ".join(curve.trials)}
            for single in curve.singles:
                for epoch, value in zip(single.epochs, single.values, strict=True):
                    yield {"line": curve.label, "epoch": epoch, "median": value, "trial": single.trial}

    def words(self) -> str:
        """Return where each line begins and ends."""
        return "; ".join(self._words(curve) for curve in self.curves) or NOTHING_YET

    def _words(self, curve: Curve) -> str:
        named = f"{curve.label}: " if curve.label else ""
        if not curve.epochs:
            return f"{named}{NOTHING_YET}"
        quantity, ends = quantity_of(self.metric), (curve.median[0], curve.median[-1])
        unit = with_halves(quantity.units[-1], ends) if quantity.kind == "count" else quantity.units[-1]
        first, last = (number_text(value, unit) for value in ends)
        runs = f", median of {len(curve.trials)} runs" if len(curve.trials) > 1 else ""
        return f"{named}{first} at epoch {curve.epochs[0]}, {last} at epoch {curve.epochs[-1]}{runs}"


def build(
    plan: Plan, rows: Mapping[str, TrialRow], spec: FigureSpec, read_epochs: Callable[[TrialRow], Epochs]
) -> tuple[Figure, ...]:
    return (build_figure(plan, rows, spec, read_epochs),)


def build_figure(
    plan: Plan, rows: Mapping[str, TrialRow], spec: FigureSpec, read_epochs: Callable[[TrialRow], Epochs]
) -> Figure:
    """Return the figure of curves that an experiment asks for.

    Args:
        rows: by trial id, as `Ledger.rows` has them; a row that cannot be trusted is left out.
        read_epochs: returns the epochs of a finished trial; one that has no such curve is left out, with a note.
    """
    record = Record(rows, plan.entries)
    read = _Read(plan, rows, record, read_epochs)
    panels: list[Panel] = []
    measured: list[PlannedTrial] = []
    for panel in map(spec.resolved, spec.panels):
        groups = grouped(plan, selected(plan, panel.stage or "", panel.filter or {}), panel.lines or [])
        panels.append(_panel(panel, groups, read, several_stages=len({p.stage or spec.stage for p in spec.panels}) > 1))
        trials = [trial for group in groups for trial in group.trials]
        measured += [trial for trial in trials if read.planned(trial, panel.metric) is None]
    return Figure(
        name=spec.name,
        title=spec.title or spec.name,
        panels=tuple(panels),
        notes=tuple(read.notes),
        missing=what_is_missing(measured, rows, record),
    )


def time_between_improvements(values: Mapping[int, float]) -> dict[int, float]:
    """Return, for each epoch, how long the run goes from its last best value to the next, in percent of its epochs.

    After the last improvement it is the time that is left without any; the epoch of an improvement at the very end has
    none. Lower values are better. Source: arXiv:1903.09900, section 3.2 and Fig. 4.
    """
    improvements: list[int] = []
    best = math.inf
    for epoch in sorted(values):
        if values[epoch] < best:
            improvements.append(epoch)
            best = values[epoch]
    if not improvements:
        return {}
    ends = [*improvements[1:], max(values)]
    gaps = {start: end - start for start, end in zip(improvements, ends, strict=True) if end > start}
    found: dict[int, float] = {}
    gap = 0
    for epoch in sorted(values):
        gap = gaps.get(epoch, 0 if epoch in improvements else gap)
        if gap:
            found[epoch] = 100 * gap / len(values)
    return found


class _Read:
    """Reads the epochs of each trial once."""

    def __init__(
        self,
        plan: Plan,
        rows: Mapping[str, TrialRow],
        record: Record,
        read_epochs: Callable[[TrialRow], Epochs],
    ) -> None:
        self._plan, self._rows, self._record, self._read_epochs = plan, rows, record, read_epochs
        self._known: dict[str, Epochs] = {}
        self.notes: dict[str, None] = {}

    def planned(self, trial: PlannedTrial, metric: str) -> list[float] | None:
        """Return a curve that settings alone determine."""
        return self._plan.entries[trial.stage].planned_curve(metric, trial.values[trial.stage])

    def values(self, trial: PlannedTrial, metric: str) -> dict[int, float]:
        """Return epoch -> value; nothing of a trial that is not done or cannot be trusted."""
        planned = self.planned(trial, metric)
        if planned is not None:
            return dict(enumerate(planned, start=1))
        row = self._row(trial)
        if row is None:
            return {}
        if trial.trial_id not in self._known:
            self._known[trial.trial_id] = self._read_epochs(row)
        values = _values(metric, self._known[trial.trial_id])
        if not values:
            self.notes[f"trial {trial.trial_id} ({trial.label}) has no {metric}, and is left out of its panel"] = None
        return values

    def drawn(self, trials: Sequence[PlannedTrial], metric: str) -> list[PlannedTrial]:
        """Return trials without those that share their result with one before them, which counts once."""
        if trials and self.planned(trials[0], metric) is not None:
            return [*trials]
        doubles = self._record.doubles(trials, [row for trial in trials if (row := self._row(trial)) is not None])
        self.notes |= dict.fromkeys([ALIKE] if doubles else [])
        return [trial for trial in trials if trial.trial_id not in doubles]

    def _row(self, trial: PlannedTrial) -> TrialRow | None:
        """Return the row of a trial that is done and can be trusted."""
        row = self._rows.get(trial.trial_id)
        return None if row is None or row.state != "done" or self._record.distrust(trial.trial_id) else row


def _panel(panel: PanelSpec, groups: list[Group], read: _Read, *, several_stages: bool) -> Panel:
    gaps = panel.show == "time_between_improvements"

    def values_of(trial: PlannedTrial) -> dict[int, float]:
        values = read.values(trial, panel.metric)
        return time_between_improvements(values) if gaps else values

    title = "time between improvements (%)" if gaps else _title(panel.metric)
    return Panel(
        metric=panel.metric,
        title=panel.title or (f"{panel.stage}: {title}" if several_stages else title),
        log=panel.log,
        curves=tuple(
            _curve(
                label_of(group) or (panel.stage or "") * several_stages,
                group.trials,
                {trial.trial_id: values_of(trial) for trial in read.drawn(group.trials, panel.metric)},
            )
            for group in groups
        ),
        steps=gaps,
    )


def _title(metric: str) -> str:
    """Return what a curve is called where nobody says so: `train error (%)`."""
    quantity = quantity_of(metric)
    if quantity.kind in ("accuracy", "regret"):
        return quantity.title + symbol_of(quantity.units[-1])
    return metric.replace("_", " ") + (" (%)" if metric.endswith("_error") else "")


def label_of(group: Group) -> str:
    """Return what tells a group from the others: `max_w p=2`."""
    return " ".join(_key_words(key, value) for key, value in group.keys.items())


def _key_words(key: str, value: JSON) -> str:
    """Return `p=2`; a label speaks for itself."""
    return whole_key_text(value) if isinstance(value, str) else f"{key}={whole_key_text(value)}"


def _curve(label: str, planned: tuple[PlannedTrial, ...], trials: Mapping[str, Mapping[int, float]]) -> Curve:
    values = {trial_id: each for trial_id, each in trials.items() if each}
    common = sorted(set[int].intersection(*(set(each) for each in values.values()))) if values else []
    columns = [median_range(each[epoch] for each in values.values()) for epoch in common]
    labels = {trial.trial_id: trial.label for trial in planned}
    return Curve(
        label=label,
        epochs=tuple(common),
        median=tuple(column.median for column in columns),
        low=tuple(column.low for column in columns),
        high=tuple(column.high for column in columns),
        trials=tuple(values),
        expected=len(planned),
        singles=tuple(
            Single(
                trial=trial_id,
                label=labels[trial_id],
                epochs=tuple(sorted(each)),
                values=tuple(each[epoch] for epoch in sorted(each)),
            )
            for trial_id, each in values.items()
        )
        if len(values) > 1
        else (),
    )


def _values(metric: str, epochs: Epochs) -> dict[int, float]:
    """Return epoch -> value, for the epochs that have one: alphas that do not move yet have no loss."""
    found: dict[int, float] = {}
    for row in epochs:
        value, epoch = row.get(metric), row.get("epoch")
        if isinstance(value, int | float) and isinstance(epoch, int) and math.isfinite(value):
            found[epoch] = float(value)
    return found
