"""The command that prints what happened in a trial, and what its process printed."""

import codecs
import contextlib
import time
from collections.abc import Callable, Sequence

import click

from orchestrator.cli.options import json_option, open_ledger, storage_option
from orchestrator.cli.output import say, say_json
from orchestrator.errors import LedgerError
from trainables.record.outputs import Output, attempt_of
from trainables.record.trial_folder import TrialFolder
from trainables.trial import JSON

FOLLOW_SECONDS = 1.0
LOG = "log.txt"


@click.command()
@click.argument("trial")
@storage_option
@click.option("--attempt", type=click.IntRange(1), help="Whose output to print, instead of the last attempt's.")
@click.option("--follow", "-f", is_flag=True, help="Keep printing what is added, until the trial ends.")
@json_option
def logs(trial: str, storage: str, attempt: int | None, follow: bool, as_json: bool) -> None:
    """Print the log of TRIAL (an id, or its beginning), and what its process printed.

    That is all that went to stdout and stderr in its last attempt that printed anything: warnings, errors of libraries,
    how a process died. `run --runner local` keeps none, for there the trial prints to the terminal.
    """
    if follow and as_json:
        raise click.UsageError("--follow prints lines, not JSON")
    ledger = open_ledger(storage, to_read=True)
    folder = ledger.folder(ledger.find(trial))
    reader = Reader(folder, attempt)
    if follow and ledger.row(folder.trial_id) is None:
        _follow(reader, ended=lambda: ledger.row(folder.trial_id) is not None)
    _must_be(folder, attempt)
    if as_json:
        say_json(_json(folder, attempt))
        return
    reader.print_new()
    reader.end()


def _follow(reader: "Reader", *, ended: Callable[[], bool]) -> None:
    """Print until a trial has ended; an object store gets its output a moment after its row."""
    more = True
    while more:
        more = not ended()
        reader.print_new()
        time.sleep(FOLLOW_SECONDS)


class Reader:
    """Prints the log of a trial and the output of one attempt, or of the last one and of those that follow."""

    def __init__(self, folder: TrialFolder, attempt: int | None) -> None:
        self._folder = folder
        self._attempt = attempt
        self._log = 0
        self._first: int | None = None
        """The attempt whose output comes first, where none was asked for."""
        self._tails: dict[str, Tail] = {}
        self._source = LOG
        """Whose words were printed last."""
        self._line_open = False

    def print_new(self) -> None:
        """Print what was added since the last time."""
        log = self._folder.read_log()
        self._print(LOG, log[self._log :])
        self._log = len(log)
        for name in self._wanted():
            with contextlib.suppress(FileNotFoundError):  # nothing was printed in the end
                output = self._folder.outputs.read(name)
                self._print(name, self._tails.setdefault(name, Tail()).take(output))

    def end(self) -> None:
        """Print what is left, and end the line."""
        for name, tail in self._tails.items():
            self._print(name, tail.end())
        if self._line_open:
            say()

    def _wanted(self) -> list[str]:
        names = self._folder.outputs.names()
        if self._attempt is not None:
            return [name for name in names if attempt_of(name) == self._attempt]
        if self._first is None and (last := _last_that_printed(self._folder, names)):
            self._first = attempt_of(last)
        return [name for name in names if self._first is not None and attempt_of(name) >= self._first]

    def _print(self, source: str, text: str) -> None:
        if not text:
            return
        if source != self._source:
            say("\n" * (1 + self._line_open) + _heading(source))
            self._source = source
        say(text, end="")
        self._line_open = not text.endswith("\n")


class Tail:
    """What of a growing output was not taken yet, as text: bytes that are none are spelled out."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._taken = 0
        """How many of all its bytes."""

    def take(self, output: Output) -> str:
        """Return what is new."""
        missed = max(0, output.left_out - self._taken)
        new = output.data[max(0, self._taken - output.left_out) :]
        self._taken = max(self._taken, output.left_out + len(output.data))
        gap = f"{self.end()}[{missed} bytes before this line are not kept]\n" if missed else ""
        return gap + _lines(self._decoder.decode(new))

    def end(self) -> str:
        """Return what was held back, since more of a character might have come."""
        return _lines(self._decoder.decode(b"", True))


def _last_that_printed(folder: TrialFolder, names: Sequence[str]) -> str:
    """Return the last output with something in it; on a disk an attempt has its file before it prints."""
    for name in reversed(names):
        with contextlib.suppress(FileNotFoundError):
            if folder.outputs.read(name).data:
                return name
    return ""


def _must_be(folder: TrialFolder, attempt: int | None) -> None:
    """Raises: LedgerError where there is nothing to print."""
    numbers = sorted(set(map(attempt_of, folder.outputs.names())))
    if attempt is not None and attempt not in numbers:
        kept = f"attempt {', '.join(map(str, numbers))}" if numbers else "none"
        raise LedgerError(f"of attempt {attempt} of trial {folder.trial_id} no output is kept; there is of {kept}")
    if not numbers and not folder.read_log():
        raise LedgerError(f"there is no {LOG} in the folder of trial {folder.trial_id}")


def _json(folder: TrialFolder, attempt: int | None) -> JSON:
    outputs = []
    for name in folder.outputs.names():
        if attempt in (None, attempt_of(name)):
            output, tail = folder.outputs.read(name), Tail()
            text = tail.take(Output(left_out=0, data=output.data)) + tail.end()
            outputs.append({"attempt": attempt_of(name), "file": name, "bytes_left_out": output.left_out, "text": text})
    return {"id": folder.trial_id, "log": folder.read_log().splitlines(), "outputs": outputs}


def _heading(source: str) -> str:
    what = "the log goes on" if source == LOG else f"what attempt {attempt_of(source)} printed"
    return f"==> {what} ({source}) <=="


def _lines(text: str) -> str:
    """Return text whose lines end as lines do: one that was written over stands before what came over it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
