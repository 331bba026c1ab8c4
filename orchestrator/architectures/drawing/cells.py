"""Drawings of cells, after Fig. 2 of arXiv:1903.09900: inputs at the left, output at the right, operations on edges.

Cells of NAS-Bench-201 have one input, and their last node is the output.

A node stands in the column of its depth: the number of nodes on the longest way to it. Between two columns of nodes
stand the names of operations, each just before the node it leads to. An edge over several columns keeps a place free in
each of them, so that no edge runs through a node or a name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.architectures.description import INPUTS
from orchestrator.architectures.drawing.layered_layout import Thing, lay_out
from orchestrator.architectures.drawing.svg import (
    HEADING_HEIGHT,
    MARGIN,
    Area,
    Drawing,
    Label,
    Look,
    Point,
    Stroke,
    heading_width,
    text_width,
)
from trainables.architecture.genotype import Edges, NasBench201Cell
from trainables.architecture.spaces import NONE

STATE, NAME, PASS = "state", "name", "pass"
"""The kinds of things in a column: a state by its number, the name of an edge's operation by the number of the edge,
and the free place that a line takes there."""

OUTPUT = "c_{k}"

_INPUT = Look(fill="#dcefdc", stroke="#4f8a5b", radius=6, size=14)
_NODE = Look(fill="#dbe9f6", stroke="#4a77a8", radius=15, size=13)
_UNUSED = Look(fill="#ffffff", stroke="#9aa5b1", radius=15, size=13, color="#7b8794", dash="3 3")
_OUTPUT = Look(fill="#f8efc9", stroke="#a98b2d", radius=6, size=14)
_NAME = Look(fill="#ffffff")
_NO_NAME = Look(fill="#ffffff", color="#7b8794", font='font-style="italic"')

NODE_SIZE = 30.0
END_WIDTH = 48.0
NAME_HEIGHT = 18.0
NAME_PADDING = 5.0
_HEIGHTS = {STATE: NODE_SIZE, NAME: NAME_HEIGHT, PASS: 0.0}
_GAPS = {STATE: 12.0, NAME: 4.0, PASS: 6.0}
"""How far a thing keeps from those above and below it, beside its own height."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cell:
    """What is drawn: states in the order of their numbers, and edges between them."""

    edges: tuple[tuple[str, int, int], ...]
    """(operation, source, target) of each."""
    concat: tuple[int, ...]
    """The states that lead to the output without an operation."""
    names: tuple[str, ...]
    """Of the states: the inputs, the nodes, the output."""
    inputs: int

    @property
    def output(self) -> int:
        return len(self.names) - 1

    def is_node(self, state: int) -> bool:
        return self.inputs <= state < self.output


@dataclass(frozen=True, kw_only=True, slots=True)
class _Route:
    """One line of the drawing: from a state through the columns between to another; `edge` has a name, -1 has none."""

    source: int
    target: int
    edge: int
    things: tuple[Thing, ...]

    @property
    def strength(self) -> float:
        """How much it matters that the line is level: lines to the output give way."""
        return 1.0 if self.edge >= 0 else 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """Where the things of a cell stand."""

    cell: _Cell
    columns: Sequence[Sequence[Thing]]
    widths: Sequence[float]
    """Of the columns."""
    centres: Sequence[float]
    """Of the columns, from the left."""
    heights: Mapping[Thing, float]
    """Of the things, from above."""

    def area(self, thing: Thing) -> Area:
        column = next(number for number, things in enumerate(self.columns) if thing in things)
        width, height = _width(thing, self.cell), _HEIGHTS[thing.kind]
        return Area(x=self.centres[column], y=self.heights[thing], width=width, height=height)

    def points(self, things: Sequence[Thing]) -> tuple[Point, ...]:
        """Return the points of a line from a state to another: level through each column between them."""
        first, *_, last = areas = [self.area(thing) for thing in things]
        width_at = dict(zip(self.centres, self.widths, strict=True))
        through = [(area.x + side * width_at[area.x] / 2, area.y) for area in areas for side in (-1, 1)][1:-1]
        return ((first.x + first.width / 2, first.y), *through, (last.x - last.width / 2, last.y))


def draw_cell(edges: Edges, concat: Sequence[int], heading: str = "") -> Drawing:
    """Return the drawing of a cell of a genotype.

    Labels are in the order of the edges, nodes in that of the states; strokes are those to the output, then the edges'.
    """
    nodes = len(edges) // 2
    cell = _Cell(
        edges=tuple((operation, source, edge // 2 + 2) for edge, (operation, source) in enumerate(edges)),
        concat=tuple(concat),
        names=(*INPUTS, *map(str, range(nodes)), OUTPUT),
        inputs=len(INPUTS),
    )
    return _draw(cell, heading)


def draw_nas_bench_201_cell(cell: NasBench201Cell, heading: str = "") -> Drawing:
    """Return the drawing of a cell of NAS-Bench-201, in the same order."""
    edges = [(operation, source, node) for node in (1, 2, 3) for operation, source in cell.edges_into(node)]
    return _draw(_Cell(edges=tuple(edges), concat=(), names=("in", "1", "2", "out"), inputs=1), heading)


def _draw(cell: _Cell, heading: str) -> Drawing:
    columns, routes = _columns(cell, _depths(cell))
    layout = _lay_out(cell, columns, routes, top=MARGIN + (HEADING_HEIGHT if heading else 0))
    used = _used(cell)
    return Drawing(
        heading=heading,
        width=max(layout.centres[-1] + layout.widths[-1] / 2 + MARGIN, heading_width(heading)),
        height=max(layout.heights.values()) + NODE_SIZE / 2 + MARGIN,
        strokes=tuple(
            _stroke(layout.points(route.things), cell.edges[route.edge][0] if route.edge >= 0 else "")
            for route in routes
        ),
        nodes=tuple(
            _state_label(state, layout.area(Thing(STATE, state)), cell, state in used)
            for state in range(len(cell.names))
        ),
        labels=tuple(_name_label(name, layout.area(Thing(NAME, edge))) for edge, (name, _, _) in enumerate(cell.edges)),
    )


def _lay_out(cell: _Cell, columns: list[list[Thing]], routes: Sequence[_Route], *, top: float) -> _Layout:
    strengths = {pair: route.strength for route in routes for pair in pairwise(route.things)}
    columns, heights = lay_out(columns, strengths, _distance, _passing)
    heights = {thing: height + top + NODE_SIZE / 2 for thing, height in heights.items()}
    widths = [max(_width(thing, cell) for thing in column) for column in columns]
    return _Layout(
        cell=cell,
        columns=columns,
        widths=widths,
        centres=_centres(widths, columns, list(strengths), heights),
        heights=heights,
    )


def _depths(cell: _Cell) -> list[int]:
    """Return the depth of each state, that of the output last."""
    depth = [0] * cell.inputs
    for state in range(cell.inputs, len(cell.names)):
        sources = [source for _, source, target in cell.edges if target == state]
        depth.append(1 + max((depth[source] for source in sources), default=max(depth)))
    return depth


def _columns(cell: _Cell, depth: list[int]) -> tuple[list[list[Thing]], list[_Route]]:
    """Return the columns, those of states alternating with those of names, and the lines through them."""
    nameless = bool(cell.concat)  # no names before the output
    columns: list[list[Thing]] = [[] for _ in range(2 * max(depth) + (not nameless))]

    def column_of(state: int) -> int:
        return 2 * depth[state] - (nameless and state == cell.output)

    def route(source: int, target: int, edge: int) -> _Route:
        first, last = column_of(source), column_of(target)
        between: list[Thing] = [Thing(PASS, len(routes), column) for column in range(first + 1, last)]
        if edge >= 0:
            between[-1] = Thing(NAME, edge)
        for column, thing in enumerate(between, start=first + 1):
            columns[column].append(thing)
        return _Route(
            source=source, target=target, edge=edge, things=(Thing(STATE, source), *between, Thing(STATE, target))
        )

    for state in range(len(depth)):
        columns[column_of(state)].append(Thing(STATE, state))
    routes: list[_Route] = []
    for state in cell.concat:
        routes.append(route(state, cell.output, -1))
    for edge, (_, source, target) in enumerate(cell.edges):
        routes.append(route(source, target, edge))
    return columns, routes


def _passing(a: Thing, b: Thing) -> bool:
    """Say whether the piece between these is one of a line over several columns."""
    return PASS in (a.kind, b.kind)


def _distance(above: Thing, below: Thing) -> float:
    return (_HEIGHTS[above.kind] + _HEIGHTS[below.kind]) / 2 + _GAPS[above.kind] + _GAPS[below.kind]


def _width(thing: Thing, cell: _Cell) -> float:
    if thing.kind == NAME:
        return text_width(cell.edges[thing.number][0], _NAME.size) + 2 * NAME_PADDING
    if thing.kind == PASS:
        return 0.0
    return NODE_SIZE if cell.is_node(thing.number) else END_WIDTH


def _centres(
    widths: Sequence[float],
    columns: Sequence[Sequence[Thing]],
    links: Sequence[tuple[Thing, Thing]],
    heights: Mapping[Thing, float],
) -> list[float]:
    """Return where the columns stand: the steeper the lines between two, the farther they are apart."""
    number = {thing: index for index, column in enumerate(columns) for thing in column}
    steepest = [0.0] * len(columns)
    for a, b in links:
        steepest[number[b]] = max(steepest[number[b]], abs(heights[a] - heights[b]))
    centres = [MARGIN + widths[0] / 2]
    for index in range(1, len(columns)):
        gap = min(64.0, max(26.0, 0.4 * steepest[index]))
        centres.append(centres[-1] + widths[index - 1] / 2 + gap + widths[index] / 2)
    return centres


def _stroke(points: tuple[Point, ...], operation: str) -> Stroke:
    if operation == NONE:
        return Stroke(points=points, color="#9aa5b1", dash="4 3")
    return Stroke(points=points, color="#52606d" if operation else "#a98b2d")


def _state_label(state: int, area: Area, cell: _Cell, used: bool) -> Label:
    look = _NODE if used else _UNUSED
    if not cell.is_node(state):
        look = _OUTPUT if state == cell.output else _INPUT
    return Label(text=cell.names[state], area=area, look=look)


def _name_label(name: str, area: Area) -> Label:
    return Label(text=name, area=area, look=_NO_NAME if name == NONE else _NAME)


def _used(cell: _Cell) -> set[int]:
    """Return the states that the output depends on, itself included."""
    used = {*cell.concat, cell.output}
    for operation, source, target in reversed(cell.edges):
        if target in used and operation != NONE:
            used.add(source)
    return used
