"""Pictures in a report are seen in light and dark, by the colour-blind too, and have letters one can read."""

import itertools
import re

import numpy as np
import pytest
from doc_pages import ROOT

from orchestrator.figures.style import COLOURS, GREY
from orchestrator.report.pictures import inline_svg

CSS = (ROOT / "orchestrator/report/templates/report.css").read_text(encoding="utf-8")
DRAWN = [*ROOT.glob("orchestrator/figures/*.py"), *ROOT.glob("orchestrator/architectures/drawing/*.py")]
SETTING = re.compile(r"--([\w-]+):\s*([^;]+);")
LIGHT, DARK = "light", "dark"
EYES = {  # Machado and others, 2009: what the colour-blind see of linear red, green and blue
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
DOCUMENT = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="300pt" height="90pt" viewBox="0 0 300 90">'
    '<path style="fill: none; stroke: #0072b2" d="M0 0"/><rect fill="#ffffff"/>'
    '<text style="font-size: 8px; font-family: x">eight</text><text font-size="6">six, #0072b2</text></svg>'
)


def settings(scheme: str) -> dict[str, str]:
    """Return what the page sets in a scheme."""
    dark = "".join(re.findall(r"@media[^{]*dark\) \{(.*?)\n\}", CSS, re.DOTALL))
    light = re.sub(r"@media[^{\n]*\{\n.*?\n\}", "", CSS, flags=re.DOTALL)
    return dict(SETTING.findall(light)) | (dict(SETTING.findall(dark)) if scheme == DARK else {})


def seen(colour: str, scheme: str) -> np.ndarray:
    """Return what a colour of a drawing is in a page: linear red, green and blue."""
    known = settings(scheme)
    shown = known.get(f"c-{colour[1:]}", colour)
    if name := re.fullmatch(r"var\(--(\w+)\)", shown):
        shown = known[name[1]]
    parts = np.array([int(shown[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(linear: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(linear, 0, 1) / (0.9505, 1, 1.089)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_whoever_looks_sees_every_line_and_tells_it_from_the_others(scheme):
    def brightness(colour: str) -> float:
        return 0.05 + float(TO_XYZ[1] @ seen(colour, scheme))

    ground = brightness("#ffffff")
    contrasts = {c: max(ground / brightness(c), brightness(c) / ground) for c in (*COLOURS, GREY)}
    apart = {
        (eye, one, other): float(np.linalg.norm(lab(matrix @ seen(one, scheme)) - lab(matrix @ seen(other, scheme))))
        for eye, matrix in ((eye, np.array(matrix)) for eye, matrix in EYES.items())
        for one, other in itertools.combinations(COLOURS, 2)
    }

    assert {colour: contrast for colour, contrast in contrasts.items() if contrast < 3} == {}
    assert {pair: distance for pair, distance in apart.items() if distance < 10} == {}


def test_every_colour_that_is_drawn_has_one_for_the_dark():
    drawn = {colour for path in DRAWN for colour in re.findall(r"#([0-9a-f]{6})\b", path.read_text(encoding="utf-8"))}
    as_drawn = {"d55e00", "009e73", "cc79a7", "999933"}  # they are seen on both grounds

    assert drawn - as_drawn <= {name.removeprefix("c-") for name in settings(DARK)}


def test_a_page_may_give_its_colours_to_a_picture_whose_words_stay():
    found = inline_svg(DOCUMENT, prefix="one-", label="#0072b2")

    assert "stroke: var(--c-0072b2,#0072b2)" in found
    assert 'fill="var(--c-ffffff,#ffffff)"' in found
    assert ">six, #0072b2</" in found
    assert 'aria-label="#0072b2"' in found


def test_a_picture_is_never_so_small_that_its_letters_cannot_be_read():
    found = inline_svg(DOCUMENT, prefix="one-", label="", scale=2)

    assert 'width="800"' in found
    assert f'style="min-width:{300 * 9 / 6:.0f}px"' in found
