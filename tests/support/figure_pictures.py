"""The pictures of docs/figures.md, of made-up rows; `python tests/support/figure_pictures.py FOLDER` writes them."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from figure_rows import epochs_of, rows_of

from orchestrator.document.experiment import load_experiment
from orchestrator.figures.figure import Figure
from orchestrator.figures.files import draw_figure
from orchestrator.figures.kinds import build, default_figures
from orchestrator.planning.plan import expand
from trainables.catalog import CATALOG

PICTURES = {
    "annealing": ("figure4", None, 60),
    "curves": ("quickstart", "curves", 20),
    "alphas": ("quickstart", "alphas", 8),
    "cells": ("figure4", "cells", 1),
    "pareto": ("table2", "pareto", 1),
    "timeline": ("table4_toy", "timeline", 1),
    "dots": ("quickstart", "dots", 1),
}
"""File -> the experiment, the kind where it is not what the experiment asks for, and how many epochs are made up."""


def figure_of(picture: str) -> Figure:
    """Return the figure of a picture."""
    name, kind, epochs = PICTURES[picture]
    shorter = [f"stages.train.config.epochs={epochs}"] if picture == "annealing" else []
    plan = expand(load_experiment(name, overrides=shorter), CATALOG)
    specs = default_figures(plan, kind) if kind else plan.figures
    spec = specs[1 if name == "table2" else 0]
    figure = build(plan, rows_of(plan), spec, partial(epochs_of, epochs=epochs))[0]
    return replace(figure, panels=figure.panels[:14]) if kind == "alphas" else figure  # one cell is enough for a page


if __name__ == "__main__":
    for picture in PICTURES:
        path = Path(sys.argv[1]) / f"{picture}.svg"
        path.write_bytes(draw_figure(figure_of(picture), "svg"))
