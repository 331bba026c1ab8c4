"""An object store in memory, which counts its requests as a real one gets them: a thousand keys to an answer."""

import hashlib
import threading
import time
from collections.abc import Mapping
from fnmatch import fnmatch

from trainables.record.entry import Entry

PAGE = 1000


class StoreInMemory:
    """What `trainables.record.object_store` is, for one process."""

    remote = True
    exclusive = True

    def __init__(self, uri: str = "s3://memory/runs") -> None:
        self.uri = uri
        self.requests: list[str] = []
        """What was asked since this was cleared; each page of a list is one."""
        self._files: dict[str, tuple[bytes, Entry]] = {}

    def copy(self) -> "StoreInMemory":
        """Return another one with the same files, whose changes this one does not see."""
        other = StoreInMemory(self.uri)
        other._files = dict(self._files)
        return other

    def within(self, seconds: float) -> "StoreInMemory":
        return self

    def read(self, path: str) -> bytes:
        self.requests.append(f"GET {path}")
        return self._at(path)[0]

    def write(self, path: str, data: bytes, *, durable: bool = True) -> None:
        self.requests.append(f"PUT {path}")
        version = f'"{hashlib.md5(data).hexdigest()}"'
        self._files[path] = data, Entry(bytes=len(data), modified=time.time(), version=version)

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        if path in self._files:
            self.requests.append(f"PUT {path}")
            return False
        self.write(path, data)
        return True

    def created(self, path: str, data: bytes) -> str | None:
        return self._at(path)[1].version if self.create(path, data) else None

    def append(self, path: str, data: bytes) -> None:
        self.write(path, (self.read(path) if path in self._files else b"") + data)

    def names(self, folder: str) -> list[str]:
        below = [path.removeprefix(f"{folder}/") for path in self._files if path.startswith(f"{folder}/")]
        found = sorted({path.partition("/")[0] for path in below})
        self._list(f"{folder}/ by names", len(found))
        return found

    def walk(self, folder: str) -> dict[str, Entry]:
        found = {path: self._files[path][1] for path in sorted(self._files) if path.startswith(f"{folder}/")}
        self._list(f"{folder}/", len(found))
        return found

    def entry(self, path: str) -> Entry:
        self.requests.append(f"HEAD {path}")
        return self._at(path)[1]

    def exists(self, path: str) -> bool:
        self.requests.append(f"HEAD {path}")
        return path in self._files if path else bool(self._files)

    def age(self, path: str) -> float:
        return time.time() - self.entry(path).modified

    def delete(self, path: str) -> None:
        self.requests.append(f"DELETE {path}")
        self._files.pop(path, None)

    def move(self, path: str, to: str) -> None:
        self.requests.append(f"COPY {path}")
        data, entry = self._at(path)
        self._files[to] = data, entry
        self.delete(path)

    def tidy(self, folder: str) -> None:
        pass

    def put(self, files: Mapping[str, bytes]) -> None:
        """Put files there without requests."""
        before = len(self.requests)
        for path, data in files.items():
            self.write(path, data)
        del self.requests[before:]

    def _at(self, path: str) -> tuple[bytes, Entry]:
        if path not in self._files:
            raise FileNotFoundError(path)
        return self._files[path]

    def _list(self, what: str, found: int) -> None:
        pages = max(1, -(-found // PAGE))
        self.requests.extend(f"LIST {what} page {page + 1}" for page in range(pages))


class StoreOfPairs(StoreInMemory):
    """One that gives rows, or others of a kind, only together with another that is asked for at the same time."""

    def __init__(self, kind: str = "read", pattern: str = "*/row.json") -> None:
        super().__init__()
        self._kind, self._pattern = kind, pattern
        self._two = threading.Barrier(2)

    def read(self, path: str) -> bytes:
        self._wait("read", path)
        return super().read(path)

    def walk(self, folder: str) -> dict[str, Entry]:
        self._wait("walk", folder)
        return super().walk(folder)

    def _wait(self, kind: str, path: str) -> None:
        if kind == self._kind and fnmatch(path, self._pattern):
            self._two.wait(10)
