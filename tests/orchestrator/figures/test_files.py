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
from orchestrator.figures.kinds import build, default_figures
from orchestrator.figures.style import WIDTHS
from orchestrator.planning.plan import Plan

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
