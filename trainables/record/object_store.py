"""Records in an object store, through obstore: what `trainables.record.storage` promises of them.

`create` is a conditional put, so that of many callers one wins. A store that knows none is one whose address says
`conditional_writes=no`: there `create` is best effort, two callers may both succeed, and the later content stays.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore as Opened

from trainables.record.buckets import open_bucket, says
from trainables.record.entry import Entry
from trainables.record.object_errors import first_line, translated

if TYPE_CHECKING:
    from obstore import ObjectMeta

LARGE = 2**20
"""Bytes beyond which a file may take its time."""
PART = 64 * 2**20
"""Bytes from which on a file is sent in parts."""
OPENER = os.getpid()
"""The process that may use obstore: one forked from it would wait for threads that it does not have."""


class ObjectStore:
    """An object store: s3://bucket/prefix, gs://bucket/prefix, az://container/prefix."""

    remote = True

    def __init__(self, uri: str) -> None:
        """Raises: OSError, ValueError."""
        self.uri = uri
        self.exclusive = says(dict(parse_qsl(urlsplit(uri).query)), "conditional_writes", True)
        with self._telling():
            try:
                self._store, self._sender = open_bucket(uri)
            except BaseError as error:  # nothing was asked yet: it is what it was told that is not enough, or wrong
                raise ValueError(first_line(error)) from None

    def within(self, seconds: float) -> "ObjectStore":
        """Return itself: nothing is waited for here."""
        return self

    def read(self, path: str) -> bytes:
        with self._telling():
            return bytes(obstore.get(self._store, path).bytes())

    def write(self, path: str, data: bytes, *, durable: bool = True) -> None:
        with self._telling():
            obstore.put(self._for(data), path, data, chunk_size=PART)

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        if not self.exclusive:
            if self.exists(path):
                return False
            self.write(path, data)
            return self.read(path) == data
        return self.created(path, data) is not None

    def created(self, path: str, data: bytes) -> str | None:
        if not self.exclusive:
            return "" if self.create(path, data) else None
        with self._telling():
            try:
                told = obstore.put(self._for(data), path, data, mode="create", use_multipart=False)
            except AlreadyExistsError as error:
                if "ConditionalRequestConflict" in str(error):  # two at once, of which S3 let neither pass
                    raise translated(error, self.uri) from None
                return None
        return told["e_tag"] or ""

    def append(self, path: str, data: bytes) -> None:
        try:
            before = self.read(path)
        except FileNotFoundError:
            before = b""
        self.write(path, before + data)

    def names(self, folder: str) -> list[str]:
        with self._telling():
            found = obstore.list_with_delimiter(self._store, folder or None)
        paths = [*found["common_prefixes"], *(each["path"] for each in found["objects"])]
        return sorted(path.rpartition("/")[2] for path in paths)

    def walk(self, folder: str) -> dict[str, Entry]:
        with self._telling():
            found = obstore.list(self._store, folder or None).collect()
        return {each["path"]: _entry(each) for each in found}

    def entry(self, path: str) -> Entry:
        with self._telling():
            return _entry(obstore.head(self._store, path))

    def exists(self, path: str) -> bool:
        with self._telling():
            if not path:
                return any(obstore.list(self._store, chunk_size=1))
            try:
                obstore.head(self._store, path)
            except FileNotFoundError:
                return False
        return True

    def age(self, path: str) -> float:
        with self._telling():
            return time.time() - obstore.head(self._store, path)["last_modified"].timestamp()

    def delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError), self._telling():
            obstore.delete(self._store, path)

    def move(self, path: str, to: str) -> None:
        """Copy and delete: who dies in between leaves both, and nothing is lost."""
        with self._telling():
            obstore.copy(self._sender, path, to)
        self.delete(path)

    def tidy(self, folder: str) -> None:
        """Objects appear whole or not at all."""

    def _for(self, data: bytes) -> Opened:
        """Return the store to send these with."""
        return self._sender if len(data) > LARGE else self._store

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Raise obstore's and boto3's errors as OSErrors, by which it is known what may pass."""
        if os.getpid() != OPENER:
            raise RuntimeError("a forked process cannot use an object store; start it anew (spawn)")
        try:
            yield
        except Exception as error:
            if isinstance(error, OSError | ValueError | RuntimeError) and not isinstance(error, FileNotFoundError):
                raise
            raise translated(error, self.uri) from None


def _entry(found: "ObjectMeta") -> Entry:
    return Entry(bytes=found["size"], modified=found["last_modified"].timestamp(), version=found["e_tag"] or "")
