r"""The lines of a paper: of its file, and of all that it takes in by `\input` and `\include`.

The files may be anyone's. Only regular files in the paper's own folder are read, each once, none without end.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import PaperError
from orchestrator.words import size

LARGEST = 20 * 10**6
"""Bytes of all files together."""
DEEPEST = 50
r"""How deep `\input` may go."""
_INPUT = re.compile(r"\\(?:input|include|subfile)(?:\s*\{([^{}]*)\}|\s+([^\s\\{}%]+))")
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*")


@dataclass(frozen=True, kw_only=True, slots=True)
class TexLine:
    """One line, and where it stands."""

    file: str
    number: int
    """From 1."""
    text: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.number}"

    @property
    def code(self) -> str:
        """What is no comment."""
        return _COMMENT.sub(r"\1", self.text)


@dataclass(kw_only=True, slots=True)
class TexPaper:
    """All lines in the order in which LaTeX reads them, and sentences on what was not read."""

    lines: list[TexLine] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_paper(path: Path) -> TexPaper:
    """Return the lines of a paper. Raises: PaperError for a file that is not there, no text, or far too large."""
    paper = TexPaper()
    _Reader(root=path.parent, paper=paper).read(path, path.name)
    return paper


@dataclass(kw_only=True, slots=True)
class _Reader:
    root: Path
    paper: TexPaper
    read_already: set[Path] = field(default_factory=set)
    open: list[Path] = field(default_factory=list)
    bytes: int = 0

    def read(self, path: Path, name: str) -> None:
        self.read_already.add(path.resolve())
        self.open.append(path.resolve())
        for number, text in enumerate(self._text(path, name).splitlines(), start=1):
            line = TexLine(file=name, number=number, text=text)
            self.paper.lines.append(line)
            for taken in _taken_in(line.code):
                self._follow(taken, line)
        self.open.pop()

    def _follow(self, taken: str, line: TexLine) -> None:
        path = self.root / (taken if taken.endswith(".tex") else f"{taken}.tex")
        try:
            place = path.resolve()
            if not place.is_relative_to(self.root.resolve()):
                self._note(line, taken, "is not in the paper's folder")
            elif place in self.open:
                self._note(line, taken, "goes in a circle")
            elif len(self.open) >= DEEPEST:
                self._note(line, taken, f"is more than {DEEPEST} files deep")
            elif not place.is_file():
                self._note(line, taken, "is not there" if not place.exists() else "is no regular file")
            elif place not in self.read_already:
                self.read(path, place.relative_to(self.root.resolve()).as_posix())
        except (OSError, ValueError, RuntimeError):  # a name with a NUL, one that is too long, links in a circle
            self._note(line, taken, "is no name of a file that can be read")

    def _note(self, line: TexLine, taken: str, why: str) -> None:
        self.paper.notes.append(rf"{line.place}: \input{{{taken[:200]}}} {why}: it was not looked at")

    def _text(self, path: Path, name: str) -> str:
        if not path.is_file():
            raise PaperError(f"there is no file {name}" if not path.exists() else f"{name} is no file of LaTeX")
        self.bytes += path.stat().st_size
        if self.bytes > LARGEST:
            raise PaperError(
                f"{name}: the paper has more than {size(LARGEST)} of LaTeX; name the file with the numbers"
            )
        data = path.read_bytes()
        if b"\0" in data:
            raise PaperError(f"{name} is no text: it holds a byte 0")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            self.paper.notes.append(f"{name}:{line}: not UTF-8, so the file was read as Latin-1")
            return data.decode("latin-1")


def _taken_in(code: str) -> Iterator[str]:
    for found in _INPUT.finditer(code):
        yield (found[1] or found[2] or "").strip().strip('"')
