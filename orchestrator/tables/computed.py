"""Numbers that need no run: cells of which none is in yet show what the settings of their trials determine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from orchestrator.planning.grids.planned_trial import PlannedTrial
from orchestrator.planning.plan import Plan
from orchestrator.tables.cells import COMPUTED, MARKS, Cell, Column, Members
from orchestrator.tables.evidence import Ancestry, Record
from orchestrator.tables.statistics import median_range
from trainables.config import is_reference
from trainables.errors import SharptuneError
from trainables.record.lineage import taken_from
from trainables.trial import JSON, canonical_json


def measured_only(plan: Plan) -> Plan:
    """Return a plan whose tables say nothing but what was measured: nothing is computed for them."""
    return replace(plan, entries={stage: replace(entry, computed="") for stage, entry in plan.entries.items()})


class Computed:
    """What the settings of a plan's trials determine, each setting looked at once."""

    def __init__(self, plan: Plan, record: Record, ancestry: Ancestry) -> None:
        self._plan = plan
        self._record = record
        self._ancestry = ancestry
        self._values: dict[tuple[str, str, str], float | None] = {}

    def fill(self, members: Members, columns: Iterable[Column], cells: Mapping[str, Cell]) -> dict[str, Cell]:
        """Return a line's cells of these columns, by name; those of which no run is in yet with what can be computed.

        A cell has a number as soon as that of each of its trials is known: the one that all share, or their median. One
        of which a run failed has none: that it failed says more.
        """
        return {
            column.name: self._filled(cell, members[column.name], column)
            if (cell := cells[column.name]).expected and cell.states == {"missing": cell.expected}
            else cell
            for column in columns
        }

    def _filled(self, cell: Cell, trials: Sequence[PlannedTrial], column: Column) -> Cell:
        values: dict[str, float] = {}
        for trial in trials:
            measured = self._ancestry.slot(trial, column.stage).chosen
            value = self._value(measured, column.metric) if measured is not None else None
            if measured is None or value is None:
                return cell
            values[measured.trial_id] = value
        summary = median_range(values.values())
        return replace(
            cell,
            median=summary.median,
            low=summary.low,
            high=summary.high,
            computed=values,
            marks=tuple(mark for mark in MARKS if mark == COMPUTED or mark in cell.marks),
            whole=all(map(float.is_integer, values.values())),
        )

    def _value(self, trial: PlannedTrial, metric: str) -> float | None:
        """Return a metric that a trial's settings determine; None for others, and while a parent's finding is open."""
        config = self._config(trial)
        if config is None:
            return None
        key = (trial.stage, metric, canonical_json(config))
        if key not in self._values:
            settings = self._whole(trial, config)
            value = None if settings is None else self._plan.entries[trial.stage].computed_metric(metric, settings)
            self._values[key] = None if value is None else float(value)
        return self._values[key]

    def _config(self, trial: PlannedTrial) -> Mapping[str, JSON] | None:
        """Return what differs from the defaults, with what the parents found; None where that is not known yet."""
        if not any(map(is_reference, trial.spec.config.values())):
            return trial.spec.config
        rows = {parent: self._record.row(parent) for parent in trial.spec.parents}
        done = {
            parent: row
            for parent, row in rows.items()
            if row is not None and row.state == "done" and not self._record.distrust(parent)
        }
        if len(done) < len(rows):
            return None
        try:
            return taken_from(done, trial.spec).config
        except SharptuneError:  # what the trial itself will say
            return None

    def _whole(self, trial: PlannedTrial, config: Mapping[str, JSON]) -> Mapping[str, JSON] | None:
        """Return all settings of a trial; None where they are none, for a parent's finding may be anything."""
        try:
            return self._plan.entries[trial.stage].config_class().model_validate(config).model_dump(mode="json")
        except ValidationError:
            return None
