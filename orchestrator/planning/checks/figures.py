"""Checks the figures of an experiment against its plan: that every name means something, and every line one thing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.document.experiment import Experiment
from orchestrator.document.spec import ColumnSpec, FigureSpec, PanelSpec, TableSpec
from orchestrator.document.yaml_document import Path
from orchestrator.paper.published import load_published
from orchestrator.planning.checks.table_lines import metrics_of
from orchestrator.planning.checks.tables import TableCheck
from orchestrator.planning.grids.grid import StageGrid
from orchestrator.planning.grids.grid_reader import GridReader
from orchestrator.planning.grids.keys import find_name
from orchestrator.planning.grids.planned_trial import PlannedTrial
from orchestrator.planning.grids.resolvers import Resolve
from orchestrator.planning.grids.stage_order import Report
from trainables.errors import unknown_name

RUNNING_TIME = ColumnSpec(metric="wall_seconds")
"""A column that every stage has: what is checked of a figure are its lines and its filter."""
ALPHAS = "alphas_loss"
"""The curve of trials that move alphas; the alphas themselves are no curve, but stand in their epochs too."""
GENOTYPE = "genotype"
PARTS: Mapping[str, str] = {"pareto": "point"}
"""What trials make together in a figure, where it is not a line."""
FALLING = ("_error", "_loss", "_error_top5")
"""How the names of curves end of which a lower value is an improvement."""


def check_figures(
    experiment: Experiment,
    lineages: Mapping[str, Sequence[StageGrid]],
    trials: Mapping[str, Sequence[PlannedTrial]],
    resolvers: Mapping[str, Resolve],
    report: Report,
) -> tuple[FigureSpec, ...]:
    """Return the figures, values of their filters as the plan shows them; report what is wrong.

    Args:
        lineages: stage -> its grid and its ancestors', for stages whose ancestors could all be read.
        trials: stage -> its trials, where they are known.
    """
    figures: list[FigureSpec] = []
    for index, figure in experiment.figures.items():
        check = _FigureCheck(
            figure=figure,
            path=("figures", index),
            experiment=experiment,
            lineages=lineages,
            trials=trials,
            resolvers=resolvers,
            report=report,
        )
        checked = getattr(check, figure.kind)()
        figures += [checked] if checked is not None else []
    return tuple(figures)


@dataclass(kw_only=True, slots=True)
class _FigureCheck:
    """One method for each kind of figure."""

    figure: FigureSpec
    path: Path
    experiment: Experiment
    lineages: Mapping[str, Sequence[StageGrid]]
    trials: Mapping[str, Sequence[PlannedTrial]]
    resolvers: Mapping[str, Resolve]
    report: Report

    def curves(self) -> FigureSpec | None:
        if self.figure.stage not in self.experiment.declared:
            self.report((*self.path, "stage"), str(unknown_name("stage", self.figure.stage, self.experiment.declared)))
        panels = [self._panel(number, panel) for number, panel in enumerate(self.figure.panels)]
        return None if None in panels else self.figure.model_copy(update={"panels": panels})

    def alphas(self) -> FigureSpec | None:
        return self._single_trials(ALPHAS, "curves")

    def cells(self) -> FigureSpec | None:
        return self._single_trials(GENOTYPE, "artifacts")

    def pareto(self) -> FigureSpec | None:
        figure = self.figure
        if figure.paper is not None and figure.paper not in load_published().tables:
            self.report(
                (*self.path, "paper"), str(unknown_name("published table", figure.paper, load_published().tables))
            )
        checker = self._like_table(figure.stage, figure.lines, figure.filter, self.path)
        if checker is None:
            return None
        measured = metrics_of(checker.lineage)
        asked = [("metric", figure.metric), *((("sizes", number), size) for number, size in enumerate(figure.sizes))]
        for place, name in asked:
            path = (*self.path, *(place if isinstance(place, tuple) else (place,)))
            if find_name(name, measured) is None:
                known = dict.fromkeys(each for names in measured.values() for each in names)
                self.report(path, str(unknown_name("metric", name, known)))
            elif lacking := checker.why_empty(name):
                self.report(path, f"no trial of the figure has this: {lacking}")
        return figure.model_copy(update={"filter": checker.table.filter})

    def timeline(self) -> FigureSpec | None:
        figure = self.figure
        if not figure.stage:
            if figure.filter:
                self.report((*self.path, "filter"), "chooses trials of a stage: give the figure the key stage")
            return figure
        return self._of_single(figure.stage)

    def dots(self) -> FigureSpec | None:
        figure, tables = self.figure, {table.name: table for table in self.experiment.tables.values()}
        if figure.table not in tables:
            self.report((*self.path, "table"), str(unknown_name("table", figure.table, tables)))
            return None
        known = [column.name for column in tables[figure.table].columns]
        for number, column in enumerate(figure.columns):
            if column not in known:
                self.report((*self.path, "columns", number), str(unknown_name("column", column, known)))
        return figure

    def _panel(self, number: int, panel: PanelSpec) -> PanelSpec | None:
        """Return a panel that says itself what it takes over from the figure."""
        here: Path = (*self.path, "panels", number)
        whole = self.figure.resolved(panel)
        own = panel.stage is not None or panel.lines is not None or panel.filter is not None
        checker = self._like_table(whole.stage or "", whole.lines or [], whole.filter or {}, here if own else self.path)
        if checker is None:
            return None
        entry = checker.lineage[0].entry
        if panel.metric not in entry.curves:
            self.report(here, str(unknown_name("curve", panel.metric, entry.curves)))
        elif panel.show == "time_between_improvements" and not panel.metric.endswith(FALLING):
            self.report((*here, "show"), f"{panel.metric} is no error and no loss: nothing says which value is better")
        if lacking := checker.why_lacking(panel.metric):
            self.report(here, f"not every trial of the figure has this: {lacking}")
        return whole.model_copy(update={"filter": checker.table.filter})

    def _single_trials(self, name: str, where: str) -> FigureSpec | None:
        """Check a figure of single trials, one of which has what is called so among its curves or artifacts."""
        checked, stage = self._of_single(self.figure.stage), self.figure.stage
        if checked is None:
            return None
        entry = self.lineages[stage][0].entry
        if name not in getattr(entry, where):
            what = "moves no alphas" if name == ALPHAS else "finds no genotype"
            fitting = [each for each, (own, *_) in self.lineages.items() if name in getattr(own.entry, where)]
            others = f"; these do: {', '.join(fitting)}" if fitting else ""
            self.report((*self.path, "stage"), f"stage {stage!r} {what}{others}")
        return checked

    def _of_single(self, stage: str) -> FigureSpec | None:
        """Check stage and filter where each trial stands for itself."""
        lineage = self.lineages.get(stage, ())
        axes = [f"{grid.name}.{axis}" for grid in lineage for axis in grid.axis_names]
        checker = self._like_table(stage, axes, self.figure.filter, self.path)
        return checker and self.figure.model_copy(update={"filter": checker.table.filter})

    def _like_table(self, stage: str, lines: Iterable[str], chosen: Mapping[str, Any], path: Path) -> TableCheck | None:
        """Check stage, lines and filter as those of a table; None where the stage could not be read."""
        if stage not in self.experiment.declared:
            self.report((*path, "stage"), str(unknown_name("stage", stage, self.experiment.declared)))
        if stage not in self.lineages:
            return None
        lineage, report = self.lineages[stage], self.report
        reader = GridReader(
            experiment=self.experiment, lineage=lineage, cut=False, resolvers=self.resolvers, report=report
        )
        like = TableSpec(
            name=self.figure.name, stage=stage, rows=list(lines), columns=[RUNNING_TIME], filter=dict(chosen)
        )
        part = PARTS.get(self.figure.kind, "line")
        checker = TableCheck(
            table=like, path=path, lineage=lineage, reader=reader, report=report, rows="lines", part=part
        )
        checker.table = checker.check(self.trials.get(stage))
        return checker
