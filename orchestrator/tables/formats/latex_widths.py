"""How wide words are in LaTeX, and how a table comes to fit the column or the page it is meant for.

Widths are in em of Computer Modern, the widest of the usual fonts: what fits in it fits in Times. Where a table is too
wide its headings go on below, then it is set smaller, then its headings are short, then its entries go on below, too.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

Width = Literal["column", "page", "sideways"]
ROOM: Mapping[Width, float] = {"column": 22.9, "page": 34.5, "sideways": 55.0}
"""How many em of the normal size each has in the class `article` at 10 pt, which is narrower than those of conferences
and journals."""
IN_WORDS: Mapping[Width, str] = {"column": "a column", "page": "a page", "sideways": "a page on its side"}
ENVIRONMENTS: Mapping[Width, str] = {"column": "table", "page": "table*", "sideways": "sidewaystable*"}
_SIZES: Sequence[tuple[str, float, float]] = (
    ("", 1.0, 0.35),
    (r"\small", 0.925, 0.35),
    (r"\footnotesize", 0.85, 0.35),
    (r"\scriptsize", 0.8, 0.35),
    (r"\scriptsize", 0.8, 0.2),
)
"""Each size, its em in that of the normal one, and what stands at each side of a column, in its em. What is smaller
nobody can read."""
_USUAL_GAP = 0.6
"""What LaTeX has at each side of a column's entries."""
_GROUPS: Mapping[str, float] = {
    " -!',.:;[]il|": 0.334,
    "()fjrstI": 0.4,
    'ceoagz/?0123456789$*_`"\\{}^~–†°²³': 0.501,
    "bdhknpquvxyJS": 0.56,
    "αβγεηλμστELFPZ": 0.69,
    "ABCDGHKNOQRTUVXYw&+<=>±×−@≤≥": 0.79,
    "#%mΔ✗✓": 0.84,
    "M": 0.92,
    "W—→": 1.03,
    "…": 1.34,
}
"""What characters take at most."""
_EM: Mapping[str, float] = {character: width for group, width in _GROUPS.items() for character in group}
_CODE = 4.9
"""The width of a character that is printed as its code."""
_BOLD, _RAISED = 1.16, 0.45
_BREAKS = re.compile(r"(?<=[_/=,:-])|(?<=\w{16})(?=\w)")
"""Where a word may go on below: after its signs, and anywhere in one that has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One entry, as wide as it is."""

    text: str
    marks: str = ""
    bold: bool = False
    number: bool = False
    """It may be broken between words only."""

    @property
    def width(self) -> float:
        return self._of(self.text)

    @property
    def least(self) -> float:
        """The width of its widest part that cannot be broken."""
        return max((self._of(part) for part in self.parts), default=0.0)

    @property
    def parts(self) -> Iterable[str]:
        """What a line must not break."""
        return self.text.split() if self.number else parts(self.text)

    def _of(self, words: str) -> float:
        return words_width(words) * (_BOLD if self.bold else 1) + _RAISED * len(self.marks)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """How a table is set."""

    width: Width
    size: str = ""
    """The command of its size; "" for the normal one."""
    gap: float | None = None
    """What stands at each side of a column, in em; None for what LaTeX has."""
    short: bool = False
    """Its headings are the short ones."""
    widths: tuple[float, ...] | None = None
    """How wide each column is at most, in em of that size; None where none needs a limit."""
    too_wide: float = 0.0
    """By how many em of the normal size it is too wide all the same."""


def fit(columns: Sequence[Sequence[Item]], short: Sequence[Item], width: Width | None) -> Fit:
    """Return how a table fits into a width, by default into a page or, where it must, into a page on its side.

    Args:
        columns: their entries, the heading first.
        short: their short headings.
    """
    if width is None:
        on_a_page = fit(columns, short, "page")
        return fit(columns, short, "sideways") if on_a_page.too_wide else on_a_page
    room = ROOM[width]
    if sum(_natural(columns)) + 2 * _USUAL_GAP * len(columns) <= room:
        return Fit(width=width)
    shortened = [[heading, *entries] for heading, (_, *entries) in zip(short, columns, strict=True)]
    for (tried, broken), (size, em, gap) in (
        *product([(columns, False)], _SIZES[:3]),
        *product([(shortened, False), (shortened, True)], _SIZES),
    ):
        least = _least(tried, broken=broken)
        within = room / em - 2 * gap * (len(columns) - 1)
        if sum(least) <= within:
            widths = _shared(_natural(tried), least, within)
            return Fit(width=width, size=size, gap=gap, short=tried is shortened, widths=widths)
    size, em, gap = _SIZES[-1]
    least = _least(shortened, broken=True)
    too_wide = (sum(least) + 2 * gap * (len(columns) - 1)) * em - room
    return Fit(width=width, size=size, gap=gap, short=True, widths=tuple(least), too_wide=too_wide)


def _natural(columns: Sequence[Sequence[Item]]) -> list[float]:
    return [max(item.width for item in column) for column in columns]


def _least(columns: Sequence[Sequence[Item]], *, broken: bool) -> list[float]:
    """Return how wide columns must be where headings go on below, and entries only when they are `broken`."""
    return [
        max([heading.least, *(item.least if broken else item.width for item in entries)])
        for heading, *entries in columns
    ]


def _shared(natural: Sequence[float], least: Sequence[float], room: float) -> tuple[float, ...]:
    """Return widths that fill the room at most: none wider than the widest of those that are cut."""
    low, high = 0.0, max(natural)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(_cut(natural, least, middle)) <= room else (low, middle)
    return tuple(_cut(natural, least, low))


def _cut(natural: Sequence[float], least: Sequence[float], most: float) -> list[float]:
    return [max(small, min(wide, most)) for wide, small in zip(natural, least, strict=True)]


def parts(words: str) -> Iterator[str]:
    """Yield the parts of words that a line must not break."""
    for word in words.split():
        yield from (part for part in _BREAKS.split(word) if part)


def words_width(words: str) -> float:
    """Return the width of words, in em."""
    return math.fsum(map(_width, words))


def _width(character: str) -> float:
    if character in _EM:
        return _EM[character]
    base = unicodedata.normalize("NFD", character)[0]
    return _EM.get(base, _CODE)
