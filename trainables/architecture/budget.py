"""Budgets: how large the final network of an architecture may be, written `600M-addmult`, and what keeps them.

Nothing here imports torch.
"""

import re
from dataclasses import dataclass

from trainables.architecture.genotype import Architecture
from trainables.errors import SharptuneError, unknown_name
from trainables.trial import WITHIN

BUDGET_SIZES = ("addmult", "macs", "params")
"""What a budget may limit: sizes as `complexity.Cost` counts them."""

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9}
_WRITTEN = re.compile(r"(\d{1,16})(?:\.(\d{1,16}))?([A-Za-z]?)[-_](\w+)", re.ASCII)
_LARGEST = 10**15
_ALLOWED = f"a number, k, M or B if any, and one of {', '.join(BUDGET_SIZES)}, as in 600M-addmult or 3.5M-params"


class InvalidBudget(SharptuneError):
    """A budget that limits nothing, or that nothing fits in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """A limit that a final network's size may reach and not exceed."""

    size: str
    """One of `BUDGET_SIZES`."""
    limit: int

    def __str__(self) -> str:
        """Return it in figures: `600,000,000 addmult`."""
        return f"{self.limit:,} {self.size}"

    @property
    def key(self) -> str:
        """The key of the architecture within it, the same however the budget was written."""
        return f"{WITHIN}{self.limit}_{self.size}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """An architecture, its total weight, and what the budget limits of its final network."""

    architecture: Architecture
    weight: float
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Within:
    """What there is within a budget."""

    best: Chosen
    """The one of the largest total weight."""
    simplex: Chosen
    """The one that network simplex finds."""
    unlimited: Chosen
    """The one of the ordinary derivation, which knows no budget."""


def read_budget(text: str) -> Budget:
    """Return the budget that a text stands for; `-` or `_` stands before what is limited.

    Raises: InvalidBudget, UnknownName.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise InvalidBudget(f"a budget is {_ALLOWED}; got {text[:80]!r}")
    whole, digits, unit, size = match[1], match[2] or "", match[3], match[4]
    if size not in BUDGET_SIZES:
        raise unknown_name("size to limit:", size, BUDGET_SIZES)
    if unit not in _UNITS:
        raise InvalidBudget(
            f"the unit {unit!r} of the budget {text!r} is none of k (thousand), M (million), B (billion)"
        )
    limit, rest = divmod(int(whole + digits) * _UNITS[unit], 10 ** len(digits))
    if rest or not 0 < limit <= _LARGEST:
        raise InvalidBudget(f"a budget is a whole number from 1 to {_LARGEST:,}, which {text[:80]!r} is not")
    return Budget(size=size, limit=limit)


def budget_of_key(key: str) -> Budget | None:
    """Return the budget of a key that begins with `WITHIN`; None for another key. Raises: as `read_budget` does."""
    return read_budget(key.removeprefix(WITHIN)) if key.startswith(WITHIN) else None
