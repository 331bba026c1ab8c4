"""The exceptions of planning, running and reading many trials.

SharptuneError (trainables.errors)  one clear sentence for a person; never shown with a traceback at the command line
├── SpecError                       an experiment that cannot be planned: all of its mistakes at once
├── RunError                        the runner cannot work: no such cluster, too small a cluster, other code on a node
├── HaltError                       this machine cannot go on (a full disk); what is finished is kept
├── LedgerError                     something asked of the record that it does not hold
├── TableError                      a table that cannot be made from its plan and rows
└── PaperError                      a paper's LaTeX that cannot be read
"""

from collections.abc import Sequence
from dataclasses import dataclass

from trainables.errors import SharptuneError


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One mistake of an experiment: where it stands, what was read there, and what is allowed."""

    file: str
    """The file's name; or the whole `--set` override that brought the mistake in."""
    line: int | None
    """From 1; None for an override."""
    path: str
    """The key, as `stages.search.grid.weighting[1]`; empty for the document as a whole."""
    read: str | None
    """What stands there, as text; None when nothing does."""
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        read = "" if self.read is None else f"read {self.read}; "
        return ": ".join(part for part in (place, self.path, read + self.message) if part)


class SpecError(SharptuneError):
    """An experiment that cannot be planned. Its text has one line for each problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class RunError(SharptuneError):
    """The runner cannot work as asked."""


class HaltError(SharptuneError):
    """This machine cannot go on; finished trials are kept."""


class LedgerError(SharptuneError):
    """The record does not hold what was asked for."""


class TableError(SharptuneError):
    """A table cannot be made from its plan and rows."""


class PaperError(SharptuneError):
    """The LaTeX of a paper cannot be read."""


def one_line(error: Exception) -> str:
    """Return what an exception says, in one line; its name when it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
