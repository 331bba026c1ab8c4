"""CIFAR-10.1 out of its official files: what is taken, what is refused, and what may be done with it."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from new_images import as_official

from orchestrator.cli.run import _held_out
from trainables.data.cache import present
from trainables.data.catalog import DATASETS, EVALUATION_SETS, EvaluationSet
from trainables.data.cifar10_1 import import_pair, read_pair
from trainables.data.datasets import batch_problems, describe, open_dataset, resolve, verify
from trainables.data.packing import pack, unpack
from trainables.data.sources import Fetched, fetch, fetch_folder
from trainables.errors import DataError

LABELS = np.arange(20) % 10


def npy(array: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=True)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds a pair like the official one, of 20 images."""
    place = tmp_path / "downloads"
    place.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    (place / "cifar10.1_v6_data.npy").write_bytes(npy(pixels))
    (place / "cifar10.1_v6_labels.npy").write_bytes(npy(LABELS.astype(np.int32)))
    return place


@pytest.fixture
def small(folder: Path) -> EvaluationSet:
    """The description of that pair, its digests included."""
    return as_official(folder)


def test_the_official_sets_are_described_as_published():
    v6, v4 = EVALUATION_SETS["cifar10_1"], EVALUATION_SETS["cifar10_1_v4"]

    assert (v6.images, v4.images) == (2_000, 2_021)
    assert [digest[:12] for digest in v6.sha256] == ["2997188e5816", "ae40beda0016"]
    assert [digest[:12] for digest in v4.sha256] == ["5aaedc268df8", "1f9544300ded"]
    assert {len(digest) for digest in v6.sha256 + v4.sha256} == {64}
    assert {name: info.name for name, info in EVALUATION_SETS.items()} == {name: name for name in EVALUATION_SETS}
    assert not set(EVALUATION_SETS) & set(DATASETS)


def test_the_pair_is_imported_as_a_dataset_without_training_images(cache: Path, folder: Path, small: EvaluationSet):
    assert not present("cifar10_1")

    import_pair(small, folder)
    dataset = open_dataset("cifar10_1")

    verify("cifar10_1")
    np.testing.assert_array_equal(dataset.test.images, np.load(folder / small.files[0]))
    np.testing.assert_array_equal(dataset.test.labels, LABELS)
    assert (dataset.test.images.dtype, dataset.test.labels.dtype) == (np.uint8, np.int64)
    assert dataset.train.images.shape == (0, 32, 32, 3)
    assert dataset.info.class_names == DATASETS["cifar10"].class_names
    assert (dataset.info.mean, dataset.info.std) == (DATASETS["cifar10"].mean, DATASETS["cifar10"].std)
    assert (dataset.info.train_images, dataset.info.test_counts) == (0, (2,) * 10)
    assert describe("cifar10_1") == dataset.info


def test_a_clone_of_the_repository_is_a_good_folder(folder: Path, small: EvaluationSet):
    (folder.parent / "clone").mkdir()
    folder.rename(folder.parent / "clone" / "datasets")

    assert len(read_pair(small, folder.parent / "clone").labels) == 20


def test_it_travels_to_another_machine(cache: Path, folder: Path, small: EvaluationSet, monkeypatch):
    import_pair(small, folder)
    packed = pack("cifar10_1")
    monkeypatch.setenv("SHARPTUNE_CACHE", str(cache.parent / "far"))

    assert unpack(packed) == "cifar10_1"
    verify("cifar10_1")


@pytest.mark.parametrize("which", [0, 1])
def test_files_that_are_not_the_official_ones_are_refused(cache: Path, folder: Path, small: EvaluationSet, which: int):
    path = folder / small.files[which]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(DataError, match=rf"{path.name} is not the official file: its sha256 is \w+, expected \w+$"):
        import_pair(small, folder)
    assert not present("cifar10_1")


class Payload:
    """Says so when it is unpickled."""

    def __reduce__(self):
        return print, ("unpickled",)


PIXELS = np.zeros((20, 32, 32, 3), np.uint8)
REFUSED = [
    (0, npy(PIXELS[:19]), r"has shape \(19, 32, 32, 3\) of uint8, expected \(20, 32, 32, 3\)"),
    (0, npy(PIXELS.astype(np.float32)), "of float32, expected"),
    (0, npy(PIXELS.transpose(0, 3, 1, 2)), r"shape \(20, 3, 32, 32\)"),
    (1, npy(LABELS[:19]), r"shape \(19,\) of int64"),
    (1, npy(LABELS.astype(np.float64)), "of float64, expected .* whole numbers"),
    (1, npy(LABELS + 1), "labels from 1 to 10, expected 0 to 9"),
    (1, npy(LABELS - 1), "labels from -1 to 8"),
    (1, npy(np.array([Payload()] * 20, dtype=object)), "holds no array that can be read"),
    (0, b"", "holds no array that can be read"),
    (0, b"\x80\x04garbage", "holds no array that can be read"),
]


@pytest.mark.parametrize(("which", "content", "sentence"), REFUSED)
def test_even_with_the_right_digest_it_must_have_the_right_size_type_and_range(
    folder: Path, small: EvaluationSet, which: int, content: bytes, sentence: str, capsys
):
    (folder / small.files[which]).write_bytes(content)

    with pytest.raises(DataError, match=sentence):
        read_pair(as_official(folder), folder)
    assert capsys.readouterr().out == ""  # nothing was unpickled


def test_other_images_in_the_cache_are_not_taken_for_the_official_ones(cache: Path, folder: Path, small: EvaluationSet):
    import_pair(small, folder)
    import_pair(small, folder)
    (folder / small.files[0]).write_bytes(npy(PIXELS))

    with pytest.raises(DataError, match="the cache already holds other images as cifar10_1"):
        import_pair(as_official(folder), folder)


def test_where_it_is_missing_one_sentence_says_where_to_get_it(cache: Path, tmp_path: Path):
    sentence = (
        "dataset cifar10_1 is not on this machine; take cifar10.1_v6_data.npy and cifar10.1_v6_labels.npy from the "
        "folder datasets of the repository modestyachts/CIFAR-10.1 and run: "
        "sharptune data fetch cifar10_1 --folder FOLDER"
    )

    with pytest.raises(DataError) as missing:
        fetch("cifar10_1", base=tmp_path)
    with pytest.raises(DataError, match=r"does not hold cifar10.1_v6_data.npy and .*modestyachts/CIFAR-10\.1$"):
        fetch_folder("cifar10_1", tmp_path)

    assert str(missing.value) == sentence


def test_it_is_fetched_from_a_folder_and_then_from_the_cache(cache: Path, folder: Path, small, monkeypatch):
    monkeypatch.setitem(EVALUATION_SETS, "cifar10_1", small)

    assert fetch_folder("cifar10_1", folder) == Fetched(identity="cifar10_1", source=f"the folder {folder}")
    assert fetch("cifar10_1", base=Path()) == Fetched(identity="cifar10_1", source="the cache")


def test_nothing_can_be_trained_on_it(tmp_path: Path):
    assert resolve("cifar10_1", base=tmp_path) == "cifar10_1"
    problems = batch_problems("cifar10_1", train_images=None, test_images=None, batch_size=64, halves=False)

    assert problems == [("dataset", "cifar10_1 is only for tests: it has no training images")]


def test_data_show_tells_of_it_and_whether_it_is_here(cache: Path, folder: Path, small, sharptune):
    before = sharptune("data", "show")
    import_pair(small, folder)
    after = sharptune("data", "show", "cifar10_1")
    [as_json] = sharptune("data", "show", "cifar10_1_v4", "--json").json

    assert "cifar10_1: CIFAR-10.1, version 6" in before.out
    assert "sha256 of its files: pixels 2997188e5816…, labels ae40beda0016…" in before.out
    assert "sha256 of its files: pixels 5aaedc268df8…, labels 1f9544300ded…" in before.out
    assert "modestyachts/CIFAR-10.1" in before.out
    assert "  on this machine" in after.out.splitlines()
    assert (as_json["present"], as_json["test_images"], as_json["train_images"]) == (False, 2_021, 0)
    assert list(as_json["sha256"]) == ["cifar10.1_v4_data.npy", "cifar10.1_v4_labels.npy"]


def test_data_fetch_imports_it_from_a_folder(cache: Path, folder: Path, small, sharptune, monkeypatch):
    monkeypatch.setitem(EVALUATION_SETS, "cifar10_1", small)

    assert sharptune("data", "fetch", "cifar10_1").code == 2
    done = sharptune("data", "fetch", "cifar10_1", "--folder", folder, "--json")

    assert (done.code, json.loads(done.out)["dataset"]) == (0, "cifar10_1")
    assert present("cifar10_1")


def test_nodes_that_train_on_cifar10_are_sent_it_where_the_driver_has_it(cache: Path, folder: Path, small):
    before = _held_out(["cifar10", "cifar10-mini"])
    import_pair(small, folder)

    assert (before, _held_out(["cifar10", "cifar10-mini"])) == ([], ["cifar10_1"])
