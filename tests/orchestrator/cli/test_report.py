"""`sharptune report`: one file, whole or not there, of whatever there is."""

import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[3]


def test_it_writes_one_file_that_fetches_nothing(sharptune, run, tmp_path):
    run()
    result = sharptune("report", "chains.yaml")
    text = (tmp_path / "chains-report.html").read_text()

    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("chains-report.html: ")
    assert result.out.endswith("6 trials; 6 done\n")
    assert "default-src 'none'" in text
    assert set(re.findall(r"https?://[^\s\"'<)]*", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "error_best" in text


def test_as_json_it_says_where_how_large_and_of_what(sharptune, run, tmp_path):
    run()
    told = sharptune("report", "chains.yaml", "-o", "sent.html", "--json").json

    assert told["file"] == "sent.html"
    assert told["bytes"] == (tmp_path / "sent.html").stat().st_size
    assert told["counts"]["done"] == 6
    assert len(told["digest"]) == 64


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.yaml",), "unknown experiment or file 'nowhere.yaml'"),
        (("chains.yaml", "--storage", "elsewhere"), "there is no storage"),
        (("chains.yaml", "-o", "no/where.html"), "no/where.html cannot be written: there is no folder no"),
        (("chains.yaml", "--set", "stages.root.config.epochz=2"), "epochz"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(sharptune, run, tmp_path, arguments, said):
    run()
    result = sharptune("report", *arguments)

    assert result.code == 2
    assert said in result.err
    assert not list(tmp_path.rglob("*.html"))


def test_files_that_were_not_copied_are_told_in_the_page_and_stop_nothing(sharptune, run, tmp_path):
    run()
    for path in tmp_path.glob("runs/trials/*/epochs*.parquet"):
        path.unlink()
    result = sharptune("report", "chains.yaml")

    assert (result.code, result.err) == (0, "")
    assert (tmp_path / "chains-report.html").exists()


def test_what_was_changed_for_one_call_stands_in_the_page(sharptune, run, tmp_path):
    change = "stages.child.grid.width=[1, 2, 3]"
    run()
    sharptune("report", "chains.yaml", "--set", change)
    text = (tmp_path / "chains-report.html").read_text()

    assert f"--set {change}" in text
    assert "2 child trials have not begun" in text


def test_the_picture_in_the_documentation_is_small_and_how_it_is_made_is_said():
    picture = ROOT / "docs/pictures/report.png"
    script = "tests/support/report_picture.py"

    assert picture.stat().st_size <= 200_000
    with Image.open(picture) as image:
        assert image.size[0] == 1280
    assert (ROOT / script).exists()
    assert script in (ROOT / "docs/report.md").read_text()
