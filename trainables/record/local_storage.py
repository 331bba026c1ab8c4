"""Records in a folder on a disk: what `trainables.record.storage` promises of them.

The folder may hold what strangers put there, so no name leads out of it, nothing is written or deleted through a link
that does, and only plain files are read: a pipe would be waited for, and a device has no end.
"""

import contextlib
import errno
import os
import stat
import time
import uuid
from pathlib import Path, PurePosixPath

from trainables.errors import DamagedFile
from trainables.record.entry import Entry
from trainables.record.processes import Process

FRESH = ".tmp-"
"""How the name of a file begins that is being written: `.tmp-<machine>-<pid>-<started>-<anything>`."""
NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What the system says of a path at whose end nothing can be."""
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
        """Raises: FileNotFoundError; DamagedFile where something else than a file is."""
        place = self._place(path)
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno not in NOT_THERE:
                raise
            if Path(place).is_symlink():
                raise DamagedFile(f"{path} is a link that leads nowhere") from error
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), place) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise DamagedFile(f"{path} is no file")
        with os.fdopen(descriptor, "rb") as file:
            return file.read()

    def write(self, path: str, data: bytes, *, durable: bool = True) -> None:
        target = self._inside(path)
        with self._fresh(target, data, durable) as fresh:
            fresh.replace(target)
        if durable:
            _sync_folder(target.parent)

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        target = self._inside(path)
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

    def created(self, path: str, data: bytes) -> str | None:
        return "" if self.create(path, data) else None

    def append(self, path: str, data: bytes) -> None:
        target = self._inside(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(target, flags, 0o666), "ab") as file:
            file.write(data)

    def names(self, folder: str) -> list[str]:
        try:
            with os.scandir(self._at(folder)) as entries:
                return sorted(entry.name for entry in entries if not entry.name.startswith(FRESH))
        except OSError as error:
            if error.errno not in NOT_THERE:
                raise
            return []

    def walk(self, folder: str) -> dict[str, Entry]:
        found = {}
        for above, _, names in os.walk(self._at(folder)):
            for path in (Path(above, name) for name in names if not name.startswith(FRESH)):
                try:
                    state = path.stat()
                except OSError as error:
                    if error.errno not in NOT_THERE:  # gone meanwhile, or a link to nowhere
                        raise
                    continue
                found[path.relative_to(self.root).as_posix()] = _entry(state)
        return found

    def entry(self, path: str) -> Entry:
        try:
            return _entry(os.stat(self._place(path)))  # noqa: PTH116
        except OSError as error:
            if error.errno not in NOT_THERE:
                raise
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error

    def exists(self, path: str) -> bool:
        try:
            self._at(path).stat()
        except OSError as error:
            if error.errno not in NOT_THERE:
                raise
            return False
        return True

    def age(self, path: str) -> float:
        return time.time() - self._at(path).stat().st_mtime

    def delete(self, path: str) -> None:
        self._inside(path).unlink(missing_ok=True)

    def move(self, path: str, to: str) -> None:
        self._inside(path).rename(self._inside(to))

    def tidy(self, folder: str) -> None:
        top = self._inside(PurePosixPath(folder, FRESH).as_posix()).parent
        for left in half_written(top):
            (top / left).unlink(missing_ok=True)

    def _at(self, path: str) -> Path:
        """Return where a path of the storage is. Raises: FileNotFoundError where no path of one is like that."""
        return Path(self._place(path))

    def _place(self, path: str) -> str:
        """Return the same as text: of ten thousand paths, that takes a fifth of the time."""
        try:
            if "\0" in path or path.startswith("/") or ".." in path.split("/"):
                raise ValueError(path)
            os.fsencode(path)
        except ValueError as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error
        return f"{self.uri}/{path}"

    def _inside(self, path: str) -> Path:
        """Return where a path is that may be changed: within the folder of its kind, whatever that is a link to.

        Raises: DamagedFile, where a link on the way leads out of it.
        """
        target = self._at(path)
        parts = PurePosixPath(path).parts
        top = os.path.realpath(self.root / parts[0] if len(parts) > 1 else self.root)
        folder = os.path.realpath(target.parent)
        if folder != top and not folder.startswith(f"{top}/"):
            raise DamagedFile(f"{PurePosixPath(path).parent} is a link that leads out of the storage")
        return target

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


def _entry(state: os.stat_result) -> Entry:
    return Entry(bytes=state.st_size, modified=state.st_mtime, version="")


def _abandoned(left: Path) -> bool:
    """Say whether nobody writes a file any more: its process is dead, or it is a day old where that cannot be asked."""
    alive = Process.alive_by_mark(left.name.removeprefix(FRESH))
    if alive is not None:
        return not alive
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
