"""What a run keeps in the temporary folder: Tune's scratch, and the session folder of the Ray that it started.

Both go when the run ends. A run that was killed leaves them, and with them, for a minute or two, agents of its Ray; the
next run of the same user on the machine removes what is a dead run's, and nothing else.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psutil

from trainables.execution.printed import KIND as OUTPUT
from trainables.execution.printed import bring_in
from trainables.record.storage import Storage
from trainables.record.temporary import create_folder, is_own, left_by_the_dead, pid_of, temporary_folder

RAY, TUNE = "ray", "tune"
"""Kinds of temporary folders: one notes where a Ray that was started has its session; one is Tune's."""
PLACE = "place"
START_SECONDS = 600.0
"""Within which Ray makes its session folder after a run noted that it starts one."""
KEPT_SECONDS = 7 * 86_400.0
"""How long outputs wait for a run on the object store that they belong to."""
WAIT_SECONDS = 3.0
"""For processes to end that were killed."""


@contextlib.contextmanager
def scratch() -> Iterator[str]:
    """Yield a folder for what Tune writes."""
    with temporary_folder(TUNE) as folder:
        yield str(folder)


def ray_folder() -> Path:
    """Return where Ray puts its session folders by default."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp", "ray")  # as Ray has it


class RaySession:
    """The session folder of a Ray that this process starts, from before its start."""

    def __init__(self) -> None:
        self._note = create_folder(RAY)
        (self._note / PLACE).write_text(str(ray_folder().absolute()))

    def remove(self) -> None:
        """Delete it; Ray has ended."""
        _remove_session(self._note)


def sweep(storage: Storage) -> None:
    """Remove what killed runs left on this machine; what their trials printed goes to its object store before."""
    if storage.remote:
        bring_in(storage)
    for note in left_by_the_dead(RAY):
        _remove_session(note)
    old = [folder for folder in left_by_the_dead(OUTPUT) if _age(folder) > KEPT_SECONDS]
    for folder in (*left_by_the_dead(TUNE), *old):
        shutil.rmtree(folder, ignore_errors=True)


def _remove_session(note: Path) -> None:
    """Delete the session folders that a note stands for, what still runs there of a dead Ray, and the note at last."""
    for session in _sessions(note):
        processes = _processes(session)
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(processes, timeout=WAIT_SECONDS)
        shutil.rmtree(session, ignore_errors=True)
        latest = session.parent / "session_latest"
        with contextlib.suppress(OSError):
            if latest.readlink() == session:
                latest.unlink()
    if not _sessions(note):  # or the next run's turn comes
        shutil.rmtree(note, ignore_errors=True)


def _sessions(note: Path) -> list[Path]:
    """Return the folders that Ray named for the process of a note after that was written."""
    try:
        noted, place = (note / PLACE).stat().st_mtime, Path((note / PLACE).read_text())
    except OSError:
        return []
    found = place.glob(f"session_*_{pid_of(note)}")
    return [path for path in found if is_own(path) and noted - 1 <= _made(path) <= noted + START_SECONDS]


def _made(session: Path) -> float:
    """Return when Ray made a session folder, as it named it; 0 where it is named otherwise."""
    try:
        return datetime.strptime(session.name.rpartition("_")[0], "session_%Y-%m-%d_%H-%M-%S_%f").timestamp()
    except ValueError:
        return 0.0


def _age(folder: Path) -> float:
    with contextlib.suppress(OSError):
        return time.time() - folder.stat().st_mtime
    return 0.0


def _processes(session: Path) -> list[psutil.Process]:
    """Return Ray's workers and agents that still write into a session folder; its other processes end at once."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name().startswith("ray::") and process.uids().real == os.getuid():
                found += [process] if any(session in Path(f.path).parents for f in process.open_files()) else []
    return found
