"""What lies in a folder of a storage and below it, seen at once: many questions, one request."""

import contextlib
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Mapping

from trainables.record.entry import Entry
from trainables.record.storage import Storage


class Listed:
    """A storage as it was when this was made, below one folder: what is there is read, what is not is not asked for.

    Outside that folder, and in all that it writes, it is the storage itself. Where somebody else was first to create
    something, it looks again.
    """

    def __init__(self, storage: Storage, folder: str, kept: Storage | None = None) -> None:
        """Look; `kept` is where this machine keeps rows and claims that were read, by their versions."""
        self._storage = storage
        self._folder = folder
        self._kept = kept
        self.uri = storage.uri
        self.remote = storage.remote
        self.exclusive = storage.exclusive
        self._look()

    def _look(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        self._take(self._storage.walk(self._folder))

    def _take(self, found: Mapping[str, Entry]) -> None:
        self._entries.update(found)
        for path in found:
            while len(path) > len(self._folder):
                above, _, name = path.rpartition("/")
                self._names[above].add(name)
                path = above

    def within(self, seconds: float) -> Storage:
        return self._storage.within(seconds)

    def read(self, path: str) -> bytes:
        if not self._knows(path):
            return self._storage.read(path)
        entry = self._entries.get(path)
        if entry is None:
            raise FileNotFoundError(path)
        if self._kept is None or not entry.version or not path.endswith(".json"):
            return self._storage.read(path)
        return self._read_once(self._kept, path, entry.version)

    def names(self, folder: str) -> list[str]:
        return sorted(self._names.get(folder, ())) if self._knows(folder) else self._storage.names(folder)

    def walk(self, folder: str) -> dict[str, Entry]:
        return self._storage.walk(folder)

    def entry(self, path: str) -> Entry:
        if not self._knows(path):
            return self._storage.entry(path)
        if path not in self._entries:
            raise FileNotFoundError(path)
        return self._entries[path]

    def exists(self, path: str) -> bool:
        return path in self._entries or path in self._names if self._knows(path) else self._storage.exists(path)

    def age(self, path: str) -> float:
        if not self._knows(path):
            return self._storage.age(path)
        return time.time() - self.entry(path).modified

    def write(self, path: str, data: bytes, *, durable: bool = True) -> None:
        self._storage.write(path, data, durable=durable)

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        created = self._storage.create(path, data, durable=durable)
        if not created:
            self._look()
        return created

    def created(self, path: str, data: bytes) -> str | None:
        version = self._storage.created(path, data)
        if version is None:
            self._look()
        return version

    def append(self, path: str, data: bytes) -> None:
        self._storage.append(path, data)

    def delete(self, path: str) -> None:
        self._storage.delete(path)

    def move(self, path: str, to: str) -> None:
        self._storage.move(path, to)

    def tidy(self, folder: str) -> None:
        self._storage.tidy(folder)

    def _knows(self, path: str) -> bool:
        return path == self._folder or path.startswith(f"{self._folder}/")

    def _read_once(self, kept: Storage, path: str, version: str) -> bytes:
        """Return a file that this machine may have read before: the same version has the same content."""
        name = hashlib.sha256(f"{self.uri}\n{path}".encode()).hexdigest()
        with contextlib.suppress(OSError):
            begin, _, data = kept.read(name).partition(b"\n")
            if begin == _seal(version, data):
                return data
        data = self._storage.read(path)
        with contextlib.suppress(OSError):  # a cache that cannot be written costs requests, and nothing else
            kept.write(name, _seal(version, data) + b"\n" + data, durable=False)
        return data


def _seal(version: str, data: bytes) -> bytes:
    return hashlib.sha256(f"{version}\n".encode() + data).hexdigest().encode()


class ListedOnDemand(Listed):
    """A storage as `Listed` shows it, of which each folder in a folder is listed when it is first asked about.

    For few of many: `names` are all there are, what is in another is not asked for, and after `most` all are listed.
    """

    def __init__(
        self, storage: Storage, folder: str, names: Collection[str], most: int, kept: Storage | None = None
    ) -> None:
        self._there = names
        self._most = most
        self._asked_for: set[str] = set()
        self._all = threading.Lock()
        self._has_all = False
        super().__init__(storage, folder, kept)

    def _look(self) -> None:
        self._entries, self._names = {}, defaultdict(set)
        self._names[self._folder].update(self._there)
        self._asked_for.clear()
        self._has_all = False

    def _knows(self, path: str) -> bool:
        if not super()._knows(path):
            return False
        name = path.removeprefix(self._folder).removeprefix("/").partition("/")[0]
        if not self._has_all and name in self._there and name not in self._asked_for:
            if len(self._asked_for) < self._most:
                self._take(self._storage.walk(f"{self._folder}/{name}"))
                self._asked_for.add(name)
            else:
                self._list_all()
        return True

    def _list_all(self) -> None:
        with self._all:
            if not self._has_all:
                self._take(self._storage.walk(self._folder))
                self._has_all = True
