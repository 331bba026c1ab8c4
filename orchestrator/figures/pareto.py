"""Errors, or accuracies, against sizes: a point is the median of its runs; the front, what nothing else beats in both.

Published points have a front of their own: nothing published is ever shown as measured.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from orchestrator.document.spec import FigureSpec
from orchestrator.figures.curves import label_of
from orchestrator.figures.figure import Epochs, Figure, Line, what_is_missing
from orchestrator.paper.published import UNITS, load_published
from orchestrator.planning.grids.keys import find_name
from orchestrator.planning.plan import Plan
from orchestrator.tables.cells import Cell, Column, cells_of
from orchestrator.tables.evidence import Ancestry, Record
from orchestrator.tables.grouping import grouped, selected
from orchestrator.tables.layout import symbol_of
from orchestrator.tables.quantities import Unit, number_text, quantity_of, unit_for
from trainables.catalog import TIMING
from trainables.trial import JSON, TrialRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One architecture or setting: its size and its error, in the units of the rows."""

    label: str
    size: float
    error: float
    low: float
    high: float
    """The range of its error."""
    smallest: float
    largest: float
    """The range of its size."""
    trials: tuple[str, ...] = ()
    expected: int = 0
    published: bool = False
    front: bool = False
    """Nothing of its own sort, measured or published, is better in one and no worse in the other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PointsPanel:
    """An error against a size."""

    title: str
    size: str
    error: str
    size_unit: Unit
    error_unit: Unit
    points: tuple[Point, ...]

    @property
    def size_title(self) -> str:
        return quantity_of(self.size).title + symbol_of(self.size_unit)

    @property
    def error_title(self) -> str:
        return quantity_of(self.error).title + symbol_of(self.error_unit)

    def to_json(self) -> dict[str, JSON]:
        """Return all that is drawn, and which trials it comes from."""
        points = [{**asdict(point), "trials": list(point.trials), "n": len(point.trials)} for point in self.points]
        return {"title": self.title, "size": self.size, "error": self.error, "points": points}

    def lines(self) -> Iterator[Line]:
        """Yield each point."""
        for point in self.points:
            yield {**asdict(point), "trials": " ".join(point.trials)}

    def words(self) -> str:
        """Return the points of the front, smallest first, and how many others there are."""
        parts = []
        for published in (False, True):
            of = [point for point in self.points if point.published == published]
            front = sorted((point for point in of if point.front), key=lambda point: point.size)
            named = ", ".join(
                f"{point.label} ({number_text(point.size, self.size_unit)}{symbol(self.size_unit)}, "
                f"{number_text(point.error, self.error_unit)}{symbol(self.error_unit)})"
                for point in front
            )
            if of:
                parts.append(f"{len(of)} {'published' if published else 'measured'} points; on their front {named}")
            if others := ", ".join(point.label for point in of if not point.front and not published):
                parts.append(f"not on it {others}")
        return "; ".join(parts) or "no point yet"


def symbol(unit: Unit) -> str:
    """Return what follows a number: ` M`."""
    return f" {unit.symbol}" if unit.symbol else ""


def build(
    plan: Plan, rows: Mapping[str, TrialRow], spec: FigureSpec, read_epochs: Callable[[TrialRow], Epochs]
) -> tuple[Figure, ...]:
    """Return the one figure, a panel for each size."""
    record = Record(rows, plan.entries)
    trials = selected(plan, spec.stage, spec.filter)
    groups = grouped(plan, trials, spec.lines)
    columns = [
        _column(plan, spec.stage, trials[0].lineage if trials else (), name) for name in (spec.metric, *spec.sizes)
    ]
    members = [{column.name: group.trials for column in columns} for group in groups]
    found = cells_of(record, Ancestry(plan.trials, record), members, columns)
    error, *sizes = columns
    labels = [label_of(group) or plan.experiment for group in groups]
    panels = [
        _panel(
            size.metric,
            error.metric,
            [
                point
                for label, of in zip(labels, found, strict=True)
                if (point := _point(label, of[size.name], of[error.name])) is not None
            ],
            _published(spec.paper, size.asked, error.asked),
        )
        for size in sizes
    ]
    title = spec.title or spec.name
    missing = what_is_missing(trials, rows, record)
    return (Figure(name=spec.name, title=title, kind="pareto", panels=tuple(panels), missing=missing),)


def _column(plan: Plan, stage: str, lineage: Sequence[str], name: str) -> Column:
    known = {each: (*plan.entries[each].metrics, *TIMING) for each in lineage}
    place, metric = find_name(name, known) or (stage, name)
    return Column(asked=name, stage=place, metric=metric, own=place == stage)


def _point(label: str, size: Cell, error: Cell) -> Point | None:
    if size.median is None or size.low is None or size.high is None:
        return None
    if error.median is None or error.low is None or error.high is None:
        return None
    return Point(
        label=label,
        size=size.median,
        error=error.median,
        low=error.low,
        high=error.high,
        smallest=size.low,
        largest=size.high,
        trials=error.trials,
        expected=error.expected,
    )


def _published(paper: str | None, size: str, error: str) -> list[Point]:
    """Return the rows of a published table that have both numbers."""
    if paper is None:
        return []
    table = load_published().table(paper)
    points = []
    for row in table.rows:
        across, above = table.number(row, size), table.number(row, error)
        if across is None or above is None or across.value is None or above.value is None:
            continue
        value, spread = above.value, float((above.half_range or 0) * UNITS[above.unit])
        points.append(
            Point(
                label=row.name,
                size=across.value,
                error=value,
                low=value - spread,
                high=value + spread,
                smallest=across.value,
                largest=across.value,
                published=True,
            )
        )
    return points


def _panel(size: str, error: str, measured: Sequence[Point], published: Sequence[Point]) -> PointsPanel:
    rising = quantity_of(error).rising
    points = (*with_front(measured, rising=rising), *with_front(published, rising=rising))
    return PointsPanel(
        title=f"{quantity_of(error).title} against {quantity_of(size).title}",
        size=size,
        error=error,
        size_unit=unit_for(quantity_of(size), [point.size for point in points]),
        error_unit=unit_for(quantity_of(error), [point.error for point in points]),
        points=points,
    )


def with_front(points: Sequence[Point], *, rising: bool = False) -> list[Point]:
    """Return the points, those marked that no other is better than in one of size and error and no worse in both.

    Args:
        rising: what is called their error is an accuracy, of which the highest is best.
    """
    sign = -1 if rising else 1

    def beaten(point: Point) -> bool:
        return any(
            other.size <= point.size
            and sign * other.error <= sign * point.error
            and (other.size < point.size or other.error != point.error)
            for other in points
        )

    return [replace(point, front=not beaten(point)) for point in points]
