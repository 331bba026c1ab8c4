"""A file, as the listing of a storage has it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What is known of a file without reading it."""

    bytes: int
    modified: float
    """By the storage's clock, in seconds since 1970."""
    version: str
    """Another one for every other content under this name; empty where the storage has no such word."""
