"""Architectures drawn: cells after Fig. 2, paths after Fig. 6 of the paper.

In: an architecture. Out: an SVG document, always the same bytes for the same architecture.
Public face: `architecture.draw`, `svg.to_svg`.
"""

__all__ = ["architecture", "svg"]
