"""Holds the numbers of a paper against the rows: those that carry our comments are judged, bare ones pointed out."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from orchestrator.errors import one_line
from orchestrator.manuscript.bare_numbers import bare_numbers
from orchestrator.manuscript.tex_files import TexLine, TexPaper
from orchestrator.tables.evidence import Evidence
from orchestrator.tables.formats.comments import (
    CHANGE,
    CellRecord,
    LineRecord,
    MacroRecord,
    NoRecordError,
    TableRecord,
    is_comment,
    line_records,
    read_comment,
)
from orchestrator.tables.formats.latex import escape
from orchestrator.tables.formats.macros import number
from orchestrator.tables.table import Table
from trainables.errors import SharptuneError
from trainables.trial import JSON

Kind = Literal["stale", "fewer", "failed", "gone", "edited", "unreadable"]
_SINCE: Mapping[str, str] = {"failed": "has failed since", "untrusted": "cannot be trusted any more"}
"""What has become of a run that has a row, but none that counts."""
Load = Callable[[TableRecord], Table]
"""Gives the table of today that a comment names. Raises: SharptuneError, OSError."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    file: str
    line: int
    kind: Kind
    sentence: str
    called: str = ""
    """Which number: its macro, or line and column; "" where it is none."""
    printed: str = ""
    should_be: str = ""
    """What would be printed today; "" where there is no such number."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


@dataclass(kw_only=True, slots=True)
class Report:
    """What was found in a paper."""

    findings: list[Finding] = field(default_factory=list)
    checked: int = 0
    """Numbers with a comment of ours."""
    not_judged: int = 0
    """Those among them whose table cannot be made any more, or has no row."""
    tables: set[str] = field(default_factory=set)
    bare: list[str] = field(default_factory=list)
    """Sentences on numbers without one that equal a tabulated one."""
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, JSON]:
        return {
            "ok": not self.findings,
            "checked": self.checked,
            "not_judged": self.not_judged,
            "tables": sorted(self.tables),
            "findings": [asdict(finding) for finding in self.findings],
            "bare": self.bare,
            "notes": self.notes,
        }


def check_paper(paper: TexPaper, load: Load, storage: str | None = None) -> Report:
    """Return what of a paper's numbers is not as the rows have it today; each table is loaded once.

    Args:
        storage: from which `load` takes the rows; None for the one that each comment names.
    """
    report = Report(notes=list(paper.notes))
    check = _Check(report=report, load=load, storage=storage)
    ours: set[tuple[str, int]] = set()
    for index, line in enumerate(paper.lines):
        try:
            record = read_comment(line.text)
        except NoRecordError as error:
            check.report_at(line, "unreadable", f"{error}: write the file again")
            continue
        if isinstance(record, TableRecord):
            check.begin(line, record)
        elif isinstance(record, LineRecord | MacroRecord):
            below = _below(paper.lines, index, record)
            number_line = below if below.file == line.file else line
            ours.add((number_line.file, number_line.number))
            check.hold(number_line, record)
    texts = [line for line in paper.lines if (line.file, line.number) not in ours]
    report.bare = list(bare_numbers(texts, [table for table in check.loaded.values() if table is not None]))
    return report


def _below(lines: Sequence[TexLine], index: int, record: LineRecord | MacroRecord) -> TexLine:
    """Return the line that a comment is about: the next, or, of a table's comments in a row, the one below all."""
    below = index + 1
    while isinstance(record, LineRecord) and below < len(lines) and is_comment(lines[below].text):
        below += 1
    return lines[below] if below < len(lines) else lines[index]


@dataclass(kw_only=True, slots=True)
class _Check:
    report: Report
    load: Load
    storage: str | None
    loaded: dict[TableRecord, Table | None] = field(default_factory=dict)
    today: dict[TableRecord, list[LineRecord]] = field(default_factory=dict)
    heads: dict[str, TableRecord] = field(default_factory=dict)
    """The table whose lines or macros a file is at."""
    begun: dict[TableRecord, TexLine] = field(default_factory=dict)
    """Where a table was named first."""
    told: set[tuple[str, str]] = field(default_factory=set)
    """What was said of a storage."""

    def report_at(self, line: TexLine, kind: Kind, sentence: str, **number: str) -> None:
        self.report.findings.append(Finding(file=line.file, line=line.number, kind=kind, sentence=sentence, **number))

    def begin(self, line: TexLine, head: TableRecord) -> None:
        """Load the table that a comment names, once."""
        self.heads[line.file] = head
        self.report.tables.add(head.table)
        if head in self.loaded:
            return
        self.begun[head] = line
        try:
            table = self.load(head)
        except (SharptuneError, OSError) as error:
            self.loaded[head] = None
            where = f"table {head.table!r} of {head.experiment}, storage {self.storage or head.storage}"
            self._lose(head, one_line(error), f"{where}, cannot be made any more: {one_line(error)}")
            return
        self.loaded[head] = table
        self.today[head] = line_records(table)

    def _lose(self, head: TableRecord, why: str, sentence: str) -> None:
        """Say that no number of a table can be judged; of one storage the same is said once."""
        if (head.storage, why) not in self.told:
            self.told.add((head.storage, why))
            self.report_at(self.begun[head], "gone", sentence)

    def hold(self, line: TexLine, record: LineRecord | MacroRecord) -> None:
        """Hold a line of a table, or of a macro, against its comment, and that against the rows."""
        cells = record.cells if isinstance(record, LineRecord) else {record.column: record.cell}
        self.report.checked += len(cells)
        for column, text in _changed(cells, line.code):
            called = _called(record, column)
            said = f"{called} was {text} when this was written, and is not any more: it was changed by hand"
            self.report_at(line, "edited", said, called=called, printed=text, should_be=text)
        head = self.heads.get(line.file)
        if head is None:
            self.report_at(line, "unreadable", "the comment of its table does not stand above it: write the file again")
            return
        table = self.loaded[head]
        if table is not None and not _has_rows(table) and any(cell.trials for cell in cells.values()):
            why = f"storage {self.storage or head.storage} has no row of {head.experiment} any more"
            self._lose(head, why, f"{why}: nothing can be held against it")
            table = None
        if table is None:
            self.report.not_judged += len(cells)
            return
        place = _find(record, self.today[head])
        for column, cell in cells.items():
            self._hold_cell(line, record, column, cell, table, None if place is None else self.today[head][place])

    def _hold_cell(
        self,
        line: TexLine,
        record: LineRecord | MacroRecord,
        column: str,
        old: CellRecord,
        table: Table,
        today: LineRecord | None,
    ) -> None:
        called = _called(record, column)
        new = today.cells.get(column) if today else None
        if today is None or new is None:
            what = "line" if today is None else "column"
            said = f"{called} is {old.text} here; the table has no such {what} any more"
            self.report_at(line, "gone", said, called=called, printed=old.text)
            return
        evidence = {one.trial_id: one for one in _evidence(table, today.line, column)}
        kind, reasons = _why(old, new, evidence, whole=isinstance(record, LineRecord))
        if kind is None:
            return
        change = f"is {old.text} here and should be {new.text}" if old.text != new.text else f"is still {new.text}"
        said = f"{called} {change}: {'; '.join(reasons)}"
        self.report_at(line, kind, said, called=called, printed=old.text, should_be=new.text)


def _has_rows(table: Table) -> bool:
    """Say whether any run of a table has a row."""
    return any(set(cell.states) - {"missing"} for row in table.rows for cell in row.cells.values())


def _evidence(table: Table, line: int, column: str) -> Iterator[Evidence]:
    """Yield what was planned for a number: of a change, for the baseline's, too."""
    row, name = table.rows[line], column.removesuffix(CHANGE)
    yield from row.cells[name].evidence
    if name != column and row.baseline is not None:
        yield from table.rows[row.baseline].cells[name].evidence


def _why(
    old: CellRecord, new: CellRecord, evidence: Mapping[str, Evidence], *, whole: bool
) -> tuple[Kind | None, Sequence[str]]:
    """Return what is wrong with a number, and why; None where nothing is. A `whole` line prints its n, too."""
    lost = [trial for trial in old.trials if trial not in new.trials]
    failed = [evidence[trial] for trial in lost if trial in evidence and evidence[trial].state in _SINCE]
    reasons = [f"run {one.trial_id} {_SINCE[one.state]}: {_shortened(one.reason)}" for one in failed]
    for trial in lost:
        if trial not in evidence:
            reasons.append(f"run {trial} is not of this table any more")
        elif evidence[trial] not in failed:
            reasons.append(f"run {trial} is {evidence[trial].state}")
    if new.n < old.n:
        reasons.append(f"n fell from {old.n} to {new.n}")
    elif (new.n, new.expected) != (old.n, old.expected):
        reasons.append(f"n was {old.n} of {old.expected} and is {new.n} of {new.expected}")
    more = len(set(new.trials) - set(old.trials))
    if failed:
        return "failed", reasons
    if new.n < old.n:
        return "fewer", reasons
    if old.text != new.text or lost or (whole and (new.n, new.expected) != (old.n, old.expected)):
        return "stale", reasons or [f"{more} more runs" if more else "the rows have changed"]
    return None, ()


def _shortened(reason: str) -> str:
    """Return the first 200 characters of a reason, in one line."""
    return " ".join(reason.split())[:200]


def _find(record: LineRecord | MacroRecord, today: Sequence[LineRecord]) -> int | None:
    """Return the place of a line among those of today: with the same keys; of several, that which stood there."""
    same = [line.line for line in today if (line.keys, line.block) == (record.keys, record.block)]
    return record.line if record.line in same else next(iter(same), None)


def _called(record: LineRecord | MacroRecord, column: str) -> str:
    if isinstance(record, MacroRecord):
        return f"\\{record.macro}"
    return " ".join([*record.keys.values(), column])


def _changed(cells: Mapping[str, CellRecord], below: str) -> Iterator[tuple[str, str]]:
    """Yield the columns whose numbers do not stand in a line, and these; `a or b` where one of two equal ones does."""
    columns: dict[str, list[str]] = {}
    for column, cell in cells.items():
        columns.setdefault(cell.text, []).append(column)
    for text, equal in columns.items():
        stand = _times(text, below)
        if not stand:
            yield from ((column, text) for column in equal)
        elif stand < len(equal):
            yield " or ".join(equal), text


def _times(text: str, below: str) -> int:
    """Return how often a number stands in a line, as a table or a macro prints it."""
    written = "|".join(re.escape(words) for words in {escape(text), number(text)})
    return len(re.findall(rf"(?<![\d.])(?:{written})(?![\d]|\.\d)", below))
