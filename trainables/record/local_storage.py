"""Records in a folder on a disk: what `trainables.record.storage` promises of them."""

import contextlib
import errno
import hashlib
import os
import time
import uuid
from dataclasses import replace
from pathlib import Path

from trainables.record.entry import Entry
from trainables.record.processes import Process

FRESH = ".tmp-"
"""How the name of a file begins that is being written: `.tmp-<machine>-<pid>-<started>-<anything>`."""
LEFT_SECONDS = 86_400.0
"""The age at which a half-written file of a process that cannot be asked counts as left by a dead one."""


class LocalStorage:
    """A folder on a disk that all processes see."""

    remote = False

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.uri = str(self.root)

    def within(self, seconds: float) -> "LocalStorage":
        """Return itself: nothing is waited for here."""
        return self

    def read(self, path: str) -> bytes:
        try:
            return (self.root / path).read_bytes()
        except NotADirectoryError as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error

    def write(self, path: str, data: bytes, *, durable: bool = True) -> None:
        target = self.root / path
        with self._fresh(target, data, durable) as fresh:
            fresh.replace(target)
        if durable:
            _sync_folder(target.parent)

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        target = self.root / path
        with self._fresh(target, data, durable) as fresh:
            try:
                os.link(fresh, target)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
                    raise
                if not _create_without_links(target, data):
                    return False
        if durable:
            _sync_folder(target.parent)
        return True

    def append(self, path: str, data: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as file:
            file.write(data)

    def names(self, folder: str) -> list[str]:
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted(entry.name for entry in entries if not entry.name.startswith(FRESH))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def walk(self, folder: str) -> dict[str, Entry]:
        found = {}
        for above, _, names in os.walk(self.root / folder):
            for name in names:
                path = Path(above, name)
                with contextlib.suppress(FileNotFoundError):  # gone meanwhile
                    if not name.startswith(FRESH):
                        state = path.stat()
                        entry = Entry(bytes=state.st_size, modified=state.st_mtime, version="")
                        found[path.relative_to(self.root).as_posix()] = entry
        return found

    def exists(self, path: str) -> bool:
        try:
            (self.root / path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def age(self, path: str) -> float:
        return time.time() - (self.root / path).stat().st_mtime

    def delete(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)

    def move(self, path: str, to: str) -> None:
        (self.root / path).rename(self.root / to)

    def tidy(self, folder: str) -> None:
        for left in (self.root / folder).rglob(f"{FRESH}*"):
            with contextlib.suppress(FileNotFoundError):
                if _abandoned(left):
                    left.unlink()

    @contextlib.contextmanager
    def _fresh(self, target: Path, data: bytes, durable: bool):
        """Hold the data in a file of its own beside the target, gone at the end if nobody renamed it."""
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.parent / f"{FRESH}{_mark(Process.current())}-{uuid.uuid4().hex}"
        try:
            with fresh.open("xb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            yield fresh
        finally:
            fresh.unlink(missing_ok=True)


def _mark(process: Process) -> str:
    """Return what a process writes into the names of its files; two machines never write the same."""
    machine = hashlib.sha256(f"{process.host}/{process.boot}".encode()).hexdigest()[:12]
    return f"{machine}-{process.pid}-{process.started}"


def _abandoned(left: Path) -> bool:
    """Say whether nobody writes a file any more: its process is dead, or it is a day old where that cannot be asked."""
    machine, pid, started, *_ = [*left.name.removeprefix(FRESH).split("-"), "", "", ""]
    here = Process.current()
    if machine == _mark(here).split("-")[0] and pid.isdigit():
        return replace(here, pid=int(pid), started=started).alive() is False
    return time.time() - left.stat().st_mtime > LEFT_SECONDS


def half_written(root: Path) -> dict[str, int]:
    """Return what killed writers left half written below a folder, and nobody still writes: paths and their bytes."""
    found = {}
    for left in sorted(root.rglob(f"{FRESH}*")):
        with contextlib.suppress(FileNotFoundError):
            if _abandoned(left):
                found[left.relative_to(root).as_posix()] = left.stat().st_size
    return found


def drop_empty(folder: Path) -> None:
    """Remove a folder, and those in it, where no file is left in them."""
    for inner, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):  # there is something in it
            Path(inner).rmdir()


def _create_without_links(target: Path, data: bytes) -> bool:
    """Create exclusively on a file system that has no hard links; a reader may see it half written for a moment."""
    try:
        with target.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut; some file systems do not offer it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
