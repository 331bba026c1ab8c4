"""Drawings of paths through a MultiChannelNet, after Fig. 6 of arXiv:1903.09900: the path in red on a grid.

Columns are the places between layers, rows are numbers of channels. Each step of the path leads one column on, and has
the name of its operation on it; everything else that the search could have chosen is grey. The width and height of the
images stand below, of a CIFAR image to begin with.

A standing drawing is narrower: the path leads down, the fewest channels are at the left, and sizes and layers stand at
the left of the nodes and of the steps.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from orchestrator.architectures.description import sizes_along
from orchestrator.architectures.drawing.svg import (
    MARGIN,
    Area,
    Drawing,
    Label,
    Look,
    Point,
    Stroke,
    heading_height,
    heading_width,
    text_width,
)
from trainables.architecture.genotype import MultiChannelPath, PathStep
from trainables.architecture.spaces import MULTICHANNEL_SPACES

_RED = "#c22f2f"
_CHOSEN = Look(color="#ffffff", fill=_RED, stroke=_RED, radius=4, size=11, font='font-weight="bold"')
_OTHER = Look(fill="#cbd2d9", radius=3.5)
_NAME = Look(fill="#ffffff", size=10.5, radius=3)
_AXIS = Look(color="#52606d", size=10.5)
_STRIDE = Look(color="#52606d", size=9.5, font='font-style="italic"')

NODE_WIDTH, NODE_HEIGHT = 32.0, 20.0
DOT = 7.0
ROW_HEIGHT = 52.0
NAME_HEIGHT, NAME_PADDING = 16.0, 3.0
GAP = 14.0
"""Between a node and the name of an operation, sideways."""
AXIS_WIDTH, AXIS_HEIGHT = 72.0, 38.0
STEP_HEIGHT, SCALE_WIDTH, LEFT_WIDTH = 62.0, 74.0, 56.0
"""Of a standing drawing: from node to node, and of what stands at the left."""


def draw_path(path: MultiChannelPath, heading: str = "", *, standing: bool = False) -> Drawing:
    """Return the drawing of a path, from the left or, standing, from above."""
    return _standing(path, heading) if standing else _lying(path, heading)


def _lying(path: MultiChannelPath, heading: str) -> Drawing:
    scales = _scales(path)
    names = _names_width(path)
    node = _node_width(scales)
    first = MARGIN + AXIS_WIDTH + node / 2
    columns = [first + place * (node + names + 2 * GAP) for place in range(len(path.steps) + 1)]
    top = MARGIN + AXIS_HEIGHT + NODE_HEIGHT / 2 + heading_height(heading)
    rows = {scale: top + number * ROW_HEIGHT for number, scale in enumerate(scales)}
    chosen = [(x, rows[scale]) for x, scale in zip(columns, _channels(path), strict=True)]
    bottom = top + (len(scales) - 1) * ROW_HEIGHT + NODE_HEIGHT / 2 + AXIS_HEIGHT
    return Drawing(
        heading=heading,
        width=max(columns[-1] + node / 2 + MARGIN, heading_width(heading)),
        height=bottom + MARGIN,
        lines=tuple(
            ((left, rows[a]), (right, rows[b])) for left, right in pairwise(columns) for a in scales for b in scales
        ),
        strokes=tuple(_arrow((a[0] + node / 2, a[1]), (b[0] - node / 2, b[1])) for a, b in pairwise(chosen)),
        nodes=_nodes([[(x, y) for y in rows.values()] for x in columns], scales, chosen, node),
        labels=(
            *_names(path.steps, chosen),
            *_channel_axis(rows),
            *_layer_axis(path.steps, columns, top - NODE_HEIGHT / 2 - AXIS_HEIGHT / 2),
            *_size_axis(path.steps, columns, bottom - AXIS_HEIGHT / 2 + 4),
        ),
    )


def _standing(path: MultiChannelPath, heading: str) -> Drawing:
    scales, middle = _scales(path)[::-1], MARGIN + LEFT_WIDTH / 2
    node = _node_width(scales)
    half = max(node, SCALE_WIDTH, _names_width(path)) / 2
    first = MARGIN + LEFT_WIDTH + half
    title = text_width(f"{scales[-1]} channels", _AXIS.size) + 2 * NAME_PADDING
    columns = {scale: first + number * max(node + GAP, SCALE_WIDTH, title) for number, scale in enumerate(scales)}
    top = MARGIN + AXIS_HEIGHT + heading_height(heading)
    rows = [top + place * STEP_HEIGHT for place in range(len(path.steps) + 1)]
    chosen = [(columns[scale], y) for y, scale in zip(rows, _channels(path), strict=True)]
    right = columns[scales[-1]] + half
    stride = replace(_STRIDE, size=_AXIS.size)
    steps = [(y, step) for y, step in zip(rows, path.steps, strict=False)]
    return Drawing(
        heading=heading,
        width=max(right + MARGIN, heading_width(heading)),
        height=rows[-1] + NODE_HEIGHT / 2 + MARGIN,
        lines=tuple(
            ((columns[a], above), (columns[b], below))
            for above, below in pairwise(rows)
            for a in scales
            for b in scales
        ),
        strokes=tuple(
            _arrow((a[0], a[1] + NODE_HEIGHT / 2), (b[0], b[1] - NODE_HEIGHT / 2), down=True)
            for a, b in pairwise(chosen)
        ),
        nodes=_nodes([[(x, y) for x in columns.values()] for y in rows], scales, chosen, node),
        labels=(
            *_names(path.steps, chosen),
            *(_label(f"{scale} channels", x, top - AXIS_HEIGHT / 2 - 8, _AXIS) for scale, x in columns.items()),
            *(_label(f"layer {n}", middle, y + STEP_HEIGHT / 2 - 8, _AXIS) for n, (y, _) in enumerate(steps)),
            *(_label("stride 2", middle, y + STEP_HEIGHT / 2 + 8, stride) for y, step in steps if step.stride == 2),
            *(_label(f"{n} × {n}", middle, y, _AXIS) for n, y in zip(sizes_along(path.steps), rows, strict=True)),
        ),
    )


def _names_width(path: MultiChannelPath) -> float:
    return max(text_width(step.operation, _NAME.size) for step in path.steps) + 2 * NAME_PADDING


def _node_width(scales: Sequence[int]) -> float:
    return max(NODE_WIDTH, max(text_width(str(scale), _CHOSEN.size) for scale in scales) + 10)


def _scales(path: MultiChannelPath) -> list[int]:
    """Return the numbers of channels there are, the largest first: those of the usual space if the path fits in it."""
    own = set(_channels(path))
    usual = set(MULTICHANNEL_SPACES["multichannel"].scales)
    return sorted(usual if own <= usual else own, reverse=True)


def _channels(path: MultiChannelPath) -> list[int]:
    return [path.steps[0].channels_in, *(step.channels_out for step in path.steps)]


def _arrow(a: Point, b: Point, *, down: bool = False) -> Stroke:
    return Stroke(points=(a, b), color=_RED, width=2.2, down=down)


def _nodes(
    places: Sequence[Sequence[Point]], scales: Sequence[int], chosen: Sequence[Point], width: float
) -> tuple[Label, ...]:
    """Return the nodes, for each place between layers one of each scale."""
    return tuple(
        Label(text=str(scale), area=Area(x=x, y=y, width=width, height=NODE_HEIGHT), look=_CHOSEN)
        if (x, y) == on_the_way
        else Label(text="", area=Area(x=x, y=y, width=DOT, height=DOT), look=_OTHER)
        for nodes, on_the_way in zip(places, chosen, strict=True)
        for scale, (x, y) in zip(scales, nodes, strict=True)
    )


def _names(steps: Sequence[PathStep], chosen: Sequence[Point]) -> list[Label]:
    return [
        _label(step.operation, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2, _NAME)
        for step, (a, b) in zip(steps, pairwise(chosen), strict=True)
    ]


def _channel_axis(rows: dict[int, float]) -> list[Label]:
    return [_label(f"{scale} channels", MARGIN + (AXIS_WIDTH - 10) / 2, y, _AXIS) for scale, y in rows.items()]


def _layer_axis(steps: Sequence[PathStep], columns: Sequence[float], y: float) -> list[Label]:
    labels = []
    for number, (step, (left, right)) in enumerate(zip(steps, pairwise(columns), strict=True)):
        x = (left + right) / 2
        labels.append(_label(f"layer {number}", x, y - 8, _AXIS))
        if step.stride == 2:
            labels.append(_label("stride 2", x, y + 8, _STRIDE))
    return labels


def _size_axis(steps: Sequence[PathStep], columns: Sequence[float], y: float) -> list[Label]:
    return [_label(f"{size} × {size}", x, y, _AXIS) for size, x in zip(sizes_along(steps), columns, strict=True)]


def _label(text: str, x: float, y: float, look: Look) -> Label:
    width = text_width(text, look.size) + 2 * NAME_PADDING
    return Label(text=text, area=Area(x=x, y=y, width=width, height=NAME_HEIGHT), look=look)
