"""docs/results/weighting_bias.md says of its table what the table says, which is as its script prints it.

Its searches ran once, with an earlier version, and are not in the repository: numbers and picture cannot be made here.
The script is given made-up searches that have the page's numbers, and the picture's curves are measured.
"""

import re
import sys

import numpy as np
import pandas as pd
import pytest
from doc_pages import ROOT, pages
from PIL import Image

from orchestrator.document.experiment import load_experiment

PAGE = pages()["docs/results/weighting_bias.md"]
TABLE = re.search(r"^\| weighting \|.*\n(\|.*\n)+", PAGE, re.MULTILINE)[0]
LINES = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in TABLE.splitlines()[2:]]
COLUMNS = ("edges", "share", "params")


@pytest.fixture
def script(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "tests" / "benchmarks"), *sys.path])
    import weighting_bias

    return weighting_bias


def searches(labels: dict[str, str]) -> pd.DataFrame:
    """Return, for each line of the table, two searches that have its medians and ranges."""
    found = []
    for weighting, epoch, *cells, count in LINES:
        assert count == "2"
        for sign in (-1, 1):
            pairs = [cell.split("±") for cell in cells]
            values = {c: float(m) + sign * float(half) for c, (m, half) in zip(COLUMNS, pairs, strict=True)}
            found.append({"weighting": labels[weighting], "seed": sign, "epoch": int(epoch), **values})
    return pd.DataFrame(found)


def test_its_table_is_one_that_its_script_prints(script):
    frame = searches({label: name for name, label in script.LABELS.items()})

    assert len(LINES) == 6
    assert script.markdown(frame) == TABLE


def test_its_picture_is_as_large_as_one_that_its_script_draws(script, tmp_path):
    frame = searches({label: name for name, label in script.LABELS.items()})
    script.draw(frame, tmp_path / "drawn.png")

    with Image.open(tmp_path / "drawn.png") as drawn, Image.open(ROOT / "docs/results/weighting_bias.png") as shown:
        assert shown.size == drawn.size


@pytest.mark.parametrize(("panel", "column"), list(enumerate(COLUMNS)))
def test_the_curves_of_its_picture_go_through_the_numbers_of_its_table(script, panel, column):
    """Heights in a panel are the table's medians on one straight scale, to three pixels of about 340."""
    with Image.open(ROOT / "docs/results/weighting_bias.png") as shown:
        pixels = np.asarray(shown.convert("RGB")).astype(int)
    part = pixels[:, panel * pixels.shape[1] // 3 : (panel + 1) * pixels.shape[1] // 3]
    heights, medians = [], []
    for weighting, label in script.LABELS.items():
        colour = [int(script.COLOURS[weighting][place : place + 2], 16) for place in (1, 3, 5)]
        line = np.abs(part - colour).sum(axis=2) < 20
        (across,) = np.nonzero(line.any(axis=0))
        first, last = across[0] + 2, across[-1] - 2
        for name, epoch, *cells, _ in LINES:
            if name == label:
                at = first + (last - first) * (int(epoch) - 1) // 14
                (rows,) = np.nonzero(line[:, at])
                heights.append(rows.mean())
                medians.append(float(dict(zip(COLUMNS, cells, strict=True))[column].split("±")[0]))

    slope, start = np.polyfit(medians, heights, 1)

    assert slope < 0
    assert np.abs(np.polyval((slope, start), medians) - heights).max() < 3


def test_what_it_says_can_be_said_stands_in_its_table():
    last = {line[0]: dict(zip(COLUMNS, line[2:5], strict=True)) for line in LINES}
    said = " ".join(PAGE.split("**What can be said.**")[1].split("**What cannot.**")[0].split())

    assert f"({last['Max-W']['params'].split('±')[0]} M against {last['Scalar']['params'].split('±')[0]} M" in said
    assert f"({last['Scalar']['edges']} and {last['Max-W']['edges']})" in said
    assert f"{100 * 3 / 7:.1f} % would be indifference" in " ".join(PAGE.split())


def test_it_says_what_was_run_and_how_the_picture_was_made():
    experiment = load_experiment("weighting_bias")
    made = " ".join(PAGE.split("**How it was made.**")[1].split())

    assert re.search(r"of whose three seeds 1 and 2 had finished.* code of commit [0-9a-f]{7}\.", made)
    assert len(experiment.stages["search"].grid["seed"]) == 3
    assert "storage is not in this repository" in made
    assert "--output docs/results/weighting_bias.png" in made
