"""Lines whose entries stand in columns: how wide these are, and what stands between them."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Spelled = Callable[[str], str]
"""Returns a text in the letters that there are where it will be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What stands before, between and after the entries of a line."""

    left: str = ""
    between: str
    right: str = ""

    def line(self, items: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
        """Return a line of entries, each as wide as its column; those of numeric columns stand at its right."""
        entries = [padded(i, w, right) for i, w, right in zip(items, widths, numeric, strict=True)]
        return f"{self.left}{self.between.join(entries)}{self.right}".rstrip()

    def room(self, width: int, columns: int) -> int:
        """Return how many characters of a line of that width are left to the entries of that many columns."""
        return width - display_width(self.left + self.between * (columns - 1) + self.right)


def natural_widths(columns: Iterable[Iterable[str]]) -> list[int]:
    """Return the width of each column's widest entry."""
    return [max(map(display_width, column)) for column in columns]


def fitted_widths(columns: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Return each column's width, taking from the widest what is too much; None when the words do not fit."""
    widths = natural_widths(columns)
    least = [max(display_width(word) for item in column for word in (item.split() or [""])) for column in columns]
    while sum(widths) > room:
        shrinkable = [i for i in range(len(widths)) if widths[i] > least[i]]
        if not shrinkable:
            return None
        widths[max(shrinkable, key=lambda i: widths[i])] -= 1
    return widths


def display_width(words: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if words.isascii():
        return len(words)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in words)
    return len(words) + wide - sum(bool(unicodedata.combining(c)) for c in words)


def padded(words: str, width: int, right: bool) -> str:
    """Return the words with the spaces that make them that wide, before them or after; too long words as they are."""
    space = " " * max(0, width - display_width(words))
    return space + words if right else words + space
