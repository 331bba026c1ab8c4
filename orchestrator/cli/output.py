"""Where words leave the program: every command prints through here.

What takes them may be anything: a terminal, a pipe that nobody reads any more, a full disk, a stream that knows no `±`.
"""

import codecs
import contextlib
import io
import json
import os
import shutil
import sys
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from orchestrator.errors import HaltError
from orchestrator.words import shown
from trainables.trial import JSON

if TYPE_CHECKING:
    from orchestrator.running.display import Display
    from orchestrator.running.session import Listener

ENCODING_ERRORS = "sharptune"
"""What streams do with a character that their encoding does not have: it is written in ASCII."""
CLEAR = "\x1b[H\x1b[2J"
"""What empties a terminal."""
CANNOT = "what is printed cannot be written"
PLAIN = {
    "±": "+-",
    "×": "x",
    "→": "->",
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "─": "-",
    "━": "-",
    "“": '"',
    "”": '"',
    "·": "*",
    "∼": "~",
    "Δ": "change",
    "✓": "yes",
    "✗": "no",
}


class NobodyReadsError(Exception):
    """The other end of the pipe is closed."""


def say(text: str = "", *, err: bool = False, end: str = "\n") -> None:
    """Print text for people, on stderr with `err`; what a terminal would act on is spelled out.

    Raises: NobodyReadsError, HaltError where stdout does not take it. That stderr does not, nobody could be told.
    """
    stream = sys.stderr if err else sys.stdout
    try:
        if stream is not None:
            print(shown(text), end=end, file=stream, flush=True)
    except OSError as error:
        turn_off(stream)
        if isinstance(error, BrokenPipeError) and not err:
            raise NobodyReadsError from error
        if not err:
            raise HaltError(f"{CANNOT} ({error.strerror})") from error


def say_json(value: JSON, *, indent: int | None = 1) -> None:
    """Print a value for programs: in ASCII, which every pipe and terminal takes as it is. Raises: as `say`."""
    say(json.dumps(value, indent=indent))


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole, or leave what was there; what is no file, as a device, or leads to one is written into.

    Raises: OSError, with the name of the file.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_bytes(data)
        return
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        fresh.write_bytes(data)
        fresh.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()


class Outlet:
    """Prints for a run, which goes on when nobody reads of it any more, or what it says cannot be written."""

    def __init__(self, *, to_stderr: bool, lasting: bool) -> None:
        self.to_stderr = to_stderr
        self._lasting = lasting
        self._working = False
        self._lost = False
        self._told = False

    def say(self, text: str) -> None:
        """Print words. Raises: as `attempt`."""
        self.attempt(lambda: say(text, err=self.to_stderr))

    @contextlib.contextmanager
    def open(self, display: "Display") -> Iterator["Listener"]:
        """Begin to work, and yield what hears of it for a display."""
        self._working = True
        self.attempt(display.__enter__)
        try:
            yield lambda event: self.attempt(lambda: display(event))
        finally:
            self.attempt(lambda: display.__exit__(None, None, None))

    def attempt(self, printing: Callable[[], object]) -> None:
        """Print, if that can be done.

        Raises: NobodyReadsError where there is nothing to go on with; HaltError before work has begun.
        """
        try:
            printing()
        except (NobodyReadsError, BrokenPipeError) as error:
            if not self._lasting:
                raise
            self._give_up("nobody reads what is printed here any more", error)
        except (HaltError, OSError) as error:
            if not self._working:
                raise
            self._lost = True
            self._give_up(f"{CANNOT} ({error.strerror})" if isinstance(error, OSError) else str(error), error)

    def code(self, code: int) -> int:
        """Return a command's exit code: what could not be written is no success."""
        return code or int(self._lost)

    def _give_up(self, why: str, error: Exception) -> None:
        if isinstance(error, OSError):  # not through `say`, which has turned its stream off
            turn_off(sys.stderr if self.to_stderr else sys.stdout)
        if not self._told:
            self._told = True
            say(f"note: {why}; the run goes on all the same", err=True)


def redraw(heading: str, lines: Sequence[str]) -> None:
    """Print lines in place of those before, on a terminal that can; anywhere else as another block.

    What is higher than the terminal loses its beginning. Raises: NobodyReadsError, HaltError.
    """
    if not sys.stdout.isatty() or os.environ.get("TERM") in ("dumb", "unknown"):
        say("\n".join([heading, *lines, ""]))
        return
    size = shutil.get_terminal_size()
    rows = [row for line in lines for row in _rows(line, size.columns)]
    with contextlib.suppress(OSError):
        sys.stdout.write(CLEAR)
    say("\n".join([heading, *rows[-max(1, size.lines - 2) :]]))


def _rows(line: str, columns: int) -> list[str]:
    """Return a line as a terminal breaks it."""
    return [line[at : at + columns] for at in range(0, max(1, len(line)), columns)]


def fit_streams() -> None:
    """Let stdout and stderr take every character, in whichever encoding they write."""
    codecs.register_error(ENCODING_ERRORS, _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ENCODING_ERRORS)


def spelled(text: str) -> str:
    """Return text in the letters of stdout's encoding, as `say` will print it: that is how wide it is."""
    stream = sys.stdout
    if text.isascii() or not isinstance(stream, io.TextIOWrapper) or stream.errors != ENCODING_ERRORS:
        return text
    return shown(text).encode(stream.encoding, ENCODING_ERRORS).decode(stream.encoding)


def settle_streams() -> None:
    """Flush what is printed; what cannot be written is given up, so that the end of the process is quiet."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            turn_off(stream)


def turn_off(stream: TextIO | None) -> None:
    """Let a stream's file be nowhere from now on: for this process, and for those that it starts."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # it may have no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        os.close(nowhere)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    """Return a character in ASCII: what looks like it, its letter without accents, or its number."""
    if character in PLAIN:
        return PLAIN[character]
    letters = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    raised = "^" if unicodedata.decomposition(character).startswith("<super>") else ""
    return raised + letters if letters else character.encode("ascii", "backslashreplace").decode()
