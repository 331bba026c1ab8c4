"""How panels with a line for each host or each row of a table are painted into axes of matplotlib."""

from collections.abc import Iterator, Sequence
from typing import Any

from orchestrator.figures.dots import DotsPanel
from orchestrator.figures.painting import Key, Places, room, say_nothing_yet
from orchestrator.figures.style import GREY, colour, hatch, plain, wrapped
from orchestrator.figures.timeline import Span, TimelinePanel

MOST_BARS = 400
"""Bars of a timeline with edges and hatches; more are too thin for them."""


def timeline(axes: Any, panel: TimelinePanel, places: Places) -> list[Key]:
    """Draw a bar for each trial, in the lanes of its host."""
    from matplotlib.patches import Patch

    lanes = {host: 1 + max(span.lane for span in panel.spans if span.host == host) for host in panel.hosts}
    tops = {host: sum(list(lanes.values())[:place]) for place, host in enumerate(lanes)}
    last = max(span.end for span in panel.spans)
    unit, scale = _time_unit(last)
    for stage in panel.stages:
        bars = [(span, tops[span.host] + span.lane) for span in panel.spans if span.stage == stage]
        look = {"facecolor": colour(places[stage]), "hatch": hatch(places[stage]), "edgecolor": "white"}
        if len(panel.spans) > MOST_BARS:
            look |= {"hatch": "", "edgecolor": "none"}
        _bars(axes, [each for each in bars if each[0].state != "failed"], scale, **look)
        _bars(axes, [each for each in bars if each[0].state == "failed"], scale, **FAILED)
    for span in panel.spans:
        if span.attempts > 1 and span.end - span.start > last / 50:
            _say_attempts(axes, span, tops[span.host] + span.lane, scale)
    hosts = [plain(host, max(16, room(axes) // 3)) for host in lanes]
    axes.set_yticks([tops[host] + (lanes[host] - 1) / 2 for host in lanes], hosts)
    axes.set_ylim(sum(lanes.values()) - 0.4, -0.6)
    for host in list(lanes)[1:]:
        axes.axhline(tops[host] - 0.5, color=GREY, linewidth=0.5)
    axes.set_xlim(0, 1.02 * last / scale or 1)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    began = panel.began.replace("T", " ").replace("+00:00", " UTC")
    _name_below(axes, f"{unit} since {began}", hosts)
    keys = [(Patch(facecolor=colour(places[s]), hatch=hatch(places[s]), edgecolor="white"), s) for s in panel.stages]
    if any(span.state == "failed" for span in panel.spans):
        keys.append((Patch(**FAILED), "failed"))
    if any(span.attempts > 1 for span in panel.spans):
        keys.append((_text_key(), "×2, ×3, …: attempts"))
    return keys


def _name_below(axes: Any, name: str, labels: Sequence[str]) -> None:
    """Name the axis below, in lines as long as there is room beside the labels at the left."""
    beside = max((len(line) for label in labels for line in label.split("\n")), default=0)
    axes.set_xlabel(wrapped(name, max(14, room(axes) - beside)))


def timeline_height(panel: TimelinePanel) -> float:
    """Return how high a panel is, in inches."""
    return min(9.0, 1.0 + 0.17 * len({(span.host, span.lane) for span in panel.spans}))


def _text_key() -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none")


FAILED = {"facecolor": "white", "edgecolor": "black", "linewidth": 1.2}


def _bars(axes: Any, bars: Sequence[tuple[Span, float]], scale: float, **look: Any) -> None:
    """Draw bars that look alike, all at once: there may be thousands."""
    from matplotlib.collections import PolyCollection

    corners = [
        [(x, lane + y) for x, y in zip((s.start, s.end, s.end, s.start), (-0.4, -0.4, 0.4, 0.4), strict=True)]
        for s, lane in bars
    ]
    scaled = [[(x / scale, y) for x, y in each] for each in corners]
    axes.add_collection(PolyCollection(scaled, **{"linewidth": 0.5, **look}))


def _say_attempts(axes: Any, span: Span, lane: float, scale: float) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
    middle = (span.start + span.end) / 2 / scale
    axes.text(middle, lane, f"×{span.attempts}", ha="center", va="center", fontsize=6, bbox=box)


def _time_unit(seconds: float) -> tuple[str, float]:
    for unit, scale in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * scale:
            return unit, scale
    return "seconds", 1.0


def dots(axes: Any, panel: DotsPanel, places: Places) -> list[Key]:
    """Draw each run as a dot, the median of each row as a bar, and published numbers as hollow diamonds."""
    from matplotlib.ticker import MaxNLocator

    scale, keys = panel.unit.scale, {}
    every = [value for strip in panel.strips for value in strip.values.values()]
    near = (max(every) - min(every)) / 60 if every else 0.0
    for row, strip in enumerate(panel.strips):
        runs = list(_aside(sorted(strip.values.values()), near))
        if runs:
            (keys["single run"],) = axes.plot(
                [value / scale for value, _ in runs],
                [row + aside for _, aside in runs],
                "o",
                color=colour(0),
                markersize=4.2,
                markeredgecolor="white",
                markeredgewidth=0.4,
                zorder=5,
            )
        if strip.median is not None:
            (keys["median"],) = axes.plot(
                [strip.median / scale] * 2,
                [row - 0.32, row + 0.32],
                color="black",
                linewidth=1.6,
                zorder=4,
                solid_capstyle="butt",
            )
        if strip.published is not None:
            spread = (strip.published_half_range or 0) / scale
            (keys["published"], *_) = axes.errorbar(
                strip.published / scale,
                row,
                xerr=spread,
                fmt="D",
                color=GREY,
                markerfacecolor="white",
                markersize=4,
                elinewidth=0.7,
                zorder=2,
            )
    labels = _labels(panel, room(axes))
    axes.set_yticks(range(len(panel.strips)), labels)
    axes.set_ylim(len(panel.strips) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_title("")
    _name_below(axes, panel.title, labels)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    if not any(strip.values or strip.published is not None for strip in panel.strips):
        say_nothing_yet(axes, keep_rows=True)
    return [(keys[label], label) for label in ("single run", "median", "published") if label in keys]


def dots_height(panel: DotsPanel, letters: int) -> float:
    """Return how high a panel is, in inches, with room for so many letters across."""
    lines = 1 + max((label.count("\n") for label in _labels(panel, letters)), default=0)
    return 0.95 + (0.1 + 0.1 * lines) * len(panel.strips)


def _labels(panel: DotsPanel, letters: int) -> list[str]:
    """Return what stands at the left of a panel's rows, with room for so many letters across all of it."""
    return [wrapped(strip.label, max(16, letters * 2 // 5), 2) for strip in panel.strips]


def _aside(ordered: Sequence[float], near: float) -> Iterator[tuple[float, float]]:
    """Yield values, each with how far from the middle of its row it stands: dots side by side must not cover others."""
    taken: dict[float, float] = {}
    for value in ordered:
        free = (aside for aside in ASIDE if aside not in taken or value - taken[aside] > near)
        aside = next(free, ASIDE[0])
        taken[aside] = value
        yield value, aside


ASIDE = (0.0, 0.17, -0.17, 0.32, -0.32)
