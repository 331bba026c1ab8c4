"""From a plan and the rows of its trials to figures.

In: a `Plan`, rows, their epochs and a figure's wishes. Out: a `Figure` (data, and a description in words), then a file.
Public face: `kinds.build`, `kinds.default_figures`, `files.draw_figure`, `files.svg`.
"""

__all__ = ["figure", "files", "fonts", "kinds", "style"]
