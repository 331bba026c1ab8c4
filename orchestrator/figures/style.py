"""How figures look: sizes, colours and line styles, and what becomes of the texts that stand in them."""

import textwrap
from collections.abc import Mapping
from typing import Any

from orchestrator.words import shown_line

WIDTHS: Mapping[str, float] = {"column": 3.25, "page": 6.75}
"""In inches: of a column and of a page of usual templates."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933")
"""Told apart by the colour-blind too (Okabe and Ito)."""
STYLES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
MARKERS = "osD^vPX*"
HATCHES = ("", "////", "\\\\\\\\", "xxxx", "----", "||||", "++++", "//--")
"""Lines, points and bars are told apart in grey, too."""
GREY = "#595959"
"""Of what is no measurement of ours: 7 : 1 against white."""
FONT = "DejaVu Sans"
"""It comes with matplotlib, so that every machine draws the same."""
LONGEST = 90
"""Characters shown of a text on one line; of longer ones both ends stand, as labels often differ in the last."""
LETTERS_AN_INCH = 13
"""Of the font's size; a little fewer than there are room for."""
SETTINGS: Mapping[Any, Any] = {
    "svg.hashsalt": "sharptune",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a $ in a label is a $
    "text.usetex": False,
    "axes.unicode_minus": True,
    "axes.formatter.use_mathtext": False,
    "font.family": [FONT],
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "figure.titlesize": 9,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e2e2e2",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "path.simplify_threshold": 0.3,
    "hatch.linewidth": 0.5,
}


def colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def style(place: int) -> Any:
    return STYLES[(place + place // len(COLOURS)) % len(STYLES)]


def marker(place: int) -> str:
    return MARKERS[(place + place // len(COLOURS)) % len(MARKERS)]


def hatch(place: int) -> str:
    return HATCHES[(place + place // len(COLOURS)) % len(HATCHES)]


def plain(text: str, longest: int = LONGEST) -> str:
    """Return a text on one line, without characters that would act on it; a longer one without its middle."""
    line = shown_line(text)
    if len(line) <= longest:
        return line
    end = (longest - 1) // 2
    return f"{line[: longest - 1 - end]}…{line[len(line) - end :]}"


def wrapped(text: str, width: int, lines: int = 3) -> str:
    """Return a text in so many lines of so many characters at most; a longer one without its middle."""
    found: list[str] = []
    for longest in range(width * lines, 0, -1):
        found = textwrap.wrap(plain(text, longest), width)
        if len(found) <= lines:
            break
    return "\n".join(found)
