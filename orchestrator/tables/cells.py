"""The cells of a table: the evidence of their slots, its median and range, and marks that say what to know of it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.paper.published import PAPER_RUNS
from orchestrator.planning.grids.planned_trial import PlannedTrial
from orchestrator.tables.evidence import Ancestry, Evidence, EvidenceState, Origin, Record
from orchestrator.tables.grouping import pooling
from orchestrator.tables.quantities import quantity_of
from orchestrator.tables.standing import Evidences, Standing, independent, measurements, standing_of
from orchestrator.tables.statistics import half_range, median_range
from trainables.catalog import TIMING
from trainables.trial import JSON, TrialRow, canonical_json

FEW = "few"
COMPUTED = "computed"
MARKS: Mapping[str, str] = {
    FEW: f"fewer than the paper's {PAPER_RUNS} runs",
    "missing": "n=a/b: a of the b planned runs are in",
    COMPUTED: "computed from the architecture: a size needs no run, and none is in yet",
    "failed": "some runs failed and are left out",
    "untrusted": "some runs are left out: their parent now records another result than the one they were made from",
    "unmeasured": "some runs did not measure this",
    "alike": "some runs are left out: each shares its result with another one here that is alike, which counts once",
    "unverified": "a parent's row is missing, so what was taken from it cannot be checked",
    "commits": "runs from different commits, or of differently changed code",
    "versions": "runs with different versions of Python or of packages",
    "hardware": "runs on different hardware",
    "shares": "runs held different shares of a GPU, or different numbers of GPUs",
    "resumed": "a run went on, after an interruption, with other code, versions, threads or hardware",
}
"""All that a cell may be marked with, in words, in the order of the footnotes."""


LEFT_OUT: tuple[EvidenceState, ...] = ("failed", "untrusted", "alike")
"""Runs that are there but not in the numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One number of a table and all that stands behind it, in the units of the rows."""

    n: int
    expected: int
    """How many runs the plan has for this cell."""
    median: float | None = None
    low: float | None = None
    high: float | None = None
    change: float | None = None
    """(value − baseline)/|baseline| of the unrounded numbers, when the table has a baseline."""
    marks: tuple[str, ...] = ()
    """Keys of MARKS."""
    independent: int = 0
    """How many of the n were drawn independently: 2 for the 4 trainings of 2 searches."""
    pooling: str = ""
    """How seeds of several stages pool: `2 searches × 3`; "" when there is one level only."""
    states: Mapping[EvidenceState, int] = field(default_factory=dict)
    """How many of the planned runs are in each state, as far as any are."""
    computed: Mapping[str, float] = field(default_factory=dict)
    """What settings alone determine, by the trial's id, while n is 0: then median, low and high are of these."""
    whole: bool = False
    """All its numbers are whole ones."""
    undecided: bool = False
    """One of its runs would be the best of several, and there will be no best of them as things are."""
    evidence: Sequence[Evidence] = ()
    """Where each of its numbers comes from; made when it is asked for."""

    @property
    def half_range(self) -> float | None:
        """(high − low)/2, the paper's ±; None without a run."""
        return None if self.low is None or self.high is None else half_range(self.low, self.high)

    @property
    def trials(self) -> tuple[str, ...]:
        """Ids of the trials whose numbers are in the cell."""
        return self.in_state("done")

    def in_state(self, state: EvidenceState) -> tuple[str, ...]:
        """Return the ids of the cell's trials in a state of their evidence."""
        return tuple(one.trial_id for one in self.evidence if one.state == state)


NOTHING = Cell(n=0, expected=0, whole=True)
"""A cell that no planned trial belongs to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One measured column: what was asked for, and where it is measured."""

    asked: str
    """As the author named it: the metric, with `:best` or `:median` where the column says so itself."""
    stage: str
    metric: str
    own: bool
    """It is measured by the table's own trials, not by an ancestor."""
    best: bool = False
    """It shows the best run, not the median."""
    title: str = ""
    """Its heading, where the author gave one."""
    short: str = ""
    """The same where there is little room."""
    unit: str | None = None
    """The symbol of the unit it is shown in, where the author gave one."""
    digits: int | None = None
    """Its decimals, where the author gave them."""
    change: bool = True
    """The change against a baseline stands beside it, where the table has one."""
    settings: Mapping[str, JSON] = field(default_factory=dict)
    """What its trials have in common, when the values of a key stand side by side."""

    @property
    def name(self) -> str:
        """Its name in JSON and CSV: `test_error_best`, or `test_error_best[p=1]` when settings stand side by side."""
        if not self.settings:
            return self.asked
        inside = ",".join(f"{key}={plain_text(value)}" for key, value in self.settings.items())
        return f"{self.asked}[{inside}]"

    def value(self, cell: Cell) -> float | None:
        """Return the number that stands in the table."""
        if not self.best:
            return cell.median
        return cell.high if quantity_of(self.metric).rising else cell.low


Members = Mapping[str, Sequence[PlannedTrial]]
"""One line's trials by column name; columns of the same settings have the same list."""


def cells_of(
    record: Record, ancestry: Ancestry, lines: Sequence[Members], columns: Sequence[Column], pooled: Sequence[str] = ()
) -> list[dict[str, Cell]]:
    """Return, for each line of a table, its cells by column name.

    Args:
        pooled: the axes beside seeds over which cells pool, each `stage.key`.
    """
    return [_line(record, ancestry, members, columns, pooled) for members in lines]


def _line(
    record: Record, ancestry: Ancestry, members: Members, columns: Sequence[Column], pooled: Sequence[str]
) -> dict[str, Cell]:
    """Return the cells of a line; what several have behind them is looked up once."""
    behind: dict[tuple[int, str], _Behind] = {}
    made: dict[tuple[int, str, str], Cell] = {}
    cells: dict[str, Cell] = {}
    for column in columns:
        name = column.name
        trials = members[name]
        key = (id(trials), column.stage)
        if key not in behind:
            standing = standing_of(record, ancestry, trials, column.stage, pools=bool(pooled))
            behind[key] = _Behind(
                standing=standing,
                origins=(origins := record.origins(standing.done)),
                unlike=_unlike(origins),
                pooling=pooling(ancestry, trials, pooled) if column.own else "",
            )
        what = (*key, column.metric)
        if what not in made:
            made[what] = _cell(record, behind[key], column)
        cells[name] = made[what]
    return cells


@dataclass(frozen=True, kw_only=True, slots=True)
class _Behind:
    """What stands behind some cells of a line."""

    standing: Standing
    origins: Collection[Origin]
    """What the runs were made by that are done."""
    unlike: Mapping[str, bool]
    """`_unlike` of these."""
    pooling: str


def _cell(record: Record, behind: _Behind, column: Column) -> Cell:
    standing = behind.standing
    rows, values = measurements(standing, column.metric)
    summary = median_range(values) if values else None
    states: dict[EvidenceState, int] = {
        **standing.states,
        "unmeasured": len(standing.done) - len(rows),
        "done": len(rows),
    }
    draws = independent(standing, rows)
    return Cell(
        n=len(values),
        independent=draws,
        expected=standing.expected,
        median=summary.median if summary else None,
        low=summary.low if summary else None,
        high=summary.high if summary else None,
        marks=tuple(_marks(record, column, behind, rows, states, draws)),
        pooling=behind.pooling,
        states={state: count for state, count in states.items() if count},
        whole=all(map(float.is_integer, values)),
        undecided=standing.undecided,
        evidence=Evidences(record, standing, column.metric),
    )


def plain_text(value: JSON) -> str:
    """Return a setting's value for programs and headings: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else canonical_json(value)


def detail_text(value: JSON) -> str:
    """Return what tables of papers print of a detail: ✓ and ✗ for yes and no, nothing where nothing is known."""
    if value is None:
        return ""
    return ("✓" if value else "✗") if isinstance(value, bool) else str(value)


def _marks(
    record: Record,
    column: Column,
    behind: _Behind,
    rows: Sequence[TrialRow],
    states: Mapping[EvidenceState, int],
    draws: int,
) -> Iterable[str]:
    """Yield what a reader must know of a cell, in the order of MARKS.

    No result depends on the share of a GPU that a run held; what it measured of its running does.
    """
    whole = len(rows) == len(behind.standing.done)
    origins = behind.origins if whole or len(behind.origins) == 1 else record.origins(rows)
    origins = origins if rows else ()
    unverified = behind.standing.unverified
    said = {
        **(behind.unlike if origins is behind.origins else _unlike(origins)),
        FEW: 0 < draws < PAPER_RUNS,
        **{state: bool(states[state]) for state in ("missing", "failed", "untrusted", "unmeasured", "alike")},
        "unverified": bool(unverified) and any(row.trial_id in unverified for row in rows),
        "shares": column.metric in TIMING and len(_shares(origins)) > 1,
    }
    return (mark for mark in MARKS if said.get(mark))


def _unlike(origins: Collection[Origin]) -> Mapping[str, bool]:
    """Return which marks say that runs were not all made by the same."""
    return {
        "commits": len({(one.commit, one.code) for one in origins}) > 1,
        "versions": len({one.versions for one in origins}) > 1,
        "hardware": len({one.hardware for one in origins}) > 1,
        "resumed": any(one.resumed for one in origins),
    }


def _shares(origins: Iterable[Origin]) -> set[float | None]:
    """Return the shares of GPUs that runs held; None for one whose row does not say, nothing for one on a CPU."""
    return {share for one in origins for share in ((None,) if one.gpus is None else one.gpus)}
