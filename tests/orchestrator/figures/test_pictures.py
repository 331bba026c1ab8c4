"""docs/figures.md: its pictures show what the code draws today, its YAML is read, and it leaves out no kind or key."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import get_args

import pytest
from figure_pictures import PICTURES, figure_of
from plans import chain, plan

from orchestrator.document.spec import FIGURE_KEYS, FigureKind
from orchestrator.figures.files import FORMATS
from orchestrator.figures.style import WIDTHS

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "figures.md").read_text()
DESCRIPTION = "{http://www.w3.org/2000/svg}desc"


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_of_the_page_shows_the_numbers_that_would_be_drawn_today(picture):
    path = DOCS / "figures" / f"{picture}.svg"

    assert f"(figures/{picture}.svg)" in PAGE
    assert path.stat().st_size < 100_000
    assert ET.parse(path).getroot().findtext(DESCRIPTION) == figure_of(picture).description()


@pytest.mark.parametrize("kind", get_args(FigureKind))
def test_the_page_has_a_section_for_each_kind_with_its_keys(kind):
    section = PAGE.split(f"\n## {kind}\n")[1].split("\n## ")[0]
    required, optional = FIGURE_KEYS[kind]

    assert [key for key in (*required, *optional) if f"{key}:" not in section] == []
    assert re.findall(r"!\[[^]]+\]\(figures/", section)


def test_the_page_names_every_format_and_width():
    assert [word for word in (*FORMATS, *WIDTHS) if f"`{word}`" not in PAGE] == []


def test_the_yaml_of_the_page_is_read():
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    figures = "".join(block.replace("figures:\n", "") for block in blocks)
    tables = "tables:\n  - {name: weighting, stage: train, rows: [weighting, p], columns: [test_error_best]}\n"
    text = chain().replace("p: [1, 2]", "schedule: [{label: one, p: 1}, {label: two, p: 2}]")
    figures = figures.replace("lines: [schedule]", "lines: [schedule, weighting]")

    read = plan(f"{text}{tables.replace('weighting, p', 'weighting, schedule')}figures:\n{figures}").figures

    assert [figure.kind for figure in read] == ["curves", "alphas", "cells", "pareto", "timeline", "dots"]
