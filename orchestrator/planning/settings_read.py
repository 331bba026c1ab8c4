"""Which of the values in a stage's `config` and `grid` any of its trials reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from orchestrator.document.yaml_document import Path
from orchestrator.planning.grids.grid import FieldValue
from orchestrator.planning.grids.stage_order import Report

Stored: TypeAlias = Callable[[str], bool]
"""Says whether a trial of that id has begun or ended before.

A trial's id is without the settings that it does not read. It was with all of them once, and trials that have begun or
ended under such an id keep it: a plan is asked for against a storage.
"""


def nothing_stored(_trial_id: str) -> bool:
    """Say of every trial that it has never begun."""
    return False


@dataclass(slots=True)
class ReadSettings:
    """Takes note, trial by trial, of the written values that are read and of those that are not."""

    _read: set[Path] = field(default_factory=set)
    _unread: dict[Path, tuple[FieldValue, str]] = field(default_factory=dict)

    def note(self, given: Mapping[str, FieldValue], unread: Mapping[str, str]) -> None:
        """Take note of a trial: what it is given, and what of that it does not read, with the reasons."""
        for name, value in given.items():
            if name in unread:
                self._unread[value.path] = value, unread[name]
            else:
                self._read.add(value.path)

    def refuse_unread(self, report: Report) -> None:
        """Report the values that no trial reads, but for those in `config` that have no reason to be refused."""
        for path, (value, why) in self._unread.items():
            if path not in self._read and (value.varies or why):
                report(path, why or "no trial that this is given reads it, so it would change nothing; leave it out")
