"""A storage that somebody meddles with: before and after each of its operations."""

from collections import Counter
from collections.abc import Callable

from trainables.record.storage import Storage

KINDS = ("read", "write", "create", "append", "names", "walk", "entry", "exists", "delete", "move")


class MeddledStorage:
    """Calls `meddle(kind, number, when)` before and after every operation, which are numbered from 1 within a kind.

    `when` is "before" or "after". What it raises is what the operation raises.
    """

    def __init__(self, inner: Storage, meddle: Callable[[str, int, str], None]) -> None:
        self._inner = inner
        self._meddle = meddle
        self.uri = inner.uri
        self.remote = inner.remote
        self.exclusive = inner.exclusive
        self.counts: Counter[str] = Counter()

    def within(self, seconds: float) -> "MeddledStorage":
        return self

    def age(self, path: str) -> float:
        return self._inner.age(path)

    def created(self, path: str, data: bytes) -> str | None:
        return self._do("create", path, data, method="created")

    def tidy(self, folder: str) -> None:
        self._inner.tidy(folder)

    def _do(self, kind, *arguments, method="", **settings):
        self.counts[kind] += 1
        number = self.counts[kind]
        self._meddle(kind, number, "before")
        try:
            return getattr(self._inner, method or kind)(*arguments, **settings)
        finally:
            self._meddle(kind, number, "after")


def _operation(kind: str):
    return lambda self, *arguments, **settings: self._do(kind, *arguments, **settings)


for _kind in KINDS:
    setattr(MeddledStorage, _kind, _operation(_kind))
