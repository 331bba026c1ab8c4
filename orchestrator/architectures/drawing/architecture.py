"""Draw an architecture as an SVG document: cells after Fig. 2, paths after Fig. 6 of arXiv:1903.09900."""

from orchestrator.architectures.drawing.cells import draw_cell
from orchestrator.architectures.drawing.paths import draw_path
from orchestrator.architectures.drawing.svg import Drawing, to_svg
from trainables.architecture.genotype import Architecture, Genotype


def draw(architecture: Architecture, *, name: str, operations: str) -> str:
    """Return the SVG document of an architecture, the same bytes every time.

    Args:
        architecture: two cells, one drawn below the other, or a path.
        name: what the headings call it.
        operations: how its operations are built, for the document's description.
    """
    kind = "cells" if isinstance(architecture, Genotype) else "path"
    return to_svg(drawings(architecture, name), title=name, description=f"{name}: {kind} of {operations!r} operations")


def drawings(architecture: Architecture, name: str) -> tuple[Drawing, ...]:
    """Return the parts of a drawing, in their order from above."""
    if isinstance(architecture, Genotype):
        return (
            draw_cell(architecture.normal, architecture.normal_concat, f"{name} · normal cell"),
            draw_cell(architecture.reduce, architecture.reduce_concat, f"{name} · reduction cell"),
        )
    return (draw_path(architecture, name),)
