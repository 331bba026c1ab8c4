"""Checks the tables of an experiment against its plan: that every key means something, and every cell one thing."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat

from orchestrator.document.experiment import Experiment
from orchestrator.document.spec import TableSpec
from orchestrator.document.yaml_document import Path, shown
from orchestrator.planning.checks.comparisons import check_arms, check_metric
from orchestrator.planning.checks.table_lines import check_lines, check_paper, check_published, metrics_of
from orchestrator.planning.checks.table_options import check_options, check_pool, check_settings_column, pool_of
from orchestrator.planning.grids.grid import Condition, StageGrid, keys_of
from orchestrator.planning.grids.grid_reader import GridReader
from orchestrator.planning.grids.keys import find_key, find_name, short_key
from orchestrator.planning.grids.planned_trial import PlannedTrial, comparable, open_axes
from orchestrator.planning.grids.resolvers import Resolve
from orchestrator.planning.grids.stage_order import Report
from trainables.errors import UnknownName, unknown_name
from trainables.trial import JSON


def check_tables(
    experiment: Experiment,
    lineages: Mapping[str, Sequence[StageGrid]],
    trials: Mapping[str, Sequence[PlannedTrial]],
    resolvers: Mapping[str, Resolve],
    report: Report,
) -> tuple[TableSpec, ...]:
    """Return the tables, values of their filters and baselines as the plan shows them; report what is wrong.

    Args:
        lineages: stage -> its grid and its ancestors', for stages whose ancestors could all be read.
        trials: stage -> its trials, where they are known.
    """
    tables: list[TableSpec] = []
    for index, table in experiment.tables.items():
        path = ("tables", index)
        parts: list[TableCheck] = []

        def checked(part: TableSpec, path: Path, parts: list[TableCheck] = parts) -> TableSpec | None:
            if part.stage not in experiment.declared:
                report((*path, "stage"), str(unknown_name("stage", part.stage, experiment.declared)))
            if part.stage not in lineages:
                return None
            lineage = lineages[part.stage]
            reader = GridReader(experiment=experiment, lineage=lineage, cut=False, resolvers=resolvers, report=report)
            checker = TableCheck(table=part, path=path, lineage=lineage, reader=reader, report=report)
            parts.append(checker)
            return checker.check(trials.get(part.stage))

        check_options(table, path, report)
        found = check_lines(table, path, lineages, checked, report) if table.lines else checked(table, path)
        _refuse_empty_columns(table, path, parts, report)
        check_pool(table, path, [part.lineage for part in parts], report)
        check_published(table, path, [part.lineage for part in parts], report)
        tables += [found] if found is not None else []
    return tuple(tables)


def _refuse_empty_columns(table: TableSpec, path: Path, parts: Sequence["TableCheck"], report: Report) -> None:
    """Report columns that no trial of the table can fill, nor the paper beside it."""
    published = check_paper(table, path, report)
    for index, column in enumerate(table.columns):
        asked = [part for part in parts if column in part.table.columns]
        reasons = [part.why_empty(column.metric) for part in asked]
        if reasons and all(reasons) and not (published and column.metric in published.columns):
            report((*path, "columns", index), f"no trial of the table can fill this: {reasons[0]}")


@dataclass(kw_only=True, slots=True)
class TableCheck:
    """Checks one table, or what of a figure is like one, against the grids of its stage and its ancestors."""

    table: TableSpec
    path: Path
    lineage: Sequence[StageGrid]
    reader: GridReader
    report: Report
    rows: str = "rows"
    """Under which key the keys stand that tell rows apart."""
    part: str = "cell"
    """What the trials make together that have the same values of these keys."""
    pooled: dict[str, str] = field(default_factory=dict, init=False)
    """The keys of `pool` that mean an axis of the table's stages -> that axis, `stage.key`."""
    chosen: Sequence[PlannedTrial] = field(default=(), init=False)
    """The table's trials, once it has been checked and they are known."""

    def check(self, trials: Sequence[PlannedTrial] | None) -> TableSpec:
        keys = self._keys(self.rows, self.table.rows) + self._column_keys()
        measured = metrics_of(self.lineage)
        sides = [column.metric for column in self.table.columns if not find_name(column.metric, measured)]
        check_metric(self.table, self.path, sides, self.report)
        self.pooled = pool_of(self.table, self.lineage)
        self._refuse_repeats(self.rows, self.table.rows)
        self._refuse_repeats("columns", [column.name for column in self.table.columns])
        check_paper(self.table, self.path, self.report)
        wanted = self._conditions("filter", self.table.filter)
        baseline = self._conditions("baseline", self.table.baseline or {})
        asked = self.table.compare
        held = (asked and asked.against) or {}
        against = self._conditions("against", held, ("compare",))
        for place, conditions in ((("baseline",), baseline), (("compare", "against"), against)):
            values = held if place[0] == "compare" else self.table.baseline or {}
            for key, allowed in zip(values, conditions, strict=True):
                if None not in allowed and key not in self.table.rows:
                    message = f"must be one of the rows' keys: {', '.join(self.table.rows)}"
                    self.report((*self.path, *place, key), message)
        known = (*wanted, *baseline, *against)
        if trials is None or None in keys or any(None in allowed or not allowed for allowed in known):
            return self.table
        self.chosen = chosen = _matching(trials, wanted)
        if not chosen:
            self.report((*self.path, "filter"), "matches no trial of the plan")
            return self.table
        cells = _cells(chosen, [key for key in keys if key is not None])
        self._refuse_open_axes(cells)
        if self.table.baseline and not _matching(chosen, baseline):
            self.report((*self.path, "baseline"), "matches no row of the table")
            return self.table
        if held and not _matching(chosen, against):
            self.report((*self.path, "compare", "against"), "matches no row of the table")
            return self.table
        check_arms(len(cells), self.table, self.path, self.report)
        changes: dict[str, object] = {"filter": _as_shown(self.table.filter, wanted, chosen)}
        if self.table.baseline:
            changes["baseline"] = _as_shown(self.table.baseline, baseline, _matching(chosen, baseline))
        if asked and held:
            shown_values = _as_shown(held, against, _matching(chosen, against))
            changes["compare"] = asked.model_copy(update={"against": shown_values})
        return self.table.model_copy(update=changes)

    def why_empty(self, column: str) -> str | None:
        """Return why none of the trials can fill a column; None where one may, or where they are not known."""
        found = find_name(column, metrics_of(self.lineage))
        reasons = (self._why_absent(trial, *found) for trial in self.chosen) if found else iter(())
        first = next(reasons, None)
        return first if first and all(reasons) else None

    def why_lacking(self, curve: str) -> str | None:
        """Return why one of the trials will have no such curve, and which; None where all may."""
        for trial in self.chosen:
            if reason := self._why_absent(trial, trial.stage, curve):
                return f"{reason} (at {trial.label})"
        return None

    def _why_absent(self, trial: PlannedTrial, stage: str, name: str) -> str | None:
        entry = next(grid.entry for grid in self.lineage if grid.name == stage)
        return entry.why_absent(name, trial.effective[stage])

    def _keys(self, part: str, keys: Sequence[str]) -> list[tuple[str, str] | None]:
        return [self._key((*self.path, part, index), key) for index, key in enumerate(keys)]

    def _key(self, path: Path, key: str) -> tuple[str, str] | None:
        try:
            return find_key(key, keys_of(self.lineage))
        except UnknownName as error:
            self.report(path, str(error))
            return None

    def _column_keys(self) -> list[tuple[str, str] | None]:
        """Return the keys among the columns; the others are metrics, and one must be."""
        keys: list[tuple[str, str] | None] = []
        measured, settings = metrics_of(self.lineage), keys_of(self.lineage)
        for index, column in enumerate(column.metric for column in self.table.columns):
            if find_name(column, measured):
                continue
            keys.append(find_name(column, settings))
            if keys[-1] is None:
                known = self._known_columns()
                self.report((*self.path, "columns", index), str(unknown_name("column", column, known)))
            check_settings_column(self.table.columns[index], (*self.path, "columns", index), self.report)
        if len(keys) == len(self.table.columns) and None not in keys:
            self.report((*self.path, "columns"), "none of them is a metric, so the table would be empty")
        return keys

    def _known_columns(self) -> list[str]:
        own, *ancestors = metrics_of(self.lineage).items()
        names = [*own[1], *(f"{stage}.{metric}" for stage, measured in ancestors for metric in measured)]
        return [*names, *(axis for grid in self.lineage for axis in grid.axis_names)]

    def _refuse_repeats(self, part: str, keys: Sequence[str]) -> None:
        for index, key in enumerate(keys):
            if key in keys[:index]:
                self.report((*self.path, part, index), "stands twice")

    def _conditions(self, part: str, values: Mapping[str, JSON], under: Path = ()) -> list[list[Condition | None]]:
        """Return, for each key, the conditions of which one must be met; a list allows each of its values."""
        found: list[list[Condition | None]] = []
        for key, value in values.items():
            path = (*self.path, *under, part, key)
            several = isinstance(value, list) and part == "filter"
            places = [((*path, index), one) for index, one in enumerate(value)] if several else [(path, value)]
            if not places:
                self.report(path, "must not be empty")
            found.append([self.reader.condition(key, one, place) for place, one in places])
        return found

    def _refuse_open_axes(self, cells: Sequence[Sequence[PlannedTrial]]) -> None:
        """Report axes, other than seeds, that take several values within what would be one cell."""
        for axis, mixed in open_axes(cells, self.pooled.values()).items():
            stage, _, name = axis.partition(".")
            key = short_key(stage, name, keys_of(self.lineage))
            values = ", ".join(map(shown, mixed))
            where = "rows, columns or pool" if self.rows == "rows" else self.rows
            message = f"a {self.part} would mix {key} = {values}; put {key} into {where}, or fix it by filter"
            self.report(self.path, message)


def _cells(trials: Sequence[PlannedTrial], keys: Sequence[tuple[str, str]]) -> list[list[PlannedTrial]]:
    """Return the trials of each cell: those that have the same values of these keys."""
    columns = [comparable([trial.values[stage].get(key) for trial in trials]) for stage, key in keys]
    cells: dict[tuple[Hashable, ...], list[PlannedTrial]] = {}
    places = zip(*columns, strict=True) if keys else repeat(())
    for place, trial in zip(places, trials, strict=bool(keys)):
        cells.setdefault(place, []).append(trial)
    return [*cells.values()]


def _matching(trials: Sequence[PlannedTrial], wanted: Sequence[Sequence[Condition | None]]) -> list[PlannedTrial]:
    return [trial for trial in trials if all(_allowed(trial, allowed) for allowed in wanted)]


def _allowed(trial: PlannedTrial, allowed: Sequence[Condition | None]) -> bool:
    return any(each and each.is_met(trial.effective) for each in allowed)


def _as_shown(
    written: Mapping[str, JSON], wanted: Sequence[Sequence[Condition | None]], trials: Sequence[PlannedTrial]
) -> dict[str, JSON]:
    """Return the values of a filter or baseline as `Plan.value` has them (an alias and a name are one genotype)."""
    result: dict[str, JSON] = {}
    for (key, value), allowed in zip(written.items(), wanted, strict=True):
        shown_values = [
            trial.values[each.stage].get(each.key)
            for each in allowed
            for trial in trials
            if each and _allowed(trial, [each])
        ]
        distinct = [each for index, each in enumerate(shown_values) if each not in shown_values[:index]]
        result[key] = distinct if isinstance(value, list) else distinct[0]
    return result
