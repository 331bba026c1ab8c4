"""Pictures of labels and strokes, written as SVG: lengths are pixels, and the same picture is always the same bytes.

The background is white, so that a viewer's dark theme changes nothing. There are no ids, scripts or style sheets in a
picture, so that several can stand in one page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import fsum

Point = tuple[float, float]

MARGIN = 16.0
FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"


@dataclass(frozen=True, kw_only=True, slots=True)
class Area:
    """A rectangle by its centre and size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How a label looks. A box without `stroke` is only a background for its text."""

    color: str = "#1f2933"
    size: float = 11.0
    fill: str = "none"
    stroke: str = "none"
    dash: str = ""
    radius: float = 0.0
    font: str = ""
    """Further attributes of the text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """A text in the middle of an area. `a_{b}` is an `a` with the index `b`."""

    text: str
    area: Area
    look: Look


@dataclass(frozen=True, kw_only=True, slots=True)
class Stroke:
    """A smooth line through points from left to right, level at each of them."""

    points: tuple[Point, ...]
    color: str
    width: float = 1.3
    dash: str = ""
    arrow: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """A part of a picture; later parts of it cover earlier ones."""

    heading: str
    width: float
    height: float
    lines: tuple[tuple[Point, Point], ...] = ()
    """Straight ones, in the background."""
    strokes: tuple[Stroke, ...]
    nodes: tuple[Label, ...]
    labels: tuple[Label, ...]


HEADING = Look(color="#1f2933", size=13.0, font='font-weight="bold"')
HEADING_HEIGHT = 30.0
LINE_COLOR = "#e4e7eb"
ARROW = 6.0
"""How long the head of an arrow is."""


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is; rather too much than too little, whichever sans serif font a viewer has."""
    return size * 1.06 * fsum(_advance(letter) for letter in text)


def heading_width(heading: str) -> float:
    """Return how wide a drawing must be for its heading, which is bold."""
    return 1.08 * text_width(heading, HEADING.size) + 2 * MARGIN


def to_svg(drawings: Sequence[Drawing], *, title: str, description: str) -> str:
    """Return the SVG document of drawings, one below the other."""
    width = max(drawing.width for drawing in drawings)
    height = fsum(drawing.height for drawing in drawings)
    size = f'width="{_n(width)}" height="{_n(height)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {_n(width)} {_n(height)}" font-family="{FONT}">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(description)}</desc>",
        f'<rect {size} fill="#ffffff"/>',
    ]
    top = 0.0
    for drawing in drawings:
        parts += [f'<g transform="translate(0 {_n(top)})">', *_drawing(drawing), "</g>"]
        top += drawing.height
    return "\n".join([*parts, "</svg>", ""])


def _drawing(drawing: Drawing) -> list[str]:
    parts = []
    if drawing.heading:
        area = Area(x=MARGIN, y=HEADING_HEIGHT / 2 + 4, width=0, height=HEADING_HEIGHT)
        parts.append(_text(drawing.heading, area, HEADING, anchor="start"))
    if drawing.lines:
        path = "".join(f"M{_n(a)} {_n(b)}L{_n(c)} {_n(d)}" for (a, b), (c, d) in drawing.lines)
        parts.append(f'<path d="{path}" fill="none" stroke="{LINE_COLOR}"/>')
    for stroke in drawing.strokes:
        parts += _stroke(stroke)
    for label in (*drawing.nodes, *drawing.labels):
        parts += _label(label)
    return parts


def _stroke(stroke: Stroke) -> list[str]:
    points = list(stroke.points)
    tip = points[-1]
    if stroke.arrow:
        points[-1] = (tip[0] - ARROW + 1, tip[1])
    path = f"M{_n(points[0][0])} {_n(points[0][1])}"
    for (x1, y1), (x2, y2) in pairwise(points):
        middle = _n((x1 + x2) / 2)
        path += f"L{_n(x2)} {_n(y2)}" if y1 == y2 else f"C{middle} {_n(y1)} {middle} {_n(y2)} {_n(x2)} {_n(y2)}"
    dash = f' stroke-dasharray="{stroke.dash}"' if stroke.dash else ""
    line = f'<path d="{path}" fill="none" stroke="{stroke.color}" stroke-width="{_n(stroke.width)}"{dash}/>'
    if not stroke.arrow:
        return [line]
    half = _n(ARROW / 2)
    head = f"M{_n(tip[0])} {_n(tip[1])}l-{_n(ARROW)} -{half}v{_n(ARROW)}z"
    return [line, f'<path d="{head}" fill="{stroke.color}"/>']


def _label(label: Label) -> list[str]:
    area, look = label.area, label.look
    parts = []
    if look.fill != "none" or look.stroke != "none":
        dash = f' stroke-dasharray="{look.dash}"' if look.dash else ""
        parts.append(
            f'<rect x="{_n(area.x - area.width / 2)}" y="{_n(area.y - area.height / 2)}" width="{_n(area.width)}"'
            f' height="{_n(area.height)}" rx="{_n(look.radius)}" fill="{look.fill}" stroke="{look.stroke}"{dash}/>'
        )
    if label.text:
        parts.append(_text(label.text, area, look))
    return parts


def _text(text: str, area: Area, look: Look, anchor: str = "middle") -> str:
    font = f" {look.font}" if look.font else ""
    base = area.y + 0.35 * look.size  # half the height of a capital below the middle
    return (
        f'<text x="{_n(area.x)}" y="{_n(base)}" font-size="{_n(look.size)}" text-anchor="{anchor}"'
        f' fill="{look.color}"{font}>{_indexed(text, look.size)}</text>'
    )


def _indexed(text: str, size: float) -> str:
    letter, brace, rest = text.partition("_{")
    if not brace:
        return escape(text)
    index = escape(rest.removesuffix("}").replace("-", "−"))
    below = f'<tspan dy="{_n(size / 4)}" font-size="{_n(size * 0.72)}">{index}</tspan>'
    return f'<tspan font-style="italic">{escape(letter)}</tspan>{below}'


def _n(number: float) -> str:
    """Write a number with a digit after the point, where it needs one."""
    return f"{number:.1f}".removesuffix(".0").replace("-0.0", "0")


def _advance(letter: str) -> float:
    """Return the width of a letter in parts of the font's size, as in Helvetica."""
    for letters, width in _ADVANCES.items():
        if letter in letters:
            return width
    return 0.72 if letter.isupper() else 0.556


_ADVANCES = {"ijl": 0.222, "ft I.,·": 0.278, "r-()": 0.333, "cksvxyz": 0.5, "w": 0.722, "m": 0.833}
"""The letters that are not as wide as digits."""
