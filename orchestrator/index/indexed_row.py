"""A row that is unpacked when more of it is asked for than that it is done, and what it was made from.

Most of what looks at thousands of finished trials asks for no more.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from trainables.errors import DamagedFile
from trainables.record.trial_folder import unseal
from trainables.trial import TrialRow

_FIELDS = tuple(field.name for field in fields(TrialRow))


class IndexedRow(TrialRow):
    """A done row; equal to the `TrialRow` that its content is."""

    __slots__ = ("_content", "_read")

    @classmethod
    def of(
        cls, content: bytes, trial_id: str, parents: Mapping[str, Mapping[str, str]], read: Callable[[], bytes]
    ) -> "IndexedRow":
        """Return the row in a copy of a `row.json`, which `read` returns where the copy cannot be trusted."""
        row = cls.__new__(cls)
        known = {"trial_id": trial_id, "state": "done", "parents": parents, "_content": content, "_read": read}
        for name, value in known.items():
            object.__setattr__(row, name, value)
        return row

    def prove(self) -> None:
        """Raises: DamagedFile where the copy cannot be trusted, or says something else than was said of it."""
        row = unseal(self._content, self.trial_id)
        if (row.state, row.parents) != (self.state, self.parents):
            raise DamagedFile(f"of trial {self.trial_id} it says what the row does not")

    def __getattr__(self, name: str) -> Any:
        """Unpack the row: this is called for what it does not have yet. Raises: DamagedFile, FileNotFoundError."""
        if name not in _FIELDS:
            raise AttributeError(name)
        try:
            row = unseal(self._content, self.trial_id)
        except DamagedFile:
            row = unseal(self._read(), self.trial_id)
        for field in _FIELDS:
            object.__setattr__(self, field, getattr(row, field))
        object.__setattr__(self, "_content", b"")
        return getattr(self, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TrialRow):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _FIELDS)

    __hash__ = None  # type: ignore[assignment]
