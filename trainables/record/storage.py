"""Where records live: a folder on disk, or an object store; waited for while it does not answer.

Two promises carry everything above them: `write` replaces a file whole or not at all, and `create` succeeds for one
caller only. Both hold across processes and crashes, on disk and in every object store that knows conditional writes.
Where one knows none, `exclusive` is false and `create` is best effort: two callers may both succeed, and the later
content stays (work may then be done twice; ownership is checked again before anything is recorded).
"""

import errno
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from trainables.errors import SharptuneError, StorageError, StorageRefusal
from trainables.record.addresses import INEXCLUSIVE, folder_of
from trainables.record.entry import Entry
from trainables.record.local_storage import LocalStorage
from trainables.record.patience import AT_ONCE, Found, Patience

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of a disk that cannot take any more: nobody's mistake, and nothing a trial could do better."""

REFUSED = (errno.EACCES, errno.EPERM)
"""Errors of a storage that this machine, or its user, may not use."""

PATIENCE = Patience()
"""How long a storage is waited for, unless who opens it says otherwise."""


class Storage(Protocol):
    """Files by relative path; `uri` opens the same storage in another process."""

    uri: str
    remote: bool
    exclusive: bool
    """Whether of many callers that create a file one wins."""

    def within(self, seconds: float) -> "Storage":
        """Return the same storage, which is waited for as long as this."""
        ...

    def read(self, path: str) -> bytes:
        """Raises: FileNotFoundError."""
        ...

    def write(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """Replace a file whole, or not at all."""
        ...

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        """Write a file that must not exist yet; return whether it was this call that wrote it."""
        ...

    def created(self, path: str, data: bytes) -> str | None:
        """Create a file; return its version, "" where none is told, None where it was not this call that wrote it."""
        ...

    def append(self, path: str, data: bytes) -> None:
        """Add to the end of a file; on an object store this rewrites it."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; none when it is not there."""
        ...

    def walk(self, folder: str) -> dict[str, Entry]:
        """Return all files in a folder and below it, by their paths."""
        ...

    def entry(self, path: str) -> Entry:
        """Return what is known of a file without reading it. Raises: FileNotFoundError."""
        ...

    def exists(self, path: str) -> bool:
        """Say whether there is such a file; "" is the storage itself, there once anything was written."""
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
        """Remove what killed writers left half written there, and nothing that anybody still writes."""
        ...


class PatientStorage:
    """Another storage, each of whose operations is tried again where its failure may pass: by these, nothing is lost.

    A storage that has not answered in time is not waited for again until it has. Each operation raises StorageError
    then, and what the other storage raises otherwise.
    """

    def __init__(self, inner: Storage, patience: Patience) -> None:
        self._inner = inner
        self._patience = patience
        self._away = False
        self.uri = inner.uri
        self.remote = inner.remote
        self.exclusive = inner.exclusive

    def within(self, seconds: float) -> "PatientStorage":
        """Return the same storage, waited for as long as this."""
        return PatientStorage(self._inner, replace(self._patience, seconds=seconds))

    def read(self, path: str) -> bytes:
        return self._insist(lambda: self._inner.read(path))

    def write(self, path: str, data: bytes, *, durable: bool = True) -> None:
        self._insist(lambda: self._inner.write(path, data, durable=durable))

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        def create() -> bool:
            return self._inner.create(path, data, durable=durable)

        def again() -> bool:
            """Try again: what is there may come from the try that failed."""
            return create() or (self._inner.exists(path) and self._inner.read(path) == data)

        return self._insist(create, again)

    def created(self, path: str, data: bytes) -> str | None:
        def created() -> str | None:
            return self._inner.created(path, data)

        def again() -> str | None:
            """Try again: what is there may come from the try that failed, which told no version."""
            version = created()
            ours = version is None and self._inner.exists(path) and self._inner.read(path) == data
            return "" if ours else version

        return self._insist(created, again)

    def append(self, path: str, data: bytes) -> None:
        def again() -> None:
            if not (self._inner.exists(path) and self._inner.read(path).endswith(data)):
                self._inner.append(path, data)

        self._insist(lambda: self._inner.append(path, data), again)

    def names(self, folder: str) -> list[str]:
        return self._insist(lambda: self._inner.names(folder))

    def walk(self, folder: str) -> dict[str, Entry]:
        return self._insist(lambda: self._inner.walk(folder))

    def entry(self, path: str) -> Entry:
        return self._insist(lambda: self._inner.entry(path))

    def exists(self, path: str) -> bool:
        return self._insist(lambda: self._inner.exists(path))

    def age(self, path: str) -> float:
        return self._insist(lambda: self._inner.age(path))

    def delete(self, path: str) -> None:
        self._insist(lambda: self._inner.delete(path))

    def move(self, path: str, to: str) -> None:
        def again() -> None:
            if self._inner.exists(path) or not self._inner.exists(to):
                self._inner.move(path, to)

        self._insist(lambda: self._inner.move(path, to), again)

    def tidy(self, folder: str) -> None:
        self._insist(lambda: self._inner.tidy(folder))

    def _insist(self, do: Callable[[], Found], again: Callable[[], Found] | None = None) -> Found:
        patience = AT_ONCE if self._away else self._patience
        try:
            found = patience.insist(self.uri, do, again)
        except StorageError:
            self._away = True
            raise
        self._away = False
        return found


def trouble(error: OSError, uri: str) -> str:
    """Return in words why a storage takes no more, answers no more or lets nobody in; empty for any other error."""
    if isinstance(error, StorageError):
        return str(error)
    if isinstance(error, StorageRefusal):
        return f"storage {uri}: {error.strerror}"
    ours = error.filename is None or str(error.filename).startswith(uri)  # and no file of a trial's own
    closed = error.errno in NO_SPACE or (error.errno in REFUSED and ours)
    return f"{error.strerror} in {uri}" if closed else ""


def open_storage(uri: str | Path, *, patience: Patience | None = None) -> PatientStorage:
    """Return the storage of a path or URI; nothing is created before the first write.

    What fails there and may pass is tried again for `patience`, by default `PATIENCE`.

    Raises: SharptuneError, also for a URI with keys in it.
    """
    text = str(uri)
    patience = patience or PATIENCE
    if (folder := folder_of(text)) is not None:
        return PatientStorage(LocalStorage(folder), patience)
    from trainables.record.object_store import ObjectStore  # a folder needs none of it

    try:
        return PatientStorage(patience.insist(text, lambda: ObjectStore(text)), patience)
    except StorageError:
        raise
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise SharptuneError(f"storage {text!r} cannot be opened: {why}") from error


def tried_out(storage: Storage) -> Storage:
    """Write and delete a small file, and return the storage to go on with.

    It is the same one, unless it turns out to know no conditional writes: then one that does without, and whose address
    tells that to all who open it. Raises: OSError where nothing can be written there.
    """
    path = f"drivers/probe-{uuid.uuid4().hex[:12]}"
    try:
        exclusive = storage.create(path, b"1", durable=False) and not storage.create(path, b"2", durable=False)
    except OSError as error:
        if not storage.remote or error.errno not in (errno.ENOTSUP, errno.EINVAL):
            raise
        exclusive = False
        storage.write(path, b"3")
    storage.delete(path)
    if exclusive or not storage.exclusive:
        return storage
    return open_storage(f"{storage.uri}{'&' if '?' in storage.uri else '?'}{INEXCLUSIVE}")


def here_path(driver: str) -> str:
    """Return the file by which a worker sees that its storage is the driver's."""
    return f"drivers/{driver}.here"
