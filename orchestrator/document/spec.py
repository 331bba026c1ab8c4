"""What an experiment file may say: the form of its stages, tables and figures, as pydantic models."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from orchestrator.document.resources import Resources
from orchestrator.document.units import unit_scale
from trainables.config import Integer, Number

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,6}})?) ?({'|'.join(_SECONDS)})")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def plain_name(text: str) -> str:
    """Return the text if it can safely be part of keys and file names. Raises: ValueError."""
    if not _PLAIN_NAME.fullmatch(text):
        raise ValueError("must be a plain name: a letter or digit, then letters, digits, '_' or '-', 64 at most")
    return text


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_as_list)]
"""Names; one needs no list around it."""


def _as_column(value: Any) -> Any:
    return {"metric": value} if isinstance(value, str) else value


def _as_needs(value: Any) -> Any:
    return {"stage": value} if isinstance(value, str) else value


def _as_comparison(value: Any) -> Any:
    if not isinstance(value, bool | dict):
        raise ValueError("must be true, false, or a mapping of metric and against")
    return ({} if value else None) if isinstance(value, bool) else value


def _as_names(value: Any) -> Any:
    """Return the names of published rows as a list; true means all of them, false none."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, bool) and not (isinstance(names, list) and names and all(type(n) is str for n in names)):
        raise ValueError("must be true, false, or a list of rows of the published table, by name")
    return names


def _seconds(text: Any) -> Any:
    """Return a duration in seconds, as it is once it has been read."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("must be a duration with its unit, such as 12h, 90min or 30s")
    seconds = float(found[1]) * _SECONDS[found[2]]
    if not 0 < seconds <= 366 * 86400:
        raise ValueError("must be longer than nothing, and at most 366d")
    return seconds


Name = Annotated[str, AfterValidator(plain_name)]
Duration = Annotated[float, BeforeValidator(_seconds)]
"""In seconds; written with a unit."""


class Form(BaseModel):
    """A mapping in the file: unknown keys and other types than its fields' are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Needs(Form):
    """What a stage's trials start from: each trial of a stage, or the best of each group of them."""

    stage: str
    """The stage that comes before."""
    over: Annotated[Names, Field(min_length=1)] | None = None
    """The axes whose values compete."""
    best: str | None = None
    """The metric that decides; the lowest wins, ties go to the smallest id."""


class Stage(Form):
    """One grid of trials of one trainable."""

    trainable: str
    """What its trials are: `search` or `train`."""
    needs: Annotated[Needs, BeforeValidator(_as_needs)] | None = None
    """The stage from which its trials start: a grid of them for each trial of that one."""
    config: dict[str, Any] = {}
    """Settings of all its trials."""
    grid: dict[str, Any] = {}
    """The axes: lists of values of a config field, or of labelled mappings of several."""
    exclude: list[Any] = []
    """Points of the grid to drop: mappings of axes to values."""
    include: list[Any] = []
    """Points to add to the grid."""
    resources: Resources = Resources()
    """What each of its trials asks of a node."""
    max_failures: Annotated[Integer, Field(ge=0)] = 3
    """How often a trial whose process died is started again, before it has saved ten minutes of work more."""
    checkpoint_minutes: Annotated[Number, Field(gt=0)] = 10.0
    """How long a trial works at most, also in the middle of an epoch, before it saves where it is."""
    keep_checkpoints: bool = False
    """Whether a trial that is done keeps them."""
    time_limit: Duration | None = None
    """How long a trial works at most, over all its attempts, before it is a failed one."""
    hang_minutes: Annotated[Number, Field(ge=0.05, le=10_080)] | None = None
    """How long a trial on Ray may go without a step before its process is ended, to go on from its checkpoint."""


class ColumnSpec(Form):
    """One column of a table: a metric, or a key whose values are set side by side."""

    metric: str
    """Its name, or `stage.metric` of an ancestor."""
    statistic: Literal["median", "best"] | None = None
    """The table's when absent."""
    title: Annotated[str, Field(min_length=1)] | None = None
    """Over the column, instead of our own words; the unit is added."""
    short: Annotated[str, Field(min_length=1)] | None = None
    """The same where there is little room."""
    unit: str | None = None
    """The unit it is shown in, instead of the largest that suits its numbers."""
    digits: Annotated[Integer, Field(ge=0, le=6)] | None = None
    """Decimals, instead of those of its unit or of the published numbers."""
    change: bool | None = None
    """Whether the change against the table's baseline stands beside it; it does where there is a baseline."""

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str | None, info: ValidationInfo) -> str | None:
        if unit is not None and "metric" in info.data:
            unit_scale(info.data["metric"], unit)
        return unit

    @property
    def name(self) -> str:
        """Its name in JSON and CSV."""
        return f"{self.metric}:{self.statistic}" if self.statistic else self.metric


class Line(Form):
    """One row of a table whose rows are written out one by one, as in the paper's own tables."""

    label: str
    """What the row is called."""
    stage: str | None = None
    """Where its trials are; the table's stage when absent. A line of neither is one that only quotes the paper."""
    filter: dict[str, Any] = {}
    """Which trials it is of, as in `filter` of the table."""
    paper: str | None = None
    """The published row beside it, by name."""
    details: dict[str, Any] = {}
    """What stands in the columns of the table's `details`, where the published row says nothing or something else."""
    block: str | None = None
    """A heading above this line and those below it."""
    bold: bool = False
    """Whether it is printed bold."""


class CompareSpec(Form):
    """Which arms of a table are compared, and in what."""

    metric: str | None = None
    """One of the table's columns; its first error when absent."""
    against: Annotated[dict[str, Any], Field(min_length=1)] | None = None
    """The line that the others are held against, as in `baseline`; that one when absent, and all with each other where
    there is none."""


class TableSpec(Form):
    """What a table shows of a stage, or of several line by line, and how its cells are made."""

    name: Name
    """By which it is asked for."""
    stage: str = ""
    """Where its trials are."""
    lines: list[Line] = []
    """Rows one by one, of any stages, instead of `rows`."""
    heading: Annotated[str, Field(min_length=1)] = "model"
    """Over the labels of `lines`."""
    details: dict[str, str] = {}
    """Columns that say what a line is, by title: which detail of the line, or of the published row beside it."""
    digits: Literal["printed"] | None = None
    """`printed`: a number that stands beside a published one is shown with the unit and digits of that."""
    rows: Names = []
    """Keys whose values tell the rows apart."""
    columns: Annotated[
        list[Annotated[ColumnSpec, BeforeValidator(_as_column)]], BeforeValidator(_as_list), Field(min_length=1)
    ]
    """Metrics; and keys whose values are set side by side, or, with `lines`, columns that only the paper has."""
    filter: dict[str, Any] = {}
    """Only trials with these values of keys; a list of values means any of them."""
    pool: Names = []
    """Axes over which a cell pools as it does over seeds: main effects."""
    runs: bool = True
    """Whether a last column says how many runs each line is of."""
    few: bool = True
    """Whether numbers of fewer runs than the paper's are marked."""
    constant: Literal["show", "hide"] = "show"
    """`hide`: what is the same in all rows is said below the table, not in a column."""
    rounding: Literal["unit", "spread"] = "unit"
    """`spread`: a median and its ± are rounded to the one or two digits of the ± that mean something."""
    statistic: Literal["median", "best"] = "median"
    """What a cell shows: the median with its ±, or the best run."""
    baseline: Annotated[dict[str, Any], Field(min_length=1)] | None = None
    """The row that the others are compared with: values of keys of `rows`."""
    compare: Annotated[CompareSpec | None, BeforeValidator(_as_comparison)] = None
    """What is said below the table of which lines differ, and how sure that is; `true` compares by the defaults."""
    bold: bool | None = None
    """True: the best line of each class is bold where comparisons confirm it; false: none is. When absent, lines are
    bold as they say themselves, unless `compare` denies it."""
    paper: Name | None = None
    """A table of published numbers to stand beside ours."""
    published: Annotated[bool | list[str], BeforeValidator(_as_names)] = False
    """Which rows of the published table stand below ours as lines of their own, by name, `true` for all: those that no
    line of the table stands for."""
    title: str | None = None
    """Above it."""
    note: str | None = None
    """Below it."""
    width: Literal["column", "page", "sideways"] | None = None
    """What its LaTeX fits into: one of two columns, a page, or a page on its side; by default one of the last two."""

    def of_line(self, line: Line, columns: Sequence[ColumnSpec]) -> "TableSpec":
        """Return one of `lines` as a table of its own: of one row, these columns, and nothing beside it."""
        return self.model_copy(
            update={
                "stage": line.stage or self.stage,
                "lines": [],
                "rows": [],
                "columns": list(columns),
                "filter": {**self.filter, **line.filter},
                "baseline": None,
                "compare": None,
                "bold": None,
                "paper": None,
                "published": False,
            }
        )


class PanelSpec(Form):
    """One panel of curves: a value of every epoch, of the figure's stage unless it names one of its own."""

    metric: str
    """Its name: one of the curves of the stage's trainable."""
    log: bool = False
    """Whether the axis is logarithmic."""
    title: Annotated[str, Field(min_length=1)] | None = None
    """Instead of our own words for the metric."""
    show: Literal["values", "time_between_improvements"] = "values"
    """The values; or how long a run goes, in percent of all its epochs, from one best value to the next."""
    stage: str | None = None
    """The figure's when absent."""
    lines: Names | None = None
    """The figure's when absent."""
    filter: dict[str, Any] | None = None
    """The figure's when absent."""


FigureKind = Literal["curves", "alphas", "cells", "pareto", "timeline", "dots"]
FIGURE_KEYS: Mapping[FigureKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "curves": (("stage", "panels"), ("lines", "filter")),
    "alphas": (("stage",), ("filter",)),
    "cells": (("stage",), ("filter",)),
    "pareto": (("stage",), ("lines", "metric", "sizes", "paper", "filter")),
    "timeline": ((), ("stage", "filter")),
    "dots": (("table",), ("columns",)),
}
"""What a figure of each kind must say, and what else it may, besides its name, kind and title."""


class FigureSpec(Form):
    """What a figure shows. Which keys it takes depends on its kind: FIGURE_KEYS."""

    name: Name
    """By which it is asked for."""
    kind: FigureKind = "curves"
    """What it shows."""
    stage: str = ""
    """Where its trials are."""
    lines: Names = []
    """Keys whose values tell the lines of curves, or the points, apart."""
    panels: Annotated[
        list[Annotated[PanelSpec, BeforeValidator(_as_column)]], BeforeValidator(_as_list), Field(min_length=1)
    ] = []
    """Of curves: a line is the median of its seeds, a band their range."""
    metric: str = "test_error_best"
    """What points are compared by, from above: an error."""
    sizes: Annotated[Names, Field(min_length=1)] = ["params", "addmult"]
    """What points are compared by, from the side: a panel each."""
    paper: Name | None = None
    """A table of published numbers whose points stand beside ours."""
    table: str = ""
    """Of which table each run is shown as a dot."""
    columns: Names = []
    """Which columns of it, a panel each; its first when empty."""
    filter: dict[str, Any] = {}
    """Only trials with these values of keys."""
    title: str | None = None
    """Above it."""

    def resolved(self, panel: PanelSpec) -> PanelSpec:
        """Return a panel that says itself what it takes over from the figure."""
        return panel.model_copy(
            update={
                "stage": panel.stage or self.stage,
                "lines": self.lines if panel.lines is None else panel.lines,
                "filter": self.filter if panel.filter is None else panel.filter,
            }
        )
