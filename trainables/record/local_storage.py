"""Records in a folder on a disk: what `trainables.record.storage` promises of them."""

import contextlib
import errno
import os
import time
import uuid
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
    exclusive = True

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

    def left(self, folder: str) -> dict[str, int]:
        found = {}
        for path in sorted((self.root / folder).rglob(f"{FRESH}*")):
            with contextlib.suppress(FileNotFoundError):
                if _abandoned(path):
                    found[path.relative_to(self.root / folder).as_posix()] = path.stat().st_size
        return found

    def tidy(self, folder: str) -> None:
        for left in self.left(folder):
            (self.root / folder / left).unlink(missing_ok=True)

    def drop(self, folder: str) -> None:
        for inner, _, _ in os.walk(self.root / folder, topdown=False):
            with contextlib.suppress(OSError):  # there is something in it
                Path(inner).rmdir()

    @contextlib.contextmanager
    def _fresh(self, target: Path, data: bytes, durable: bool):
        """Hold the data in a file of its own beside the target, gone at the end if nobody renamed it."""
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.parent / f"{FRESH}{Process.current().mark}-{uuid.uuid4().hex}"
        try:
            with fresh.open("xb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            yield fresh
        finally:
            fresh.unlink(missing_ok=True)


def _abandoned(left: Path) -> bool:
    """Say whether nobody writes a file any more: its process is dead, or it is a day old where that cannot be asked."""
    alive = Process.alive_by_mark(left.name.removeprefix(FRESH))
    if alive is not None:
        return not alive
    return time.time() - left.stat().st_mtime > LEFT_SECONDS


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
