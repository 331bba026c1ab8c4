"""Pictures of labels and strokes, written as SVG: lengths are pixels, and the same picture is always the same bytes.

The background is white, so that a viewer's dark theme changes nothing. There are no ids, scripts or style sheets in a
picture, so that several can stand in one page.
"""

from collections.abc import Iterator, Sequence
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
    """A text in the middle of an area, of one line or more. `a_{b}` is an `a` with the index `b`."""

    text: str
    area: Area
    look: Look


@dataclass(frozen=True, kw_only=True, slots=True)
class Stroke:
    """A smooth line through points from left to right, level at each of them, or from above, upright at each."""

    points: tuple[Point, ...]
    color: str
    width: float = 1.3
    dash: str = ""
    arrow: bool = True
    down: bool = False

    def pieces(self) -> Iterator[tuple[Point, Point, Point]]:
        """Yield what follows the first point: two points that guide a Bézier curve, and where it leads."""
        points = [*self.points[:-1], self.moved(self.points[-1], 1 - ARROW) if self.arrow else self.points[-1]]
        for (x1, y1), (x2, y2) in pairwise(points):
            across, along = (x1 + x2) / 2, (y1 + y2) / 2
            yield ((x1, along), (x2, along), (x2, y2)) if self.down else ((across, y1), (across, y2), (x2, y2))

    def head(self) -> tuple[Point, Point, Point]:
        """Return the corners of the arrow's head, its tip first."""
        tip, (x, y) = self.points[-1], self.moved(self.points[-1], -ARROW)
        half = ARROW / 2
        return (tip, (x - half, y), (x + half, y)) if self.down else (tip, (x, y - half), (x, y + half))

    def moved(self, point: Point, way: float) -> Point:
        """Return a point so far along the line's direction."""
        return (point[0], point[1] + way) if self.down else (point[0] + way, point[1])


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
LINE_HEIGHT = 1.2
"""Of a text of several lines, for each pixel of its size."""
LINE_COLOR = "#e4e7eb"
INDEX_SIZE = 0.72
"""Of an index, for each pixel of the letter before it."""
ARROW = 6.0
"""How long the head of an arrow is."""


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is; rather too much than too little, whichever sans serif font a viewer has."""
    return size * 1.06 * fsum(_advance(letter) for letter in text)


def heading_width(heading: str) -> float:
    """Return how wide a drawing must be for its heading, which is bold."""
    return 1.08 * max(text_width(line, HEADING.size) for line in heading.split("\n")) + 2 * MARGIN


def heading_height(heading: str) -> float:
    """Return how high it is."""
    return HEADING_HEIGHT + heading.count("\n") * HEADING.size * LINE_HEIGHT if heading else 0.0


def smallest_letters(drawings: Sequence[Drawing], width: float) -> float:
    """Return how large the smallest letters of drawings are that are shown so wide, in the unit of that width."""
    texts = [label for drawing in drawings for label in (*drawing.nodes, *drawing.labels) if label.text]
    smallest = min(label.look.size * (INDEX_SIZE if "_{" in label.text else 1) for label in texts)
    return smallest * width / max(drawing.width for drawing in drawings)


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
        height = heading_height(drawing.heading)
        area = Area(x=MARGIN, y=height / 2 + 4, width=0, height=height)
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
    path = f"M{_p(stroke.points[0])}"
    for (one, other, (x, y)), before in zip(stroke.pieces(), stroke.points, strict=False):
        straight = before[0] == x if stroke.down else before[1] == y
        path += f"L{_p((x, y))}" if straight else f"C{_p(one)} {_p(other)} {_p((x, y))}"
    dash = f' stroke-dasharray="{stroke.dash}"' if stroke.dash else ""
    line = f'<path d="{path}" fill="none" stroke="{stroke.color}" stroke-width="{_n(stroke.width)}"{dash}/>'
    if not stroke.arrow:
        return [line]
    tip, *_ = stroke.head()
    half, whole = _n(ARROW / 2), _n(ARROW)
    sides = f"l-{half} -{whole}h{whole}z" if stroke.down else f"l-{whole} -{half}v{whole}z"
    return [line, f'<path d="M{_p(tip)}{sides}" fill="{stroke.color}"/>']


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
    lines = text.split("\n")
    high = (len(lines) - 1) * look.size * LINE_HEIGHT
    base = area.y - high / 2 + 0.35 * look.size  # half the height of a capital below the middle
    more = "".join(
        f'<tspan x="{_n(area.x)}" dy="{_n(look.size * LINE_HEIGHT)}">{escape(line)}</tspan>' for line in lines[1:]
    )
    return (
        f'<text x="{_n(area.x)}" y="{_n(base)}" font-size="{_n(look.size)}" text-anchor="{anchor}"'
        f' fill="{look.color}"{font}>{_indexed(lines[0], look.size)}{more}</text>'
    )


def _indexed(text: str, size: float) -> str:
    letter, brace, rest = text.partition("_{")
    if not brace:
        return escape(text)
    index = escape(rest.removesuffix("}").replace("-", "−"))
    below = f'<tspan dy="{_n(size / 4)}" font-size="{_n(size * INDEX_SIZE)}">{index}</tspan>'
    return f'<tspan font-style="italic">{escape(letter)}</tspan>{below}'


def _p(point: Point) -> str:
    return f"{_n(point[0])} {_n(point[1])}"


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
