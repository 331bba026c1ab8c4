"""Figures as files: the same bytes each time, whatever their labels hold, at the width of a column and of a page."""

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from figure_rows import epochs_of, rows_of
from PIL import Image
from plans import plan

from orchestrator.figures.files import DPI, draw_figure, svg
from orchestrator.figures.fonts import missing_letters
from orchestrator.figures.kinds import build, default_figures
from orchestrator.figures.style import WIDTHS
from orchestrator.planning.plan import Plan
from trainables.architecture.genotype import ARCHITECTURES

HOSTILE = ("$x_1^{2}$ 100%", "_under & <b>bold</b>", "😀 漢字 עברית", "w" * 300)
"""Labels that an experiment may have."""
WORSE = "\u202enode\t1\n\x1b[2J $_%"
"""What a stranger's row may say."""
TEXT = """\
experiment: chain
stages:
  search:
    trainable: search
    config: {{dataset: cifar10-mini, space: darts_ssc, epochs: 30}}
    grid: {{seed: [0]}}
  train:
    trainable: train
    needs: search
    config: {{genotype: "${{search.genotype}}", channels: 8}}
    grid: {{arm: [{arms}], seed: [0, 1]}}
tables:
  - {{name: errors, stage: train, rows: [arm], columns: [test_error_best], title: "$\\\\frac{{"}}
"""


@pytest.fixture(scope="module")
def hostile() -> Plan:
    arms = ", ".join(f'{{label: "{label}", p: {p}}}' for p, label in enumerate(HOSTILE, start=1))
    return plan(TEXT.format(arms=arms))


def figure_of(chain: Plan, kind: str, rows=None):
    (spec,) = default_figures(chain, kind)
    made_up = {
        trial_id: replace(row, provenance={**row.provenance, "host": WORSE}) for trial_id, row in rows_of(chain).items()
    }
    return build(chain, made_up if rows is None else rows, spec, epochs_of)[0]


@pytest.mark.parametrize(
    ("kind", "form", "width"),
    [
        ("curves", "svg", "page"),
        ("pareto", "svg", "column"),
        ("dots", "png", "column"),
        ("timeline", "svg", "page"),
        ("cells", "svg", "column"),
        ("cells", "png", "page"),
    ],
)
def test_hostile_labels_stay_text_in_their_place_and_two_draws_are_the_same_bytes(hostile, kind, form, width):
    figure = figure_of(hostile, kind)

    drawn = draw_figure(figure, form, width=width)

    assert drawn == draw_figure(figure, form, width=width)
    if form == "png":
        assert 1 < Image.open(io.BytesIO(drawn)).width <= WIDTHS[width] * DPI
    else:
        words = " ".join(ET.fromstring(drawn).itertext())
        assert "<b>" not in drawn.decode()
        assert "\u202e" not in words
        assert "\x1b" not in words
        assert (r"\u202enode\t1\n\x1b[2J $…"[:6] in words) == (kind == "timeline")
        assert ("$x_1^{2}$ 100%" in words) == (kind in ("curves", "pareto"))
        assert ("_under & <b>bold</b>" in words) == (kind in ("curves", "pareto"))


LONG = ("the search whose weighting and annealing power are those of arm one", "漢字", "w" * 300)
"""Labels of which the first is one of two that differ in their last word only."""


@pytest.fixture(scope="module")
def long() -> Plan:
    labels = (*LONG, LONG[0].replace("one", "two"))
    arms = ", ".join(f'{{label: "{label}", p: {p}}}' for p, label in enumerate(labels, start=1))
    title = "a title that is longer than any column of a paper is wide, whatever one does"
    metric = f'{{metric: test_error_best, title: "{title}"}}'
    return plan(TEXT.format(arms=arms).replace("[test_error_best]", f"[{metric}]"))


@pytest.mark.parametrize("kind", ["curves", "dots", "pareto", "timeline", "cells"])
def test_long_words_are_not_cut_by_the_edge_of_a_narrow_picture(long, kind):
    drawn = Image.open(io.BytesIO(draw_figure(figure_of(long, kind), "png", width="column"))).convert("L")

    for edge in ((0, 0, 2, drawn.height), (drawn.width - 2, 0, drawn.width, drawn.height)):
        assert drawn.crop(edge).getextrema()[0] > 250


@pytest.mark.parametrize("kind", ["curves", "dots", "pareto"])
def test_labels_that_differ_in_their_last_word_differ_in_the_picture_and_stand_whole_in_its_description(long, kind):
    drawn = ET.fromstring(draw_figure(figure_of(long, kind), "svg", width="column"))
    texts = ["".join(text.itertext()) for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    described = drawn.findtext("{http://www.w3.org/2000/svg}desc")

    assert [sum(f"arm {end}" in text or text.endswith(f"m {end}") for text in texts) for end in ("one", "two")] == [
        1,
        1,
    ]
    assert all(label in described for label in (*LONG, LONG[0].replace("one", "two")))


@pytest.mark.parametrize("genotype", ["NASNet", "MULTI_CHANNEL_RANDOM_PATH"])
@pytest.mark.parametrize("width", WIDTHS)
def test_architectures_have_letters_of_six_points_whatever_the_width(hostile, genotype, width):
    figure = figure_of(hostile, "cells")
    panel = replace(figure.panels[0], architecture=ARCHITECTURES[genotype], heading="w" * 300)
    drawn = draw_figure(replace(figure, panels=(panel,)), "svg", width=width).decode()
    across = float(re.search(r'viewBox="0 0 ([\d.]+)', drawn)[1])
    inches = float(re.search(r'width="([\d.]+)in"', drawn)[1])

    assert inches <= WIDTHS[width] + 0.01
    assert min(map(float, re.findall(r'font-size="([\d.]+)"', drawn))) * 72 * inches / across >= 6


def test_letters_that_the_usual_font_lacks_are_drawn_with_another_that_is_installed(hostile, monkeypatch):
    figure = replace(figure_of(hostile, "timeline", {}), title="ℊ")  # a font of matplotlib's own has it
    drawn, boxes = {}, {}
    for others in ((), ("No such font", "STIXGeneral")):
        monkeypatch.setattr("orchestrator.figures.fonts.OTHERS", others)
        drawn[others], boxes[others] = draw_figure(figure, "png"), missing_letters(figure)
        assert draw_figure(figure, "pdf").startswith(b"%PDF")

    assert list(boxes.values()) == ["ℊ", ""]
    assert len(set(drawn.values())) == 2


def test_a_pdf_is_the_same_bytes_each_time(hostile):
    figure = figure_of(hostile, "cells")

    assert draw_figure(figure, "pdf") == draw_figure(figure, "pdf")


def test_a_figure_of_nothing_is_one_sentence(hostile):
    words = "".join(ET.fromstring(draw_figure(figure_of(hostile, "timeline", {}), "svg")).itertext())

    assert "9 of 9 runs are not in yet" in words


def test_figures_stand_together_in_one_page_without_sharing_ids_or_reaching_out_of_it(hostile):
    one, other = (svg(figure_of(hostile, "timeline"), prefix=prefix) for prefix in ("a-", "b-"))
    ids = [set(re.findall(r'\bid="([^"]+)"', each)) for each in (one, other)]

    assert ids[0]
    assert not ids[0] & ids[1]
    assert set(re.findall(r"url\(#([^)]+)\)", one)) | set(re.findall(r'href="#([^"]+)"', one)) <= ids[0]
    assert one.startswith("<svg")
    assert "<metadata" not in one
    assert not re.findall(r"(?:href|src)=\"(?!#)", one)
