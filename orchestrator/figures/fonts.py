"""Which fonts letters are drawn with in PDF and PNG: that of all figures, then those of other scripts on this machine.

In an SVG letters stay text, and whoever shows it chooses the fonts.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from orchestrator.figures.figure import Figure
from orchestrator.figures.style import FONT, SETTINGS

OTHERS = (
    *(f"{family} {script}" for family in ("Noto Sans CJK", "Source Han Sans") for script in ("SC", "TC", "JP", "KR")),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Microsoft YaHei", "SimHei", "PingFang SC"),
    *("Hiragino Sans", "Hiragino Sans GB", "Heiti TC", "Yu Gothic", "IPAGothic", "Malgun Gothic", "NanumGothic"),
    *(f"Noto Sans {script}" for script in ("Arabic", "Hebrew", "Devanagari", "Bengali", "Tamil", "Thai", "Ethiopic")),
    *("Noto Sans", "FreeSans", "Arial Unicode MS", "Segoe UI Symbol", "Noto Sans Symbols2", "Symbola", "Unifont"),
)
"""Families that have letters which FONT has not, in the order in which they are asked."""


def settings_for(form: str) -> dict[Any, Any]:
    """Return matplotlib's settings for files of a format; those of an SVG are the same on every machine."""
    return {**SETTINGS, "font.family": [FONT] if form == "svg" else families()}


def families() -> list[str]:
    """Return those of them that are installed, FONT first."""
    return [FONT, *(name for name in OTHERS if name in _files())]


def missing_letters(figure: Figure) -> str:
    """Return the letters of a figure that no installed font has: in PDF and PNG they are boxes."""
    letters = {c for text in _texts([figure.title, figure.to_json()]) for c in text if c.isprintable() and c != " "}
    if unknown := {letter for letter in letters if ord(letter) > LAST_OF_LATIN}:
        unknown -= set().union(*(_has(name) for name in families()))
    return "".join(sorted(unknown))


LAST_OF_LATIN = 0x17F
"""FONT has all up to here."""


@cache
def _files() -> dict[str, str]:
    """Return the file of each installed family."""
    from matplotlib.font_manager import fontManager

    return {entry.name: entry.fname for entry in reversed(fontManager.ttflist)}


@cache
def _has(family: str) -> frozenset[str]:
    """Return the letters that a family has."""
    from matplotlib.font_manager import findfont, get_font

    return frozenset(map(chr, get_font(findfont(family)).get_charmap()))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, Iterable):
        for each in value:
            yield from _texts(each)
