"""Draw an architecture as an SVG document: cells after Fig. 2, paths after Fig. 6 of arXiv:1903.09900."""

from typing import assert_never

from orchestrator.architectures.description import title
from orchestrator.architectures.drawing.cells import draw_cell, draw_nas_bench_201_cell
from orchestrator.architectures.drawing.paths import draw_path
from orchestrator.architectures.drawing.svg import Drawing, to_svg
from trainables.architecture.genotype import Architecture, Genotype, MultiChannelPath, NasBench201Cell


def draw(architecture: Architecture, *, name: str, operations: str) -> str:
    """Return the SVG document of an architecture, the same bytes every time.

    Args:
        architecture: two cells, one drawn below the other, a path, or a cell of NAS-Bench-201.
        name: what the headings call it.
        operations: how its operations are built, for the document's description.
    """
    path = f"{name}: path of {operations!r} operations"
    description = path if isinstance(architecture, MultiChannelPath) else title(architecture, name, operations)
    return to_svg(drawings(architecture, name), title=name, description=description)


def drawings(architecture: Architecture, name: str) -> tuple[Drawing, ...]:
    """Return the parts of a drawing, in their order from above."""
    match architecture:
        case Genotype():
            return (
                draw_cell(architecture.normal, architecture.normal_concat, f"{name} · normal cell"),
                draw_cell(architecture.reduce, architecture.reduce_concat, f"{name} · reduction cell"),
            )
        case MultiChannelPath():
            return (draw_path(architecture, name),)
        case NasBench201Cell():
            return (draw_nas_bench_201_cell(architecture, name),)
    assert_never(architecture)
