"""How curves and points are painted into axes of matplotlib."""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.figures.alphas import EdgePanel
from orchestrator.figures.curves import NOTHING_YET, Curve, Panel
from orchestrator.figures.pareto import Point, PointsPanel
from orchestrator.figures.style import GREY, LETTERS_AN_INCH, colour, marker, plain, style, wrapped

Places = Mapping[str, int]
"""Label -> its place, which says how it looks, in all panels of a figure."""
Key = tuple[Any, str]
"""What stands in a legend: an artist and its label."""
MOST_SINGLES = 30
"""Single runs drawn beside a median; of more, only their band could be seen."""
MOST_MARKS = 8
"""Markers along one line, to tell it from others in grey."""


def curves(axes: Any, panel: Panel, places: Places) -> list[Key]:
    """Draw lines with bands and thin lines of single runs; return the legend."""
    from matplotlib.ticker import LogFormatter, LogLocator, NullFormatter

    keys: list[Key] = []
    drawn = {"drawstyle": "steps-post"} if panel.steps else {}
    for curve in panel.curves:
        place = places[curve.label]
        paint = colour(place)
        for single in curve.singles if len(curve.singles) <= MOST_SINGLES else ():
            axes.plot(single.epochs, single.values, color=paint, linewidth=0.5, alpha=0.45, zorder=2, **drawn)
        if len(curve.trials) > 1 and curve.low != curve.high:
            stepping = {"step": "post"} if panel.steps else {}
            axes.fill_between(curve.epochs, curve.low, curve.high, color=paint, alpha=0.16, linewidth=0, **stepping)
        (line,) = axes.plot(
            curve.epochs,
            curve.median,
            linestyle=style(place),
            color=paint,
            linewidth=1.3,
            marker=marker(place),
            markersize=2.8,
            markevery=_every(len(curve.epochs), place),
            zorder=3,
            **drawn,
        )
        keys.append((line, legend_text(curve)))
    epochs_below(axes)
    if not any(curve.epochs for curve in panel.curves):
        say_nothing_yet(axes)
    elif panel.log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        low, high = (min(c.low, default=1) for c in panel.curves), (max(c.high, default=1) for c in panel.curves)
        narrow = max(high) / max(min(low), 1e-300) < 30
        axes.yaxis.set_minor_locator(LogLocator(subs=[2, 3, 4, 5, 6, 8] if narrow else [2, 5]))
        axes.yaxis.set_minor_formatter(LogFormatter() if narrow else NullFormatter())
        axes.tick_params(axis="y", which="minor", labelsize=6)
    return keys


def legend_text(curve: Curve) -> str:
    """Return `p=1 (n=2/3)`; no count where the plan has one run only."""
    n = len(curve.trials)
    count = f"n={n}" if n == curve.expected else f"n={n}/{curve.expected}"
    return f"{curve.label} ({count})" if curve.expected > 1 else curve.label


def edges(axes: Any, panel: EdgePanel, places: Places) -> list[Key]:
    """Draw the weights of one edge, and a mark where the lead changed."""
    from matplotlib.lines import Line2D

    keys: list[Key] = []
    told_apart = coloured(panel)
    for weight in panel.weights:
        if weight.label not in told_apart:
            axes.plot(panel.epochs, weight.values, color="#b8b8b8", linewidth=0.4, zorder=1)
            continue
        place = places[weight.label]
        look = {"color": colour(place), "linestyle": style(place)}
        (line,) = axes.plot(panel.epochs, weight.values, linewidth=1.3 if weight.leads else 0.7, zorder=2, **look)
        keys.append((line, weight.label))
    by_label = {weight.label: weight for weight in panel.weights}
    for flip in panel.flips:
        at = by_label[flip.after].values[panel.epochs.index(flip.epoch)]
        axes.axvline(flip.epoch, color=GREY, linewidth=0.5, linestyle=(0, (1, 2)), zorder=0)
        axes.plot(
            [flip.epoch],
            [at],
            marker="o",
            markersize=3.2,
            markerfacecolor="white",
            zorder=4,
            color=colour(places[flip.after]),
            linestyle="none",
        )
    epochs_below(axes)
    look = {"marker": "o", "markersize": 3.2, "markerfacecolor": "white", "color": GREY, "linestyle": "none"}
    return [*keys, (Line2D([], [], **look), "takes the lead")] if panel.flips else keys


MOST_COLOURED = 12


def coloured(panel: EdgePanel) -> list[str]:
    """Return the operations that are told apart: all, or, where there are too many, those that lead at some time."""
    return [weight.label for weight in panel.weights if weight.leads or len(panel.weights) <= MOST_COLOURED]


def points(axes: Any, panel: PointsPanel, places: Places) -> list[Key]:
    """Draw measured points filled, published ones hollow and grey, and the front of each as a line of its own."""
    from matplotlib.ticker import MaxNLocator

    keys: list[Key] = []
    fronts: list[Key] = []
    across, above = panel.size_unit.scale, panel.error_unit.scale
    published = [point for point in panel.points if point.published]
    measured = [point for point in panel.points if not point.published]
    for of, look in (
        (published, {"color": GREY, "linestyle": (0, (1, 1.5)), "linewidth": 0.9}),
        (measured, {"color": "black", "linestyle": "-", "linewidth": 0.9}),
    ):
        front = sorted((point.size / across, point.error / above) for point in of if point.front)
        if len(front) > 1:
            (line,) = axes.plot(*zip(*front, strict=True), drawstyle="steps-post", zorder=1, **look)
            fronts.append((line, "published front" if of is published else "measured front"))
    for point in measured:
        place = places[point.label]
        drawn = axes.errorbar(
            point.size / across,
            point.error / above,
            yerr=[[(point.error - point.low) / above], [(point.high - point.error) / above]],
            xerr=[[(point.size - point.smallest) / across], [(point.largest - point.size) / across]],
            fmt=marker(place),
            color=colour(place),
            markersize=5,
            elinewidth=0.8,
            zorder=3,
        )
        keys.append((drawn.lines[0], _point_text(point)))
    if published:
        (drawn,) = axes.plot(
            [point.size / across for point in published],
            [point.error / above for point in published],
            "o",
            color=GREY,
            markerfacecolor="white",
            markersize=4,
            zorder=2,
        )
        keys.append((drawn, "published"))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(wrapped(panel.size_title, room(axes), 2))
    axes.set_ylabel(wrapped(panel.error_title, room(axes, across=False), 2))
    axes.set_title("")
    if not panel.points:
        say_nothing_yet(axes)
    elif max(p.size for p in panel.points) > 20 * min(p.size for p in panel.points) > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.08, y=0.1)
    _name_points(axes, published, across, above)
    return [*keys, *reversed(fronts)]


def _name_points(axes: Any, published: Sequence[Point], across: float, above: float) -> None:
    """Write names beside the points of the published front, where there is room; the others are in the data."""
    axes.autoscale_view()
    to_axes = axes.transData + axes.transAxes.inverted()
    named: list[tuple[float, float]] = []
    for point in sorted((each for each in published if each.front), key=lambda each: each.error):
        at = (point.size / across, point.error / above)
        x, y = to_axes.transform(at)
        if any(abs(x - left) < 0.45 and abs(y - below) < 0.07 for left, below in named):
            continue
        named.append((x, y))
        right = x > 0.5
        axes.annotate(
            plain(point.label, 26),
            at,
            xytext=(-4 if right else 4, -8),
            ha="right" if right else "left",
            textcoords="offset points",
            fontsize=6,
            color=GREY,
        ).set_in_layout(False)


def room(axes: Any, *, across: bool = True) -> int:
    """Return how many letters there is room for along a side of a panel."""
    grid, canvas = axes.get_subplotspec().get_gridspec(), axes.get_figure()
    inches = canvas.get_figwidth() / grid.ncols if across else canvas.get_figheight() / grid.nrows
    return int(inches * LETTERS_AN_INCH)


def _point_text(point: Point) -> str:
    n = len(point.trials)
    count = f"n={n}" if n == point.expected else f"n={n}/{point.expected}"
    return f"{point.label} ({count})" if point.expected > 1 else point.label


def epochs_below(axes: Any) -> None:
    """Name the axis below, with whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))


def say_nothing_yet(axes: Any, *, keep_rows: bool = False) -> None:
    """Say that there is nothing to be drawn."""
    axes.set(xticks=[])
    if not keep_rows:
        axes.set(yticks=[])
    axes.text(0.5, 0.4, NOTHING_YET, ha="center", transform=axes.transAxes)


def _every(count: int, place: int) -> tuple[int, int] | int:
    """Return at which epochs a line has markers; lines that lie on each other have theirs at different ones."""
    step = max(1, count // MOST_MARKS)
    return (place * step // 3 % step if step > 1 else 0, step)
