"""Where records live: a folder on disk, or an object store through pyarrow.

Two promises carry everything above them: `write` replaces a file whole or not at all, and `create` succeeds for one
caller only. On disk both hold across processes and crashes. Object stores offer no exclusive write through pyarrow, so
there `create` is best effort: two callers may both succeed, and the later content stays (work may then be done twice;
ownership is checked again before anything is recorded).
"""

import contextlib
import errno
import os
import time
import uuid
from pathlib import Path
from typing import Protocol

from trainables.record.addresses import folder_of

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of a disk that cannot take any more: nobody's mistake, and nothing a trial could do better."""


class Storage(Protocol):
    """Files by relative path; `uri` opens the same storage in another process."""

    uri: str
    remote: bool

    def read(self, path: str) -> bytes:
        """Raises: FileNotFoundError."""
        ...

    def write(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """Replace a file whole, or not at all."""
        ...

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        """Write a file that must not exist yet; return whether it was this call that wrote it."""
        ...

    def append(self, path: str, data: bytes) -> None:
        """Add to the end of a file; on an object store this rewrites it."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; none when it is not there."""
        ...

    def exists(self, path: str) -> bool:
        """Say whether there is such a file or folder; "" is the storage itself."""
        ...

    def age(self, path: str) -> float:
        """Return for how many seconds a file has not been written, as the storage's clock and this machine's have it.

        The two may differ: for people to read, and for nothing else. Raises: FileNotFoundError.
        """
        ...

    def delete(self, path: str) -> None:
        """Delete a file if it is there."""
        ...

    def move(self, path: str, to: str) -> None:
        """Give a file another name. Raises: FileNotFoundError."""
        ...

    def tidy(self, folder: str) -> None:
        """Remove what killed writers left half written there; only for who owns the folder."""
        ...


class LocalStorage:
    """A folder on a disk that all processes see."""

    remote = False

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.uri = str(self.root)

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

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
                return sorted(entry.name for entry in entries if not entry.name.startswith(".tmp-"))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def exists(self, path: str) -> bool:
        return (self.root / path).exists()

    def age(self, path: str) -> float:
        return time.time() - (self.root / path).stat().st_mtime

    def delete(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)

    def move(self, path: str, to: str) -> None:
        (self.root / path).rename(self.root / to)

    def tidy(self, folder: str) -> None:
        for left in (self.root / folder).rglob(".tmp-*"):
            left.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _fresh(self, target: Path, data: bytes, durable: bool):
        """Hold the data in a file of its own beside the target, gone at the end if nobody renamed it."""
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.parent / f".tmp-{uuid.uuid4().hex}"
        try:
            with fresh.open("xb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            yield fresh
        finally:
            fresh.unlink(missing_ok=True)


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


def open_storage(uri: str | Path) -> Storage:
    """Return the storage of a path or URI; nothing is created before the first write.

    Raises: SharptuneError, also for a URI with keys in it.
    """
    text = str(uri)
    if (folder := folder_of(text)) is not None:
        return LocalStorage(folder)
    from trainables.record.object_store import ArrowStorage  # pyarrow takes as long to load as all else

    return ArrowStorage(text)


def here_path(driver: str) -> str:
    """Return the file by which a worker sees that its storage is the driver's."""
    return f"drivers/{driver}.here"


def stop_path(driver: str) -> str:
    """Return the file whose being there tells a driver's workers to stop."""
    return f"drivers/{driver}.stop"
