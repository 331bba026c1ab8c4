"""Records in an object store, through pyarrow: what `trainables.record.storage` promises of them."""

import contextlib
import time

from pyarrow import fs

from trainables.record.entry import Entry


class ArrowStorage:
    """An object store: s3://bucket/prefix, gs://bucket/prefix."""

    remote = True

    def __init__(self, uri: str) -> None:
        """Raises: OSError, ValueError."""
        self.uri = uri
        self.filesystem, self.root = fs.FileSystem.from_uri(uri)

    def within(self, seconds: float) -> "ArrowStorage":
        """Return itself: nothing is waited for here."""
        return self

    def _path(self, path: str) -> str:
        return f"{self.root.rstrip('/')}/{path}".rstrip("/")

    def read(self, path: str) -> bytes:
        with self.filesystem.open_input_stream(self._path(path), compression=None) as stream:
            return stream.read()

    def write(self, path: str, data: bytes, *, durable: bool = True) -> None:
        with self.filesystem.open_output_stream(self._path(path), compression=None) as stream:
            stream.write(data)

    def create(self, path: str, data: bytes, *, durable: bool = True) -> bool:
        if self.exists(path):
            return False
        self.write(path, data)
        return self.read(path) == data

    def append(self, path: str, data: bytes) -> None:
        before = self.read(path) if self.exists(path) else b""
        self.write(path, before + data)

    def names(self, folder: str) -> list[str]:
        selector = fs.FileSelector(self._path(folder), allow_not_found=True)
        return sorted(info.base_name for info in self.filesystem.get_file_info(selector))

    def walk(self, folder: str) -> dict[str, Entry]:
        selector = fs.FileSelector(self._path(folder), allow_not_found=True, recursive=True)
        start = len(self._path("")) + 1
        return {
            info.path[start:]: Entry(bytes=info.size, modified=info.mtime_ns / 1e9, version="")
            for info in self.filesystem.get_file_info(selector)
            if info.type == fs.FileType.File
        }

    def exists(self, path: str) -> bool:
        return self.filesystem.get_file_info(self._path(path)).type != fs.FileType.NotFound

    def age(self, path: str) -> float:
        found = self.filesystem.get_file_info(self._path(path))
        if found.type == fs.FileType.NotFound:
            raise FileNotFoundError(path)
        return time.time() - found.mtime_ns / 1e9

    def delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.filesystem.delete_file(self._path(path))

    def move(self, path: str, to: str) -> None:
        self.filesystem.move(self._path(path), self._path(to))

    def tidy(self, folder: str) -> None:
        """Objects appear whole or not at all."""
