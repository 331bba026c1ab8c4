"""The command `space`: what search spaces there are, and what is in one of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.options import json_option
from orchestrator.cli.output import say, say_json
from orchestrator.planning.grids.resolvers import find_space
from trainables.architecture.hypercuboid import multichannel_cuboid
from trainables.architecture.nas_bench_201.cell import EDGES, STAGES
from trainables.architecture.primitives import primitives_of
from trainables.architecture.spaces import ALL_SPACES, MultiChannelSpace, NasBench201Space, SearchSpace, Space

CELLS_EDGES = 2 * 14
"""Edges of a normal and a reduction cell: each has an alpha for each primitive."""
COLUMNS = ("name", "kernel", "stride", "dilation", "middle_channels", "multiplier")
"""Those of Table 1 of arXiv:1903.09900."""
HEADINGS = ("name", "kernel", "stride", "dilation", "middle channels", "multiplier")


@click.group()
def space() -> None:
    """Search spaces: which operations a search chooses from."""


@space.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the spaces that have a name."""
    if as_json:
        say_json([_json(each) for each in ALL_SPACES.values()])
        return
    for each in ALL_SPACES.values():
        say(f"{each.name:<22}{_summary(each)}")


@space.command()
@click.argument("what", metavar="NAME|FILE")
@json_option
def show(what: str, as_json: bool) -> None:
    """Show the space called NAME, or the one written in FILE (JSON or YAML): a list of primitives, or a mapping."""
    found = find_space(what, base=Path.cwd())
    if as_json:
        say_json(_json(found))
    else:
        say("\n".join(_lines(what, found)))


def _json(found: Space) -> dict[str, Any]:
    content = {
        "name": found.name or None,
        "kind": found.kind,
        "operations": found.operations,
        "alphas": _alphas(found),
        "primitives": _rows(found),
    }
    if isinstance(found, MultiChannelSpace):
        cuboid = multichannel_cuboid(found)
        axes = {name: list(values) for name, values in cuboid.axes.items()}
        content |= {"axes": axes, "path_length": len(cuboid.layers), "head_channels": found.head_channels}
    if isinstance(found, NasBench201Space):
        content |= {"cells_per_stage": found.cells_per_stage}
    return content


def _lines(what: str, found: Space) -> Iterator[str]:
    yield f"{found.name or what}: {_summary(found)}"
    yield ""
    rows = _rows(found)
    width = max(len(row["name"]) for row in rows) + 2
    for row in [dict(zip(COLUMNS, HEADINGS, strict=True)), *rows]:
        name, *numbers = ("-" if row[column] is None else str(row[column]) for column in COLUMNS)
        cells = zip(HEADINGS[1:], numbers, strict=True)
        yield f"{name:<{width}}" + "  ".join(f"{number:>{len(heading)}}" for heading, number in cells)
    yield ""
    yield from _shape(found)


def _shape(found: Space) -> Iterator[str]:
    match found:
        case SearchSpace():
            yield "The stride is 2 where a reduction cell reads its inputs."
        case MultiChannelSpace():
            for name, values in multichannel_cuboid(found).axes.items():
                yield f"axis {name:<14}{len(values):>3}: {', '.join(map(str, values))}"
            steps = found.blocks * found.layers
            yield f"A path has {steps} operations, then a SharpSepConv to {found.head_channels} channels."
            yield "The stride is 2 in the last layer of each block."
        case NasBench201Space():
            yield f"A cell has {len(EDGES)} edges, each with one of these; all cells of a network are alike."
            yield f"A supernet has {STAGES} stages of {found.cells_per_stage} cells; the size is halved between them."


def _rows(found: Space) -> list[dict[str, Any]]:
    """Return the rows of Table 1."""
    known = primitives_of(found)
    described = ((name, known[name]) for name in found.primitives)
    return [
        dict(zip(COLUMNS, (name, p.kernel, p.stride, p.dilation, p.middle, p.multiplier), strict=True))
        for name, p in described
    ]


def _summary(found: Space) -> str:
    count = f"{len(found.primitives)} primitives, {_alphas(found)} alphas"
    match found:
        case SearchSpace():
            return f"cells, {count}, {found.operations!r} operations"
        case MultiChannelSpace():
            shape = " × ".join(map(str, multichannel_cuboid(found).shape))
            return f"HyperCuboid, {count} ({shape}), 'ssc' operations"
        case NasBench201Space():
            return f"NAS-Bench-201, {count}, {found.cells_per_stage} cells a stage"


def _alphas(found: Space) -> int:
    match found:
        case SearchSpace():
            return CELLS_EDGES * len(found.primitives)
        case MultiChannelSpace():
            return multichannel_cuboid(found).weights
        case NasBench201Space():
            return len(EDGES) * len(found.primitives)
