"""What came out: tables whose numbers lead to their runs, what differs between their lines, and how sure it is."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.comparisons.comparison import Comparisons, compare
from orchestrator.comparisons.growth import Price, growths_of, price_of
from orchestrator.comparisons.in_tables import with_comparison
from orchestrator.comparisons.noise_words import noise_sentences
from orchestrator.comparisons.words import grid, sentences
from orchestrator.document.spec import TableSpec
from orchestrator.figures.figure import Epochs
from orchestrator.planning.grids.planned_trial import identity
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.report.runs import number_of, run_place
from orchestrator.tables.cells import Cell, Column
from orchestrator.tables.evidence import Evidence
from orchestrator.tables.formats.html import html
from orchestrator.tables.layout import key_text
from orchestrator.tables.quantities import quantity_of
from orchestrator.tables.table import Table, TableRow, build
from orchestrator.words import unrounded
from trainables.errors import SharptuneError
from trainables.trial import JSON, TrialRow, canonical_json

MOST_COMPARED = 12
"""Lines of a table that are compared with each other in a report; of more, `sharptune compare` tells."""
MOST_DIFFERENCES = 40
"""Lines of a table of which it is told how their settings differ."""
_DATA = re.compile(r' data-[a-z]+="[^"]*"')
"""Attributes for programs: here each number leads to its runs, and the page is to stay small."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunBehind:
    """One run behind the numbers of a line."""

    trial_id: str
    place: str
    """The id of the run's line in the page; "" where it is not known yet which trial it will be."""
    label: str
    values: tuple[str, ...]
    """For each column; "" where it has no part in it."""
    why: str = ""
    """Why it is left out of some number; "" for one that is in all of its."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LineBehind:
    """What the numbers of one line were made from."""

    place: str
    """Its id in the page."""
    label: str
    runs: tuple[RunBehind, ...]
    summary: tuple[tuple[str, tuple[str, ...]], ...]
    """Below the runs: what is made of them (`median`, `lowest`, …), for each column."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A setting that is not the same in all lines of a table."""

    name: str
    values: tuple[str, ...]
    """For each line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sureness:
    """What can be said of a table's lines, and what more it would take."""

    arms: tuple[str, ...]
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    """Each comparison in numbers, under `heads`."""
    conclusions: tuple[str, ...]
    """The same in sentences, and what holds for all of them."""
    noise: tuple[str, ...]
    """What the test set's size leaves open."""
    growths: tuple[tuple[str, tuple[str, ...]], ...]
    """(what it settles and costs, what `--set` takes)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Where what is not in rows comes from."""

    read_epochs: Callable[[TrialRow], Epochs]
    """Returns the epochs of a finished trial."""
    read_file: Callable[[str, str], bytes]
    """Returns a file beside the row of a trial, by the trial's id and the file's name."""
    grow: Callable[[Sequence[str]], Plan]
    """Returns the plan with further overrides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A table and what belongs to it, or why there is none."""

    name: str
    title: str
    html: str = ""
    """Markup; all text in it is escaped."""
    columns: tuple[str, ...] = ()
    """Of the runs behind its numbers."""
    lines: tuple[LineBehind, ...] = ()
    labels: tuple[str, ...] = ()
    """Of the lines whose differences are told."""
    differences: tuple[Difference, ...] = ()
    sureness: Sureness | None = None
    problem: str = ""
    """Why there is no table, or no comparison."""
    metrics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Stage -> the metrics shown of it."""


def result_of(plan: Plan, rows: Mapping[str, TrialRow], spec: TableSpec, sources: Sources) -> Result:
    """Return a table's part of a report; what cannot be made is a sentence in its place."""
    title = spec.title or spec.name
    try:
        table = replace(with_comparison(plan, build(plan, rows, spec)), said=())  # they stand under how sure it is
    except SharptuneError as error:
        return Result(name=spec.name, title=title, problem=str(error))
    known = {trial.trial_id: trial for trial in plan.trials}
    lines = [_line(table, index, row, known) for index, row in enumerate(table.rows)]
    labels, differences = differences_of(table, known)
    sureness, problem = _sureness(plan, table, rows, sources)
    shown: dict[str, dict[str, None]] = {}
    for column in table.columns:
        shown.setdefault(column.stage, {})[column.metric] = None
    places = {line.place for line in lines}
    return Result(
        name=table.name,
        title=table.title,
        html=_DATA.sub("", html(table, link=lambda row, _: _link(table, row, places))),
        columns=tuple(_heading(column) for column in table.columns),
        lines=tuple(line for line in lines if line.runs),
        labels=labels,
        differences=differences,
        sureness=sureness,
        problem=problem,
        metrics={stage: tuple(metrics) for stage, metrics in shown.items()},
    )


def line_place(table: Table, index: int) -> str:
    """Return the id of the place where the runs of a line are told."""
    return f"behind-{table.name}-{index + 1}"


def _link(table: Table, index: int, places: Iterable[str]) -> str | None:
    place = line_place(table, index)
    return f"#{place}" if place in places else None


def line_label(row: TableRow) -> str:
    """Return what to call a line: `scalar p=1`."""
    words = [value if isinstance(value, str) else f"{key}={key_text(value)}" for key, value in row.keys.items()]
    return " ".join(word for word in words if word) or "all runs"


def _line(table: Table, index: int, row: TableRow, known: Mapping[str, PlannedTrial]) -> LineBehind:
    """Return the runs behind a line: each once, whatever columns it has a part in."""
    columns = table.columns
    found: dict[str, dict[str, Evidence]] = {}
    for column in columns:
        for one in row.cells[column.name].evidence:
            found.setdefault(one.trial_id, {})[column.name] = one
    cells = [row.cells[column.name] for column in columns]
    return LineBehind(
        place=line_place(table, index),
        label=line_label(row),
        runs=tuple(_behind(trial_id, told, columns, known) for trial_id, told in found.items()),
        summary=tuple(_summary(cells)),
    )


def _heading(column: Column) -> str:
    own = column.title or quantity_of(column.metric).title
    side = " ".join(f"{key}={key_text(value)}" for key, value in column.settings.items())
    return f"{side}: {own}" if side else own


def _behind(
    trial_id: str, told: Mapping[str, Evidence], columns: Sequence[Column], known: Mapping[str, PlannedTrial]
) -> RunBehind:
    reasons = dict.fromkeys(f"{one.state}: {one.reason}" for one in told.values() if one.state != "done")
    first = next(iter(told.values()))
    return RunBehind(
        trial_id=trial_id,
        place=run_place(trial_id) if trial_id in known else "",
        label=known[trial_id].label if trial_id in known else first.label,
        values=tuple(number_of(told[column.name]) if column.name in told else "" for column in columns),
        why="; ".join(reasons),
    )


def _summary(cells: Sequence[Cell]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Yield how the runs became the line's numbers."""
    if any(cell.n for cell in cells):
        yield "median ± half range", tuple(_median(cell) if cell.n else "" for cell in cells)
    if any(cell.n > 1 for cell in cells):
        yield "lowest to highest", tuple(_range(cell) if cell.n > 1 else "" for cell in cells)
    if any(cell.computed for cell in cells):
        yield "computed, as no run is in yet", tuple(_median(cell) if cell.computed else "" for cell in cells)
    if any(cell.n != cell.expected for cell in cells):
        yield "runs that are in", tuple(f"{cell.n} of {cell.expected}" for cell in cells)


def _median(cell: Cell) -> str:
    """Return `68.1 ± 1.2`; the number alone where it is one run's, or all have the same."""
    if cell.low == cell.high:
        return unrounded(cell.median)
    return f"{unrounded(cell.median)} ± {unrounded(cell.half_range)}"


def _range(cell: Cell) -> str:
    """Return `66.9 to 69.3`; `all 14822` where there is no range."""
    low, high = unrounded(cell.low), unrounded(cell.high)
    return f"all {low}" if cell.low == cell.high else f"{low} to {high}"


def differences_of(table: Table, known: Mapping[str, PlannedTrial]) -> tuple[tuple[str, ...], tuple[Difference, ...]]:
    """Return the labels of a table's lines, and every setting, seeds apart, in which their runs differ."""
    lines = [(row, [known[one.trial_id] for one in row.runs.evidence if one.trial_id in known]) for row in table.rows]
    lines = [(row, trials) for row, trials in lines if trials]
    if not 1 < len(lines) <= MOST_DIFFERENCES:
        return (), ()
    names = dict.fromkeys(
        f"{stage}.{name}" for _, trials in lines for stage, held in trials[0].values.items() for name in held
    )
    found = []
    for name in names:
        stage, _, key = name.partition(".")
        values = [_held(trials, stage, key) for _, trials in lines]
        if key != "seed" and len({tuple(map(identity, each)) for each in values}) > 1:
            words = tuple(", ".join(map(key_text, each)) if each else "–" for each in values)
            found.append(Difference(name=name.replace(".", ": "), values=words))
    return tuple(line_label(row) for row, _ in lines), tuple(found)


def _held(trials: Sequence[PlannedTrial], stage: str, key: str) -> list[JSON]:
    """Return the values that runs have of a setting, each once; none where they have no such stage or setting."""
    there = [trial.values[stage][key] for trial in trials if key in trial.values.get(stage, {})]
    return list({identity(value): value for value in there}.values())


def _sureness(plan: Plan, table: Table, rows: Mapping[str, TrialRow], sources: Sources) -> tuple[Sureness | None, str]:
    """Return what is said of a table's lines, or why nothing is."""
    arms = len(table.rows) * len({canonical_json(dict(column.settings)) for column in table.columns})
    if arms > MOST_COMPARED:
        return None, f"Its {arms:,} arms are too many to compare all of them here."
    try:
        found = compare(plan, table)
    except SharptuneError as error:
        return None, f"{error}." if len(table.rows) > 1 else ""
    layout = grid(found)
    _, *said = sentences(found)
    from orchestrator.comparisons.image_noise import image_noise  # loads NumPy

    noise = image_noise(found, sources.read_file)
    return Sureness(
        arms=tuple(line.strip() for line in said[: len(found.arms)]),
        heads=tuple(heading.title or "comparison" for heading in layout.headings),
        lines=tuple(tuple(entry.text for entry in line) for line in layout.lines),
        conclusions=tuple(said[len(found.arms) :]),
        noise=tuple(line.strip() for line in noise_sentences(found, noise)),
        growths=tuple(_growths(plan, found, rows, sources)),
    ), ""


def _growths(
    plan: Plan, found: Comparisons, rows: Mapping[str, TrialRow], sources: Sources
) -> Iterable[tuple[str, tuple[str, ...]]]:
    for settled, growth in growths_of(plan, found):
        price = price_of(plan, sources.grow(growth.overrides), rows)
        yield f"To settle {settled} of those that are open, {price.trials:,} more trials ({_cost(price)})", growth.lines


def _cost(price: Price) -> str:
    known = [f"{24 * days:.2g} {KINDS[name]}" for name, days in price.days.items()]
    unknown = [f"what a {stage} takes is not known yet" for stage in price.unknown]
    return "; ".join([*known, *unknown]) or "next to nothing"


KINDS = {"gpu_days": "GPU hours", "cpu_days": "CPU hours"}
