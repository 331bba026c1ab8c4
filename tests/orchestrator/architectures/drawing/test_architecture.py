"""Drawings: everything is on them, nothing covers anything else, and they are always the same bytes."""

import re
from dataclasses import replace
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.architectures.drawing.architecture import draw, drawings, readable_drawings
from orchestrator.architectures.drawing.cells import draw_cell
from orchestrator.architectures.drawing.paths import draw_path
from orchestrator.architectures.drawing.svg import (
    HEADING,
    HEADING_HEIGHT,
    MARGIN,
    Area,
    Drawing,
    Label,
    smallest_letters,
    text_width,
    to_svg,
)
from trainables.architecture.genotype import ARCHITECTURES, Genotype, MultiChannelPath, PathStep
from trainables.architecture.paths import PATH_OPERATIONS
from trainables.architecture.published import PUBLISHED
from trainables.architecture.spaces import OPERATION_NAMES

DOCS = Path(__file__).parents[4] / "docs" / "genotypes"
SVG = "{http://www.w3.org/2000/svg}"
COLUMN = 234.0
"""Points: the width of a printed column."""
SAMPLES = [step / 24 for step in range(25)]


@cache
def panels_of(name: str) -> tuple[Drawing, ...]:
    return drawings(ARCHITECTURES[name], name)


@st.composite
def cells(draw_from, most: int = 5):
    """The edges of a cell of one to five nodes, and the states of its output."""
    edges = [
        (draw_from(st.sampled_from(OPERATION_NAMES)), draw_from(st.integers(0, node + 1)))
        for node in range(draw_from(st.integers(1, most)))
        for _ in range(2)
    ]
    states = range(2, len(edges) // 2 + 2)
    return tuple(edges), tuple(sorted(draw_from(st.sets(st.sampled_from(states), min_size=1))))


@st.composite
def paths(draw_from):
    channels = draw_from(st.lists(st.sampled_from([2, 8, 32, 64, 128, 256, 4096]), min_size=2, max_size=7))
    steps = [
        PathStep(
            operation=draw_from(st.sampled_from(PATH_OPERATIONS)),
            channels_in=channels_in,
            channels_out=channels_out,
            stride=draw_from(st.sampled_from([1, 2])),
        )
        for channels_in, channels_out in pairwise(channels)
    ]
    return MultiChannelPath(steps=tuple(steps))


def overlap(one: Area, other: Area) -> bool:
    return (
        abs(one.x - other.x) < (one.width + other.width) / 2 and abs(one.y - other.y) < (one.height + other.height) / 2
    )


def assert_nothing_covers_anything(drawing: Drawing) -> None:
    boxes = [*drawing.nodes, *drawing.labels]
    for one, other in combinations(boxes, 2):
        assert not overlap(one.area, other.area), (one, other)
    for box in boxes:
        left, right = box.area.x - box.area.width / 2, box.area.x + box.area.width / 2
        above, below = box.area.y - box.area.height / 2, box.area.y + box.area.height / 2
        assert left >= 0
        assert right <= drawing.width
        assert above >= (HEADING_HEIGHT if drawing.heading else 0)
        assert below <= drawing.height
    assert all(MARGIN + text_width(line, HEADING.size) <= drawing.width for line in drawing.heading.split("\n"))


def hit(stroke, area: Area) -> bool:
    """Say whether a stroke runs through the inside of an area."""
    for (x1, y1), (x2, y2) in pairwise(stroke.points):
        if max(x1, x2) <= area.x - area.width / 2 or min(x1, x2) >= area.x + area.width / 2:
            continue
        for t in SAMPLES:
            s = 1 - t  # a cubic stroke whose inner points are half the way across, level with its ends
            x = x1 + (x2 - x1) * (1.5 * s * s * t + 1.5 * s * t * t + t**3)
            y = y1 + (y2 - y1) * (3 * s * t * t + t**3)
            if abs(x - area.x) < area.width / 2 - 1 and abs(y - area.y) < area.height / 2 - 1:
                return True
    return False


def turned(drawing: Drawing) -> Drawing:
    """Return a standing drawing as a lying one, its names in one line."""

    def moved(label: Label) -> Label:
        area = Area(x=label.area.y, y=label.area.x, width=label.area.height, height=label.area.width)
        return replace(label, area=area, text=label.text.replace("\n", ""))

    return replace(
        drawing,
        strokes=tuple(replace(s, points=tuple((y, x) for x, y in s.points), down=not s.down) for s in drawing.strokes),
        nodes=tuple(map(moved, drawing.nodes)),
        labels=tuple(map(moved, drawing.labels)),
    )


def assert_edges_lead_where_they_should(drawing: Drawing, edges, concat) -> None:
    """Each edge runs from its source through its own name to its node, and through nothing else."""
    routes = [(state, len(drawing.nodes) - 1, None) for state in concat]
    routes += [(source, edge // 2 + 2, edge) for edge, (_, source) in enumerate(edges)]
    assert [label.text for label in drawing.labels] == [operation for operation, _ in edges]
    assert len(drawing.strokes) == len(routes)
    for stroke, (source, target, edge) in zip(drawing.strokes, routes, strict=True):
        start, end = drawing.nodes[source].area, drawing.nodes[target].area
        assert stroke.points[0] == (start.x + start.width / 2, start.y)
        assert stroke.points[-1] == (end.x - end.width / 2, end.y)
        xs = [x for x, _ in stroke.points]
        assert xs == sorted(xs)
        assert [number for number, label in enumerate(drawing.labels) if hit(stroke, label.area)] == (
            [] if edge is None else [edge]
        )
        assert not any(hit(stroke, node.area) for node in drawing.nodes)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_drawing_is_xml_with_every_operation_on_it(name):
    architecture = ARCHITECTURES[name]
    svg = to_svg(panels_of(name), title=name, description="")
    texts = ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]

    if isinstance(architecture, Genotype):
        operations = [operation for operation, _ in (*architecture.normal, *architecture.reduce)]
        nodes = [str(node) for edges in (architecture.normal, architecture.reduce) for node in range(len(edges) // 2)]
        assert texts.count("ck−2") == texts.count("ck−1") == texts.count("ck") == 2
    else:
        operations = [step.operation for step in architecture.steps]
        nodes = [str(architecture.steps[0].channels_in), *(str(step.channels_out) for step in architecture.steps)]
        assert {"32 × 32", "16 × 16", "8 × 8", "4 × 4", "2 × 2"} < set(texts)
    assert sorted(text for text in texts if text in OPERATION_NAMES) == sorted(operations)
    assert sorted(text for text in texts if text.isdigit()) == sorted(nodes)
    assert len(svg.encode()) < 60_000


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_published_drawings_cover_nothing(name):
    drawn = panels_of(name)

    assert len(drawn) == (2 if name in PUBLISHED else 1)  # both cells, or the path
    for drawing in drawn:
        assert_nothing_covers_anything(drawing)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_edges_lead_where_they_should(name):
    genotype = PUBLISHED[name]
    normal, reduction = panels_of(name)

    assert_edges_lead_where_they_should(normal, genotype.normal, genotype.normal_concat)
    assert_edges_lead_where_they_should(reduction, genotype.reduce, genotype.reduce_concat)


@few(15)
@given(cells())
def test_any_cell_can_be_read(cell):
    edges, concat = cell
    lying, standing = (draw_cell(edges, concat, standing=way) for way in (False, True))

    for drawing in (lying, standing):
        assert_nothing_covers_anything(drawing)
    for drawing in (lying, turned(standing)):
        assert_edges_lead_where_they_should(drawing, edges, concat)
        assert not any(stroke.down for stroke in drawing.strokes)


@few(15)
@given(cells(most=4))
def test_any_cell_has_letters_that_can_be_read_in_a_printed_column(cell):
    edges, concat = cell
    genotype = Genotype(normal=edges, normal_concat=concat, reduce=edges, reduce_concat=concat)

    assert smallest_letters(readable_drawings(genotype, "", COLUMN), COLUMN) >= 6


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_published_architectures_have_letters_that_can_be_read_in_a_printed_column(name):
    assert smallest_letters(readable_drawings(ARCHITECTURES[name], "", COLUMN), COLUMN) >= 6


@few(20)
@given(paths())
def test_any_path_can_be_read(path):
    lying, standing = (draw_path(path, standing=way) for way in (False, True))
    for drawing in (lying, standing):
        assert_nothing_covers_anything(drawing)
    for drawing in (lying, turned(standing)):
        assert_it_leads_along(drawing, path)


def assert_it_leads_along(drawing, path):
    chosen = [node for node in drawing.nodes if node.text]

    assert [node.text for node in chosen] == [
        str(n) for n in (path.steps[0].channels_in, *(s.channels_out for s in path.steps))
    ]
    assert [label.text for label in drawing.labels[: len(path.steps)]] == [step.operation for step in path.steps]
    for stroke, (start, end) in zip(drawing.strokes, pairwise(chosen), strict=True):
        assert stroke.points == (
            (start.area.x + start.area.width / 2, start.area.y),
            (end.area.x - end.area.width / 2, end.area.y),
        )


def test_a_node_that_nothing_depends_on_looks_so():
    """Node 0 feeds node 1 only, node 2 nothing."""
    edges = tuple(("skip_connect", state) for state in (0, 1, 2, 0, 0, 1))
    nodes = draw_cell(edges, (3,)).nodes

    assert [bool(node.look.dash) for node in nodes] == [False, False, False, False, True, False]


def test_none_is_dashed():
    drawing = draw_cell((("none", 0), ("skip_connect", 1)), (2,))

    assert [bool(stroke.dash) for stroke in drawing.strokes] == [False, True, False]


def test_a_long_name_fits():
    name = "W" * 150

    assert_nothing_covers_anything(draw_path(ARCHITECTURES["MULTI_CHANNEL_HANDMADE_PATH"], name))
    assert_nothing_covers_anything(draw_cell((("skip_connect", 0), ("skip_connect", 1)), (2,), name))


def test_names_are_escaped():
    svg = draw(ARCHITECTURES["MULTI_CHANNEL_HANDMADE_PATH"], name="a<b&c", operations="ssc")

    assert ElementTree.fromstring(svg).findtext(f"{SVG}title") == "a<b&c"


def test_pictures_can_stand_in_one_page():
    """No ids, style sheets or scripts that would reach into one another; a white background of their own."""
    for name in ("NASNet", "MULTI_CHANNEL_HANDMADE_PATH"):
        svg = to_svg(panels_of(name), title=name, description="")
        root = ElementTree.fromstring(svg)

        assert not re.search(r"\b(id|class|href)=|<style|<script|url\(", svg)
        background = next(root.iter(f"{SVG}rect")).attrib
        assert (background["fill"], background["width"]) == ("#ffffff", root.attrib["width"])


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.svg")), ids=lambda path: path.stem)
def test_drawings_in_the_docs_are_up_to_date(path):
    """Otherwise: sharptune genotype draw NAME -o docs/genotypes/NAME.svg."""
    assert path.read_text(encoding="utf-8") == draw(ARCHITECTURES[path.stem], name=path.stem, operations="ssc")


def test_the_docs_show_the_papers_genotypes_and_a_path():
    assert {path.stem for path in DOCS.glob("*.svg")} == {
        "SHARP_DARTS",
        "SHARPSEPCONV_DARTS",
        "MULTI_CHANNEL_GREEDY_MAX_W_TOP_DOWN",
    }
