"""Pages of results are what docs/results/make.py makes of the bundle beside them, to the digit: a toy and real ones."""

import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from doc_pages import ROOT
from made_benchmarked import write_benchmarked

from orchestrator.cli.main import invoke
from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage
from trainables.record.trial_folder import seal

sys.path.append(str(ROOT / "docs" / "results"))

import make  # isort: skip  (of docs/results)

PAGES = [page for page in sorted((ROOT / "docs" / "results").glob("*.md")) if make.ASKED.search(page.read_text())]
DESCRIPTION = "{http://www.w3.org/2000/svg}desc"
TOY = """\
# A toy

There were 2 epochs of 100 images, of CIFAR-10 (section 4.3).

<!-- $ sharptune table nas_bench_201_toy searches --format markdown -->
<!-- end -->

<!-- $ sharptune figure nas_bench_201_toy ends -->
<!-- end -->

<!-- $ rows -->
<!-- end -->

<!-- $ all -->
<!-- end -->
"""


def wrong(page: Path, place: Path) -> list[str]:
    """Return what a page shows that is not what its bundle makes, and what nothing says."""
    text = page.read_text(encoding="utf-8")
    made = make.made(page, place)
    drawn = {path.name: _shown(path) for path in place.glob("*.svg")}
    shown = {path.name: _shown(path) for path in page.parent.glob(f"{page.stem}-*.svg")}
    lines = [line for line in made.splitlines() if line not in text.splitlines()]
    pictures = [name for name in {**drawn, **shown} if drawn.get(name) != shown.get(name)]
    return [*lines, *pictures, *make.strange_numbers(text), *([] if made == text else ["the page"])]


def _shown(picture: Path) -> str | None:
    return ET.parse(picture).getroot().findtext(DESCRIPTION)


def bundled(folder: Path) -> None:
    """Pack a folder's storage into the bundle beside its page."""
    arguments = ["nas_bench_201_toy", str(folder / "toy.parquet"), "--storage", str(folder / "runs")]
    (folder / "toy.parquet").unlink(missing_ok=True)
    assert invoke(["bundle", *arguments]) == 0


@pytest.fixture(scope="module")
def made_toy(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_benchmarked(folder / "runs", "nas_bench_201_toy", epochs=2)
    bundled(folder)
    (folder / "toy.md").write_text(TOY)
    make.main([str(folder / "toy.md")])
    return folder


@pytest.fixture
def toy(made_toy, tmp_path) -> Path:
    """A page and its bundle, to spoil."""
    for path in made_toy.glob("toy*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path / "toy.md"


@pytest.fixture
def place(tmp_path) -> Path:
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_its_bundle_makes(page, place):
    assert wrong(page, place) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_lies_beside_a_page_is_small(page):
    assert sum(path.stat().st_size for path in page.parent.glob(f"{page.stem}-*.svg")) <= 150_000
    assert sum(path.stat().st_size for path in page.parent.glob(f"{page.stem}.parquet")) <= 2_000_000


def test_a_page_that_was_made_holds_what_its_commands_print_and_how_its_rows_were_made(toy, place):
    text = toy.read_text()

    assert wrong(toy, place) == []
    assert "| scalar    | 0    | " in text
    assert "![Where each search ended, and random cells](toy-ends.svg)" in text
    assert "| all | 10 of 10 | 1 | 7.20 | 7.51 |" in text
    assert "- Code: commit 0123456" in text
    assert "$ sharptune merge docs/results/toy.parquet --storage toy\n" in text


@pytest.mark.parametrize("which", [2, -1], ids=["of a table", "of how it was made"])
def test_a_digit_of_an_output_that_is_changed_is_found(toy, place, which):
    text = toy.read_text()
    at = [found.start() for found in re.finditer(r"\d", text) if found.start() > text.index("| scalar")][which]
    toy.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])

    assert make.made(toy, place) == text


def test_a_number_in_the_prose_that_nothing_says_is_found(toy):
    text = toy.read_text()

    assert make.strange_numbers(text.replace("2 epochs", "77 epochs").replace("100 images", "1,234.5 images")) == [
        "77",
        "1,234.5",
    ]


def test_a_row_that_is_another_makes_another_page(made_toy, toy, place):
    folder = place.parent
    (folder / "toy.parquet").unlink()
    record = Ledger(open_storage(made_toy / "runs"))
    write_benchmarked(folder / "runs", "nas_bench_201_toy", epochs=2)
    row = next(row for row in record.rows().values() if "benchmark_cifar10" in row.metrics)
    changed = replace(row, metrics={**row.metrics, "benchmark_cifar10": row.metrics["benchmark_cifar10"] + 0.01})
    (folder / "runs/trials" / row.trial_id / "row.json").write_bytes(seal(changed))
    bundled(folder)

    assert wrong(toy, place)


def test_a_picture_of_other_rows_is_found(toy, place):
    picture = toy.with_name("toy-ends.svg")
    picture.write_text(picture.read_text().replace("mean", "means").replace("1", "2"))

    assert wrong(toy, place) == ["toy-ends.svg"]


def test_without_a_bundle_nothing_may_stand_where_an_output_belongs(toy, place):
    toy.with_name("toy.parquet").unlink()

    assert wrong(toy, place)
    assert make.made(toy, place) == TOY
