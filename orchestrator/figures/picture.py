"""Drawings of architectures in a figure's sizes and formats: the SVG as `drawing` writes it, others by matplotlib."""

import io
import warnings
from math import fsum
from typing import Any

from orchestrator.architectures.drawing.architecture import readable_drawings
from orchestrator.architectures.drawing.svg import (
    HEADING,
    LINE_COLOR,
    LINE_HEIGHT,
    MARGIN,
    Drawing,
    Label,
    Stroke,
    heading_height,
    to_svg,
)
from orchestrator.figures.cells import Picture
from orchestrator.figures.figure import Figure
from orchestrator.figures.fonts import settings_for
from orchestrator.figures.style import plain, wrapped
from orchestrator.words import shown_line

POINTS = 72
"""Of an inch."""
HIGHEST = 9.0
"""Inches: what a page has room for, with its caption."""
HEADING_LETTERS = 7
"""On one line, for each inch: however wide they are, there is room for the name of the cell beside them."""
FONT_SCALE = 0.88
"""The font that matplotlib has is wider than the one that drawings are laid out for."""


def draw(panel: Picture, figure: Figure, form: str, inches: float, dpi: int) -> bytes:
    """Return the file of one architecture, so many inches wide at most: it leads down where letters would be small."""
    heading = wrapped(panel.heading, int(HEADING_LETTERS * inches))
    drawings = readable_drawings(panel.architecture, heading, inches * POINTS)
    width = max(drawing.width for drawing in drawings)
    height = fsum(drawing.height for drawing in drawings)
    inches = min(inches, width / 80, HIGHEST * width / height)
    if form == "svg":
        text = to_svg(drawings, title=plain(figure.title), description=shown_line(figure.description()))
        size = f'width="{inches:.2f}in" height="{inches * height / width:.2f}in"'
        size = f'role="img" {size}'
        return text.replace(text[text.index("width=") : text.index(" viewBox=")], size, 1).encode()
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context(settings_for(form)), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        canvas = Canvas(figsize=(inches, inches * height / width))
        FigureCanvasAgg(canvas)
        axes = canvas.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        top, scale = 0.0, inches * POINTS / width
        for drawing in drawings:
            _paint(axes, drawing, top, scale)
            top += drawing.height
        buffer = io.BytesIO()
        metadata = {"CreationDate": None} if form == "pdf" else {}
        canvas.savefig(buffer, format=form, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def _paint(axes: Any, drawing: Drawing, top: float, scale: float) -> None:
    """Draw one part, so far from above; `scale` is points for each pixel of the drawing."""
    if drawing.heading:
        size = HEADING.size * scale * FONT_SCALE
        axes.text(
            MARGIN,
            top + heading_height(drawing.heading) / 2 + 4,
            drawing.heading,
            linespacing=LINE_HEIGHT,
            fontsize=size,
            fontweight="bold",
            va="center",
            color=HEADING.color,
        )
    for (x1, y1), (x2, y2) in drawing.lines:
        axes.plot([x1, x2], [top + y1, top + y2], color=LINE_COLOR, linewidth=scale, zorder=1)
    for stroke in drawing.strokes:
        _paint_stroke(axes, stroke, top, scale)
    for label in (*drawing.nodes, *drawing.labels):
        _paint_label(axes, label, top, scale)


def _paint_stroke(axes: Any, stroke: Stroke, top: float, scale: float) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path

    (x, y), *_ = stroke.points
    vertices, codes = [(x, top + y)], [Path.MOVETO]
    for piece in stroke.pieces():
        vertices += [(x, top + y) for x, y in piece]
        codes += [Path.CURVE4] * 3
    dash = (0, [float(part) for part in stroke.dash.replace(",", " ").split()]) if stroke.dash else "-"
    line = PathPatch(
        Path(vertices, codes),
        fill=False,
        edgecolor=stroke.color,
        linewidth=stroke.width * scale,
        linestyle=dash,
        zorder=2,
    )
    axes.add_patch(line)
    if stroke.arrow:
        head = [(x, top + y) for x, y in stroke.head()]
        axes.add_patch(Polygon(head, facecolor=stroke.color, edgecolor="none", zorder=2))


def _paint_label(axes: Any, label: Label, top: float, scale: float) -> None:
    from matplotlib.patches import FancyBboxPatch, Rectangle

    area, look = label.area, label.look
    left, upper = area.x - area.width / 2, top + area.y - area.height / 2
    if look.fill != "none" or look.stroke != "none":
        drawn: dict[str, Any] = {"facecolor": look.fill, "edgecolor": look.stroke, "linewidth": scale, "zorder": 3}
        drawn |= {"linestyle": (0, [float(part) for part in look.dash.replace(",", " ").split()])} if look.dash else {}
        if look.radius:
            shape = f"round,pad=0,rounding_size={min(look.radius, area.width / 2, area.height / 2)}"
            axes.add_patch(FancyBboxPatch((left, upper), area.width, area.height, boxstyle=shape, **drawn))
        else:
            axes.add_patch(Rectangle((left, upper), area.width, area.height, **drawn))
    if label.text:
        letter, brace, rest = label.text.partition("_{")
        indexed = bool(brace) and letter.isalpha() and rest.endswith("}") and rest[:-1].replace("-", "").isalnum()
        axes.text(
            area.x,
            top + area.y,
            f"${label.text}$" if indexed else label.text,
            linespacing=LINE_HEIGHT,
            ha="center",
            va="center",
            fontsize=look.size * scale * FONT_SCALE,
            color=look.color,
            parse_math=indexed,
            zorder=4,
            fontweight="bold" if "bold" in look.font else "normal",
            fontstyle="italic" if "italic" in look.font else "normal",
        )
