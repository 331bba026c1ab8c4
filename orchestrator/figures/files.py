"""Figures as files: SVG, PDF or PNG, drawn by matplotlib without a screen."""

import io
from collections.abc import Mapping
from typing import Any

from orchestrator.figures.curves import Curve, Figure, Panel

FORMATS = ("svg", "pdf", "png")
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933")
"""Told apart by the colour-blind too (Okabe and Ito)."""
STYLES = ("-", "--", ":", "-.")
_WITHOUT_DATE: Mapping[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}


def draw_figure(figure: Figure, form: str) -> bytes:
    """Return a figure's file, the same bytes for the same figure; `form` is one of FORMATS."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    settings: dict[Any, Any] = {
        "svg.hashsalt": "sharptune",
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.titlesize": 10,
    }
    with mpl.rc_context(settings):
        canvas = Canvas(figsize=(4.6 * len(figure.panels), 3.4), layout="constrained")
        FigureCanvasAgg(canvas)
        canvas.suptitle(figure.title)
        for place, panel in enumerate(figure.panels, start=1):
            _draw_panel(canvas.add_subplot(1, len(figure.panels), place), panel, with_legend=place == 1)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format=form, dpi=150, metadata=_WITHOUT_DATE[form])
    return buffer.getvalue()


def _draw_panel(axes, panel: Panel, *, with_legend: bool) -> None:
    from matplotlib.ticker import LogFormatter, MaxNLocator

    for index, curve in enumerate(panel.curves):
        colour = COLOURS[index % len(COLOURS)]
        style = STYLES[index // len(COLOURS) % len(STYLES)]
        axes.plot(curve.epochs, curve.median, style, color=colour, label=_legend(curve), linewidth=1.4)
        if len(curve.trials) > 1 and curve.low != curve.high:
            axes.fill_between(curve.epochs, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    axes.set_title(panel.title)
    if not any(curve.epochs for curve in panel.curves):
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.4, "nothing has run yet", ha="center", transform=axes.transAxes)
    elif panel.log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(LogFormatter())  # 72, 74, … where all lies within one power of ten
    if with_legend and any(curve.label for curve in panel.curves):
        axes.legend(frameon=False)


def _legend(curve: Curve) -> str:
    n = len(curve.trials)
    count = f"n={n}" if n == curve.expected else f"n={n}/{curve.expected}"
    return f"{curve.label} ({count})" if curve.expected > 1 else curve.label
