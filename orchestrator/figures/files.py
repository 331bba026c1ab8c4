"""Figures as files: SVG, PDF or PNG, drawn by matplotlib without a screen; the same bytes for the same figure."""

import io
import itertools
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from orchestrator.figures import painting, painting_rows, picture
from orchestrator.figures.alphas import EdgePanel
from orchestrator.figures.cells import Picture
from orchestrator.figures.curves import NOTHING_YET, Panel
from orchestrator.figures.dots import DotsPanel
from orchestrator.figures.figure import Figure
from orchestrator.figures.fonts import settings_for
from orchestrator.figures.pareto import PointsPanel
from orchestrator.figures.style import FONT, LETTERS_AN_INCH, WIDTHS, wrapped
from orchestrator.figures.timeline import TimelinePanel
from orchestrator.words import shown_line

FORMATS = ("svg", "pdf", "png")
DPI = 200
_WITHOUT_DATE: Mapping[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
_REMARK: Mapping[str, Any] = {"fontsize": 6.5, "color": "#404040"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Painter:
    """How panels of one sort are painted and arranged."""

    paint: Callable[[Any, Any, Mapping[str, int]], list[painting.Key]]
    labels: Callable[[Any], Sequence[str]]
    """What of a panel is told apart by colour."""
    side_by_side: Mapping[str, int]
    """How many panels stand side by side at most, in a width."""
    height: Callable[[Any, str, int], float]
    """In inches; of a panel, in a width, with room for so many letters across."""
    shared: bool = False
    """Whether all panels have one scale, which stands at the outer ones only."""
    part: Callable[[Any], str] = lambda panel: ""
    """What of the figure a panel belongs to; each part begins a row."""


def draw_figure(figure: Figure, form: str, *, width: str = "page") -> bytes:
    """Return a figure's file; `form` is one of FORMATS, `width` one of WIDTHS."""
    if figure.panels and isinstance(figure.panels[0], Picture):
        return picture.draw(figure.panels[0], figure, form, WIDTHS[width], DPI)
    import matplotlib as mpl

    with mpl.rc_context(settings_for(form)), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a viewer of the SVG has it; else it is told
        canvas = _canvas(figure, width)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format=form, dpi=DPI, metadata=_WITHOUT_DATE[form])
    return _in_words(_smaller(buffer.getvalue()), figure) if form == "svg" else buffer.getvalue()


def _in_words(svg: bytes, figure: Figure) -> bytes:
    """Return an SVG that says, for those who cannot see it, what it is and what it shows."""
    start, rest = svg.split(b"<svg", 1)
    tag, rest = rest.split(b">", 1)
    title, description = (escape(shown_line(text)) for text in (figure.title, figure.description()))
    words = f">\n <title>{title}</title>\n <desc>{description}</desc>"
    return start + b'<svg role="img"' + tag + words.encode() + rest


def _smaller(svg: bytes) -> bytes:
    """Return an SVG without what nobody sees: of each coordinate's six digits two, no comments, no indentation."""

    def shorter(found: re.Match[bytes]) -> bytes:
        return re.sub(rb"-?\d+\.\d{3,}", lambda number: b"%g" % round(float(number[0]), 2), found[0])

    svg = re.sub(rb"<metadata>.*?</metadata>|<!--.*?-->", b"", svg, flags=re.DOTALL)
    svg = re.sub(rb' d="[^"]*"|<use [^>]*>|<text [^>]*>', shorter, svg)
    svg = re.sub(rb"\n\s*", b"\n", svg)
    return svg.replace(f"'{FONT}'".encode(), f"'{FONT}', Verdana, sans-serif".encode())


def svg(figure: Figure, *, width: str = "page", prefix: str = "") -> str:
    """Return an `<svg>` element to stand in a page, the same text for the same figure.

    Args:
        prefix: goes before every id, so that the ids of two figures in one page differ.
    """
    text = draw_figure(figure, "svg", width=width).decode()
    element = text[text.index("<svg") :].strip()
    if prefix:
        element = re.sub(r'(\bid="|href="#|url\(#)', lambda found: found[1] + prefix, element)
    return element


def _canvas(figure: Figure, width: str) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    inches = WIDTHS[width]
    if not figure.panels:
        canvas = Canvas(figsize=(inches, 1.2))
        FigureCanvasAgg(canvas)
        canvas.suptitle(wrapped(figure.title, int(inches * LETTERS_AN_INCH * 0.8)))
        canvas.text(0.5, 0.3, wrapped(figure.missing or NOTHING_YET, int(inches * LETTERS_AN_INCH)), ha="center")
        return canvas
    painter = PAINTERS[type(figure.panels[0])]
    grid = _grid(figure.panels, painter.side_by_side[width], painter.part)
    letters = int(inches / len(grid[0]) * LETTERS_AN_INCH)
    heights = [max(painter.height(panel, width, letters) for panel in row if panel) for row in grid]
    canvas = Canvas(figsize=(inches, sum(heights)), layout="constrained")
    FigureCanvasAgg(canvas)
    canvas.suptitle(wrapped(figure.title, int(inches * LETTERS_AN_INCH * 0.8)))
    axes = canvas.subplots(
        len(grid), len(grid[0]), squeeze=False, height_ratios=heights, sharex=painter.shared, sharey=painter.shared
    )
    merged = _paint(axes, grid, painter, inches)
    missing = wrapped(figure.missing, int(inches * LETTERS_AN_INCH))
    below = _legend(canvas, merged, missing, inches) if any(label for _, label in merged) else 0
    if missing and not below:
        canvas.supxlabel(missing, **_REMARK)
    canvas.set_size_inches(inches, sum(heights) + 0.15 * below + 0.2 * bool(missing))
    return canvas


def _grid(panels: Sequence[Any], most: int, part: Callable[[Any], str]) -> list[list[Any]]:
    """Return rows of panels, as many side by side as can be in each; each part begins a row, which ends in None."""
    parts = [list(each) for _, each in itertools.groupby(panels, part)]
    across = max(math.ceil(len(each) / math.ceil(len(each) / most)) for each in parts)
    rows = [each[start : start + across] for each in parts for start in range(0, len(each), across)]
    return [[*row, *[None] * (across - len(row))] for row in rows]


def _paint(axes: Any, grid: Sequence[Sequence[Any]], painter: Painter, inches: float) -> list[painting.Key]:
    """Paint all panels; return what the legend of them has."""
    panels = [panel for row in grid for panel in row if panel]
    labels = dict.fromkeys(label for panel in panels for label in painter.labels(panel))
    places = {label: place for place, label in enumerate(labels)}
    letters = int(inches / len(grid[0]) * LETTERS_AN_INCH * (1.2 if painter.shared else 1))
    legends: list[list[painting.Key]] = []
    for row, column in itertools.product(range(len(grid)), range(len(grid[0]))):
        each, panel = axes[row][column], grid[row][column]
        if panel is None:
            each.set_axis_off()
            continue
        each.set_title(wrapped(panel.title, letters, 2))
        legends.append(painter.paint(each, panel, places))
        if painter.shared:
            lowest = row + 1 == len(grid) or grid[row + 1][column] is None
            each.tick_params(labelbottom=lowest, labelleft=column == 0)
            each.set_xlabel("epoch" if row + 1 == len(grid) else "")
            each.title.set_fontsize(7)
    return _merged(legends, places)


def _merged(legends: Sequence[Sequence[painting.Key]], places: Mapping[str, int]) -> list[painting.Key]:
    """Return what the legend of all panels has: each label once, as it stands in the first panel that has it."""
    found: dict[str, painting.Key] = {}
    for keys in legends:
        for artist, label in keys:
            found.setdefault(label.rpartition(" (n=")[0] or label, (artist, label))
    return [found[label] for label in sorted(found, key=lambda label: places.get(label, len(places)))]


def _legend(canvas: Any, keys: Sequence[painting.Key], remark: str, inches: float) -> int:
    """Put the legend below all panels, in as many columns as there is room for; return how many lines it has."""
    texts = [wrapped(label, int(inches * LETTERS_AN_INCH) - 8, 2) for _, label in keys]
    longest = max(len(line) for text in texts for line in (text.splitlines() or [""]))
    columns = max(1, min(len(keys), int(inches / (longest * 0.056 + 0.52))))
    places = [str(place) for place in range(len(keys))]  # matplotlib leaves out labels that begin with _
    legend = canvas.legend(
        [artist for artist, _ in keys],
        places,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        handlelength=2.6,
    )
    for shown, text in zip(legend.get_texts(), texts, strict=True):
        shown.set_text(text)
    if remark:
        legend.set_title(remark, prop={"size": _REMARK["fontsize"]})
        legend.get_title().set_color(_REMARK["color"])
    return math.ceil(len(keys) / columns) * max(1 + text.count("\n") for text in texts)


def _curve_labels(panel: Panel) -> list[str]:
    return [curve.label for curve in panel.curves]


def _point_labels(panel: PointsPanel) -> list[str]:
    return [point.label for point in panel.points if not point.published]


PAINTERS: Mapping[type, Painter] = {
    Panel: Painter(
        paint=painting.curves,
        labels=_curve_labels,
        side_by_side={"column": 1, "page": 3},
        height=lambda panel, width, letters: 2.0 if width == "column" else 2.5,
    ),
    EdgePanel: Painter(
        paint=painting.edges,
        labels=painting.coloured,
        side_by_side={"column": 3, "page": 5},
        height=lambda panel, width, letters: 0.9 if width == "column" else 1.05,
        shared=True,
        part=lambda panel: panel.part,
    ),
    PointsPanel: Painter(
        paint=painting.points,
        labels=_point_labels,
        side_by_side={"column": 1, "page": 2},
        height=lambda panel, width, letters: 2.4 if width == "column" else 2.9,
    ),
    TimelinePanel: Painter(
        paint=painting_rows.timeline,
        labels=lambda panel: panel.stages,
        side_by_side={"column": 1, "page": 1},
        height=lambda panel, width, letters: min(
            9.0, 1.0 + 0.17 * len({(span.host, span.lane) for span in panel.spans})
        ),
    ),
    DotsPanel: Painter(
        paint=painting_rows.dots,
        labels=lambda panel: [],
        side_by_side={"column": 1, "page": 2},
        height=lambda panel, width, letters: painting_rows.dots_height(panel, letters),
    ),
}
"""By the type of a panel. Pictures of architectures are drawn in `picture.py`."""
