"""Rows that are read when more of them is asked for than that they are done: most looks at thousands ask no more."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from trainables.trial import TrialRow, TrialSpec

FIELDS = tuple(field.name for field in fields(TrialRow))


class UnreadRow(TrialRow):
    """A row; equal to the `TrialRow` that it is read to be."""

    __slots__ = ("_read",)

    def become(self, row: TrialRow) -> None:
        """Take over all fields of a row."""
        for field in FIELDS:
            object.__setattr__(self, field, getattr(row, field))

    def __getattr__(self, name: str) -> Any:
        """Read what is asked for and not there yet."""
        if name not in FIELDS:
            raise AttributeError(name)
        self.become(self._read())
        return getattr(self, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TrialRow):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in FIELDS)

    __hash__ = None  # type: ignore[assignment]


class MarkedRow(UnreadRow):
    """A done row of which is known what its marker says."""

    __slots__ = ("_twin",)

    @classmethod
    def of(cls, spec: TrialSpec, twin: str, read: Callable[[], TrialRow]) -> "MarkedRow":
        """Return a trial's row, which was adopted from its `twin`, if it has one; `read` returns the whole row."""
        row, put = cls.__new__(cls), object.__setattr__
        for name, value in {"trial_id": spec.trial_id, "spec": spec, "state": "done"}.items():
            put(row, name, value)
        put(row, "_twin", twin)
        put(row, "_read", read)
        return row

    @property
    def adopted_from(self) -> str:
        return self._twin
