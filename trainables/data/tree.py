"""What lies in a folder that a user names: every file and folder, behind links too, and nothing that is hidden.

Links are followed, as torchvision does. What a system leaves behind is no data: names that begin with a dot
(`.ipynb_checkpoints`, `._1.jpg`, `.DS_Store`) and those of LEFTOVERS. What cannot be read is an error, never left out.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from trainables.errors import DataError

LEFTOVERS = frozenset({"__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information"})
_POINTERS = {
    b"version https://git-lfs": ("Git LFS", "git lfs pull"),
    b"/annex/objects/": ("git-annex", "git annex get"),
}
_HEAD = 32
"""Bytes that tell a pointer from a file."""


class PointerFile(DataError):
    """A file that stands for its content, which was never fetched."""


def hidden(name: str) -> bool:
    """Say whether a file or folder of that name is no data."""
    return name.startswith(".") or name in LEFTOVERS


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what lies in a folder, sorted by name, but for what is hidden.

    Raises: DataError where the folder cannot be read, or a link leads nowhere.
    """
    try:
        with os.scandir(folder) as found:
            shown = sorted((entry for entry in found if not hidden(entry.name)), key=lambda entry: entry.name)
        for entry in shown:
            if entry.is_symlink():
                os.stat(entry.path)  # noqa: PTH116  (a Path for each of millions costs more)
    except OSError as error:
        path = os.fspath(error.filename or folder)
        if Path(path).is_symlink():
            raise DataError(
                f"{path} is a link to {Path(path).readlink()}, which cannot be read ({error.strerror}); mount or fetch "
                "that, or remove the link"
            ) from error
        raise DataError(f"{path} cannot be read: {error.strerror}; make it readable, or move it away") from error
    return shown


def folders_in(folder: Path) -> list[Path]:
    """Return the folders that lie in one, sorted by name. Raises: DataError."""
    return [Path(entry.path) for entry in entries(folder) if entry.is_dir()]


def walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield every file and folder below one, each folder before what is in it, sorted by name. Raises: DataError."""
    yield from _walk(folder, (os.path.realpath(folder),))


def files_in(folder: Path) -> list[Path]:
    """Return every file below a folder, in the order of their paths. Raises: DataError."""
    return sorted(Path(entry.path) for entry in walk(folder) if entry.is_file())


def _walk(folder: Path, above: tuple[str, ...]) -> Iterator[os.DirEntry[str]]:
    """`above` are the real paths of the folders that lead here, this one included."""
    for entry in entries(folder):
        yield entry
        if entry.is_dir():
            real = os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(above[-1], entry.name)  # noqa: PTH118
            if entry.is_symlink() and any(f"{place}/".startswith(f"{real}/") for place in above):
                raise DataError(f"{entry.path} is a link to {real}, in which it lies itself; remove the link")
            yield from _walk(Path(entry.path), (*above, real))


def printable(name: str) -> str:
    """Return a name that can be written down, whatever bytes it has."""
    return os.fsencode(name).decode(errors="replace")


def check_name(path: Path, *, last: bool = False) -> Path:
    """Return a path that can be written down; `last`: whose last name can. Raises: DataError unless that is UTF-8."""
    try:
        (path.name if last else str(path.absolute())).encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"the name of {os.fsencode(path)!r} is not UTF-8; rename it, or all that are so with: "
            "convmv -r -f latin1 -t utf8 --notest FOLDER"
        ) from error
    return path


def check_content(where: str, data: bytes) -> None:
    """Raises: PointerFile where a file only points to its content, which was never fetched."""
    for begins, (kind, command) in _POINTERS.items():
        if data.startswith(begins):
            raise PointerFile(f"{where} is a {kind} pointer, not the file itself; in its repository run: {command}")


def check_files(paths: Sequence[Path]) -> None:
    """Raises: DataError for a file that is empty, or only points to its content."""
    for path in paths:
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        check_content(str(path), head)
        if not head:
            raise DataError(f"{path} is empty; fetch it again")
