"""docs/results/weighting_bias.md says of its table what the table says, which is as its script prints it.

Its searches ran once, with an earlier version, and are not in the repository: numbers and picture cannot be made here.
The script is given made-up searches that have the page's numbers.
"""

import re
import sys

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
