"""From a plan and the epochs of its trials to figures.

In: a `Plan`, rows, their epochs and a figure's wishes. Out: a `Figure` (data), then a file.
Public face: `curves.build_figure`, `files.draw_figure`.
"""

__all__ = ["curves", "files"]
