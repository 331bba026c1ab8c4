"""Draw an architecture as an SVG document: cells after Fig. 2, paths after Fig. 6 of arXiv:1903.09900."""

from typing import assert_never

from orchestrator.architectures.description import title
from orchestrator.architectures.drawing.cells import draw_cell, draw_nas_bench_201_cell
from orchestrator.architectures.drawing.paths import draw_path
from orchestrator.architectures.drawing.svg import Drawing, smallest_letters, to_svg
from trainables.architecture.genotype import Architecture, Genotype, MultiChannelPath, NasBench201Cell

LEAST_LETTERS = 6.0
"""Points, on paper."""


def draw(architecture: Architecture, *, name: str, operations: str, points: float | None = None) -> str:
    """Return the SVG document of an architecture, the same bytes every time.

    Args:
        architecture: two cells, one drawn below the other, a path, or a cell of NAS-Bench-201.
        name: what the headings call it.
        operations: how its operations are built, for the document's description.
        points: how wide it will be printed at most, where it matters; it leads down where that is not wide enough.
    """
    parts = drawings(architecture, name) if points is None else readable_drawings(architecture, name, points)
    path = f"{name}: path of {operations!r} operations"
    description = path if isinstance(architecture, MultiChannelPath) else title(architecture, name, operations)
    return to_svg(parts, title=name, description=description)


def drawings(architecture: Architecture, name: str, *, standing: bool = False) -> tuple[Drawing, ...]:
    """Return the parts of a drawing, in their order from above; standing ones lead down and are narrower."""
    match architecture:
        case Genotype():
            cells = (
                ("normal", architecture.normal, architecture.normal_concat),
                ("reduction", architecture.reduce, architecture.reduce_concat),
            )
            return tuple(
                draw_cell(edges, concat, f"{name} · {of} cell", standing=standing) for of, edges, concat in cells
            )
        case MultiChannelPath():
            return (draw_path(architecture, name, standing=standing),)
        case NasBench201Cell():
            return (draw_nas_bench_201_cell(architecture, name, standing=standing),)
    assert_never(architecture)


def readable_drawings(architecture: Architecture, name: str, points: float) -> tuple[Drawing, ...]:
    """Return the drawing whose letters can be read at a width of so many points: standing where lying is too wide."""
    lying = drawings(architecture, name)
    fits = smallest_letters(lying, points) >= LEAST_LETTERS
    return lying if fits else drawings(architecture, name, standing=True)
