"""Temporary folders that say whose they are, so that those of killed processes are known from those in use.

`<the temporary folder>/sharptune-<kind>-<the mark of its process>-<anything>`.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainables.record.processes import Process


def create_folder(kind: str) -> Path:
    """Return a new folder that only this user sees. Whoever made it deletes it, or `left_by_the_dead` names it."""
    return Path(tempfile.mkdtemp(prefix=f"{_begin(kind)}{Process.current().mark}-"))


@contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """Yield such a folder, which is gone when the block is left."""
    folder = create_folder(kind)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def folders(kind: str) -> list[Path]:
    """Return the folders of a kind that this user's processes made, sorted, also of those that still use theirs."""
    place = Path(tempfile.gettempdir())
    try:
        found = sorted(path for path in place.iterdir() if path.name.startswith(_begin(kind)))
    except OSError:
        return []
    return [path for path in found if is_own(path)]


def left_by_the_dead(kind: str) -> list[Path]:
    """Return those of processes that are known to be dead; one of another machine or container cannot be asked."""
    begin = _begin(kind)
    return [path for path in folders(kind) if Process.alive_by_mark(path.name.removeprefix(begin)) is False]


def pid_of(folder: Path) -> int:
    """Return the number of the process that made such a folder."""
    return int(folder.name.split("-")[3])


def _begin(kind: str) -> str:
    return f"sharptune-{kind}-"


def is_own(path: Path) -> bool:
    """Say whether it is a folder of this user's, and no link to one."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
