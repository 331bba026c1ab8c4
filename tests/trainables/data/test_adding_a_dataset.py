"""A new dataset is one file, which reads the form it is published in, and its entry in the catalog."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plans import mistakes, plan, stage

from trainables.data.cache import present
from trainables.data.catalog import DATASETS, EMBEDDED, DatasetInfo
from trainables.data.datasets import batch_problems, describe, ensure, open_any, open_dataset, resolve, verify
from trainables.data.decoding import read_encoded
from trainables.data.files import FileDataset
from trainables.data.folders import import_folder
from trainables.data.packing import pack, unpack
from trainables.errors import DataError

READS_ARRAYS = '''
"""Two colours, published as one archive of arrays for each split."""

import numpy as np

from trainables.data.parquet_folder import Images


def read(folder):
    archives = {"train": np.load(folder / "learn.npz"), "test": np.load(folder / "exam.npz")}
    return {split: Images(images=found["pixels"], labels=found["colours"]) for split, found in archives.items()}
'''
READS_FILES = '''
"""Animals, published as images in folders of a kind of its own."""

from trainables.data.layouts import ClassFolder


def read(folder):
    return {"train": ClassFolder(folder / "learn"), "test": ClassFolder(folder / "exam")}
'''
NUMBERS = {"train_images": None, "test_images": None, "batch_size": 4}

AddReader = Callable[[str], str]


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AddReader]:
    """Writes the one file, as a module that can be imported; returns the import path of its `read`."""
    (tmp_path / "code").mkdir()  # before it is looked into, as what is not there is remembered
    monkeypatch.syspath_prepend(str(tmp_path / "code"))

    def write(source: str) -> str:
        (tmp_path / "code" / "new_dataset.py").write_text(source)
        return "new_dataset:read"

    yield write
    sys.modules.pop("new_dataset", None)


def sha256(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """What somebody has published: 4 red and 2 blue images to learn from, one of each for the exam."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    colours = {"learn": np.array([0, 1, 0, 0, 1, 0], dtype=np.uint8), "exam": np.array([1, 0], dtype=np.uint8)}
    for name, labels in colours.items():
        pixels = np.zeros((len(labels), 5, 5, 3), dtype=np.uint8)
        pixels[np.arange(len(labels)), :, :, 2 * labels] = 200
        np.savez(folder / f"{name}.npz", pixels=pixels, colours=labels)
    return folder


@pytest.fixture
def two_colours(reader: AddReader, published: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetInfo:
    """The file and the entry."""
    archives = {"train": np.load(published / "learn.npz"), "test": np.load(published / "exam.npz")}
    entry = DatasetInfo(
        name="two-colours",
        title="Two colours",
        classes=2,
        class_names=("red", "blue"),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        image_size=5,
        train_counts=(4, 2),
        train_first_half_counts=(2, 1),
        test_counts=(1, 1),
        sha256={split: sha256(found["pixels"]) for split, found in archives.items()},
        labels_sha256={split: sha256(found["colours"].astype("<i8")) for split, found in archives.items()},
        reader=reader(READS_ARRAYS),
    )
    monkeypatch.setitem(DATASETS, "two-colours", entry)
    return entry


def test_it_is_known_planned_with_fetched_opened_and_sent(
    cache: Path, two_colours: DatasetInfo, published: Path, sharptune, monkeypatch: pytest.MonkeyPatch
):
    assert resolve("two-colours", base=published) == "two-colours"
    assert describe("two-colours") is two_colours
    assert batch_problems("two-colours", **NUMBERS, halves=True) == []
    assert mistakes(stage("    config: {space: darts, dataset: two-colours, train_images: 3}\n")) == [
        "3 is not a multiple of the 2 classes of two-colours"
    ]
    (planned,) = plan(stage("    config: {space: darts, dataset: two-colours, batch_size: 4}\n")).trials
    assert planned.spec.config["dataset"] == "two-colours"
    with pytest.raises(DataError, match="run: sharptune data fetch two-colours --folder FOLDER, with the folder that"):
        ensure("two-colours")

    fetched = sharptune("data", "fetch", "two-colours", "--folder", published, "--json").json
    ensure("two-colours")
    dataset = open_dataset("two-colours")

    assert fetched == {"dataset": "two-colours", "source": f"the folder {published}"}
    assert dataset.info is two_colours
    assert dataset.train.labels.tolist() == [0, 1, 0, 0, 1, 0]
    assert dataset.test.images[:, 0, 0].tolist() == [[0, 0, 200], [200, 0, 0]]
    assert "two-colours: Two colours" in sharptune("data", "show").out
    verify("two-colours")
    packed = pack("two-colours")
    monkeypatch.setenv("SHARPTUNE_CACHE", str(cache.parent / "far"))
    assert (present("two-colours"), unpack(packed), present("two-colours")) == (False, "two-colours", True)


def test_how_it_is_read_is_no_part_of_what_it_is(cache: Path, two_colours: DatasetInfo, published: Path, sharptune):
    sharptune("data", "fetch", "two-colours", "--folder", published)
    written = json.loads((cache / "datasets" / "two-colours" / "info.json").read_text())["info"]

    assert "reader" not in written
    assert DatasetInfo.from_json(written) == two_colours == replace(two_colours, reader="elsewhere:read")


@pytest.mark.parametrize("what", ["pixels", "colours"])
@pytest.mark.parametrize("there_already", [False, True])
def test_other_images_are_not_taken_for_it(
    cache: Path, two_colours: DatasetInfo, published: Path, sharptune, what: str, there_already: bool
):
    if there_already:
        sharptune("data", "fetch", "two-colours", "--folder", published)
    found = dict(np.load(published / "exam.npz"))
    np.savez(published / "exam.npz", **{**found, what: found[what][::-1]})

    refused = sharptune("data", "fetch", "two-colours", "--folder", published)

    assert refused.code == 2
    assert f"{published} does not hold Two colours: its images are not the official ones, or not in" in refused.err
    assert present("two-colours") is there_already


def test_one_whose_images_stay_encoded_is_added_alike(
    cache: Path, varied_folder: Path, reader: AddReader, sharptune, monkeypatch: pytest.MonkeyPatch
):
    known = describe(import_folder(varied_folder))
    for split, name in (("train", "learn"), ("test", "exam")):
        (varied_folder / split).rename(varied_folder / name)
    entry = replace(known, name="animals", title="Animals", reader=reader(READS_FILES))
    monkeypatch.setitem(DATASETS, "animals", entry)
    monkeypatch.setitem(
        DATASETS, "plants", replace(entry, name="plants", title="Plants", sha256={"train": "0" * 64, "test": "0" * 64})
    )

    done = sharptune("data", "fetch", "animals", "--folder", varied_folder)
    refused = sharptune("data", "fetch", "plants", "--folder", varied_folder)
    dataset = open_any("animals")

    assert (done.code, refused.code) == (0, 2)
    assert "does not hold Plants: its images are not the official ones, or not in their order" in refused.err
    assert isinstance(dataset, FileDataset)
    assert dataset.info == entry
    assert read_encoded(dataset.train.place(0)) == (varied_folder / "learn" / "cat" / "cat-0.jpg").read_bytes()
    assert batch_problems("animals", **NUMBERS, halves=False) == []
    verify("animals")


def test_one_that_ships_as_parquet_files_needs_no_reader(
    cache: Path, parquet_folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder, train, _ = parquet_folder
    known = describe(import_folder(folder))
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "empty"))
    monkeypatch.setitem(DATASETS, "animals", replace(known, name="animals"))
    monkeypatch.setitem(EMBEDDED, "animals", str(folder))

    np.testing.assert_array_equal(open_dataset("animals").train.images, train.images)
