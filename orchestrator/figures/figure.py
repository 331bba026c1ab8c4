"""What a figure holds, whichever kind it is: panels of numbers, each with the trials that it comes from.

A panel can be written as JSON and as lines of a CSV file: all that is drawn is in both.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from orchestrator.planning.plan import PlannedTrial
from orchestrator.tables.evidence import Record
from trainables.trial import JSON, TrialRow

Epochs: TypeAlias = Sequence[Mapping[str, JSON]]
"""The rows of a trial's `epochs.parquet`."""
Line: TypeAlias = dict[str, JSON]
"""One line of a figure's data: the numbers of one mark by what they are."""


class Panel(Protocol):
    """Numbers under one title."""

    @property
    def title(self) -> str: ...

    def to_json(self) -> dict[str, JSON]:
        """Return all that is drawn, and which trials it comes from."""
        ...

    def lines(self) -> Iterator[Line]:
        """Yield the same, a mark at a time."""
        ...

    def words(self) -> str:
        """Return what is to be seen, for those who cannot see it."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure, ready to be drawn."""

    name: str
    title: str
    kind: str = "curves"
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = ()
    """Which trials are left out though they are done, and why: one sentence each."""
    missing: str = ""
    """What is not in it yet, in words; "" where nothing is missing."""

    def to_json(self) -> dict[str, JSON]:
        """Return everything that is drawn, and which trials it comes from."""
        return {
            "name": self.name,
            "title": self.title,
            "kind": self.kind,
            "notes": list(self.notes),
            "missing": self.missing,
            "panels": [panel.to_json() for panel in self.panels],
        }

    def to_csv(self) -> str:
        """Return everything that is drawn as CSV, a mark a line; texts that a spreadsheet would compute are quoted."""
        lines = [{"figure": self.name, "panel": p.title, **line} for p in self.panels for line in p.lines()]
        columns = list(dict.fromkeys(key for line in lines for key in line)) or ["figure", "panel"]
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _harmless(value) for key, value in line.items()} for line in lines)
        return text.getvalue()

    def description(self) -> str:
        """Return what the figure shows, in words: a text to stand in its place."""
        parts = [f"{panel.title}: {panel.words()}" if panel.title else panel.words() for panel in self.panels]
        return " ".join(filter(None, [f"{self.title}.", *(f"{part}." for part in parts), _sentence(self.missing)]))


def what_is_missing(trials: Iterable[PlannedTrial], rows: Mapping[str, TrialRow], record: Record) -> str:
    """Return how many of the runs behind a figure are not in it, and why: `2 of 12 runs are not in yet, 1 failed`."""
    ids = dict.fromkeys(trial.trial_id for trial in trials)
    failed = sum(each in rows and rows[each].state == "failed" for each in ids)
    absent = sum(each not in rows for each in ids)
    doubtful = sum(bool(record.distrust(each)) for each in ids)
    said = [
        f"{absent} of {len(ids)} runs {_are(absent)} not in yet" * bool(absent),
        (f"{failed} failed" if absent else f"{failed} of {len(ids)} runs failed") * bool(failed),
        f"{doubtful} cannot be trusted" * bool(doubtful),
    ]
    return ", ".join(filter(None, said))


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _harmless(value: JSON) -> JSON:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
