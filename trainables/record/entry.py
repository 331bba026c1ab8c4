"""What the listing of a storage tells: of a file, and, by the name of an empty one, of the row beside it."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from trainables.trial import canonical_json

_MARKER = re.compile(
    r"done-(?P<version>[0-9a-f]{16})-(?P<digest>[0-9a-f]{64})-(?P<origins>[0-9a-f]{16})(?:-(?P<twin>[0-9a-f]{12}))?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What is known of a file without reading it."""

    bytes: int
    modified: float
    """By the storage's clock, in seconds since 1970."""
    version: str
    """Another one for every other content under this name; empty where the storage has no such word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Marker:
    """What the name of an empty file says of a done row, so that a look at all files tells what would be read else.

    It says that of one version of `row.json`, and nothing of any other.
    """

    version: str
    """That of the file, in `short`."""
    digest: str
    """The sha256 that closes the row."""
    origins: str
    """What `origins_of` the row's parents were."""
    twin: str = ""
    """The trial that it was adopted from; "" for none."""

    @property
    def name(self) -> str:
        return "-".join(["done", self.version, self.digest, self.origins, *([self.twin] if self.twin else [])])

    @classmethod
    def named(cls, name: str) -> "Marker | None":
        """Return what a file of that name says; None where it is no marker."""
        found = _MARKER.fullmatch(name)
        return None if found is None else cls(**found.groupdict(default=""))

    def is_of(self, row: Entry) -> bool:
        """Say whether it speaks of the `row.json` that is there."""
        return bool(row.version) and self.version == short(row.version)


def origins_of(parents: Mapping[str, str]) -> str:
    """Return in short which rows a trial was made from: parent id -> the sha256 that closes its row."""
    return short(canonical_json(parents))


def short(text: str) -> str:
    """Return 16 hex digits that stand for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
