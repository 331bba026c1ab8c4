"""The cells of a table: the evidence of their slots, its median and range, and marks that say what to know of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.paper.published import PAPER_RUNS
from orchestrator.planning.planned_trial import PlannedTrial
from orchestrator.tables.evidence import Ancestry, Evidence, EvidenceState, Record, evidence_for
from orchestrator.tables.grouping import pooling
from orchestrator.tables.statistics import half_range, median_range
from trainables.catalog import TIMING
from trainables.trial import JSON, canonical_json

FEW = "few"
MARKS: Mapping[str, str] = {
    FEW: f"fewer than the paper's {PAPER_RUNS} runs",
    "missing": "n=a/b: a of the b planned runs are in",
    "failed": "some runs failed and are left out",
    "untrusted": "some runs are left out: their parent now records another result than the one they were made from",
    "unmeasured": "some runs did not measure this",
    "unverified": "a parent's row is missing, so what was taken from it cannot be checked",
    "commits": "runs from different commits, or of differently changed code",
    "versions": "runs with different versions of Python or of packages",
    "hardware": "runs on different hardware",
    "shares": "runs held different shares of a GPU, or different numbers of GPUs",
    "resumed": "a run went on, after an interruption, with other code, versions, threads or hardware",
}
"""All that a cell may be marked with, in words, in the order of the footnotes."""


LEFT_OUT: tuple[EvidenceState, ...] = ("failed", "untrusted")
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
    pooling: str = ""
    """How seeds of several stages pool: `2 searches × 3`; "" when there is one level only."""
    evidence: tuple[Evidence, ...] = ()

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
        inside = ",".join(f"{key}={plain_text(value)}" for key, value in self.settings.items())
        return f"{self.asked}[{inside}]" if inside else self.asked

    def value(self, cell: Cell) -> float | None:
        """Return the number that stands in the table."""
        return cell.low if self.best else cell.median


Members = Mapping[str, Sequence[PlannedTrial]]
"""One line's trials by column name."""


def cells_of(
    record: Record, ancestry: Ancestry, lines: Sequence[Members], columns: Sequence[Column]
) -> list[dict[str, Cell]]:
    """Return, for each line of a table, its cells by column name."""
    return [
        {column.name: _cell(record, ancestry, members[column.name], column) for column in columns} for members in lines
    ]


def _cell(record: Record, ancestry: Ancestry, trials: Sequence[PlannedTrial], column: Column) -> Cell:
    evidence = _evidence(record, ancestry, trials, column)
    values = [one.value for one in evidence if one.value is not None]
    summary = median_range(values) if values else None
    return Cell(
        n=len(values),
        expected=len(evidence),
        median=summary.median if summary else None,
        low=summary.low if summary else None,
        high=summary.high if summary else None,
        marks=tuple(_marks(column, len(values), evidence)),
        pooling=pooling(ancestry, trials) if column.own else "",
        evidence=tuple(evidence),
    )


def _evidence(record: Record, ancestry: Ancestry, trials: Iterable[PlannedTrial], column: Column) -> list[Evidence]:
    """Return what stands behind a cell, by its labels, what is not known yet last.

    An ancestor that trials share is there once: as the one whose row says which of several it took, if there is one.
    """
    slots = [ancestry.slot(trial, column.stage) for trial in trials]
    found = [(slot.chosen is None, slot.key, evidence_for(record, slot, column.metric)) for slot in slots]
    kept: dict[str, Evidence] = {}
    for _, key, one in sorted(found, key=lambda each: (each[0], each[2].label, each[1])):
        kept.setdefault(key, one)
    return list(kept.values())


def plain_text(value: JSON) -> str:
    """Return a setting's value for programs and headings: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else canonical_json(value)


def _marks(column: Column, n: int, evidence: Sequence[Evidence]) -> Iterable[str]:
    """Yield what a reader must know of a cell, in the order of MARKS.

    No result depends on the share of a GPU that a run held; what it measured of its running does.
    """
    done = [one for one in evidence if one.state == "done"]
    states = {one.state for one in evidence}
    said = {
        FEW: 0 < n < PAPER_RUNS,
        "missing": "missing" in states,
        "failed": "failed" in states,
        "untrusted": "untrusted" in states,
        "unmeasured": "unmeasured" in states,
        "unverified": any(one.unverified for one in done),
        "commits": len({(one.commit, one.code) for one in done}) > 1,
        "versions": len({canonical_json(one.versions) for one in done}) > 1,
        "hardware": len({one.hardware for one in done}) > 1,
        "shares": column.metric in TIMING and len(_shares(done)) > 1,
        "resumed": any(one.resumed for one in done),
    }
    return (mark for mark in MARKS if said[mark])


def _shares(evidence: Sequence[Evidence]) -> set[float | None]:
    """Return the shares of GPUs that runs held; None for one whose row does not say, nothing for one on a CPU."""
    return {share for one in evidence for share in ((None,) if one.gpus is None else one.gpus)}
