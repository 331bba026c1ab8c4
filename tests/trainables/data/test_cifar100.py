"""CIFAR-100, and folders of pickled arrays that are not all there."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pickled_batches import python2_pickle
from plans import mistakes, plan, stage

from trainables.data import cifar100, sources
from trainables.data.cache import present
from trainables.data.catalog import DATASETS, is_content_name
from trainables.data.cifar10 import TEST_BATCHES, TRAIN_BATCHES
from trainables.data.datasets import batch_problems, describe, open_dataset, verify
from trainables.data.folders import import_folder
from trainables.data.packing import pack, unpack
from trainables.errors import DataError

pytestmark = pytest.mark.usefixtures("cache")


def images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def write_cifar100(place: Path, *, each: int = 2) -> Path:
    """Write the files as they are published, with two training images and one test image of each class."""
    place.mkdir(parents=True)
    for seed, (name, times) in enumerate((("train", each), ("test", 1))):
        fine = np.tile(np.arange(100)[::-1], times).tolist()
        coarse = [label // 5 for label in fine]
        content = python2_pickle(images(len(fine), seed), fine_labels=fine, coarse_labels=coarse)
        (place / name).write_bytes(content)
    return place


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that `cifar-100-python` lies in; as if such files had been published."""
    place = write_cifar100(tmp_path / "data" / "cifar-100-python")
    small = replace(DATASETS["cifar100"], train_counts=(2,) * 100, test_counts=(1,) * 100)
    monkeypatch.setitem(DATASETS, "cifar100", small)
    md5 = {name: hashlib.md5((place / name).read_bytes()).hexdigest() for name in cifar100.FILES}
    monkeypatch.setattr(cifar100, "MD5", md5)
    return tmp_path / "data"


def test_the_published_files_are_those_that_torchvision_knows():
    from torchvision.datasets import CIFAR100

    known = dict([*CIFAR100.train_list, *CIFAR100.test_list])
    assert (CIFAR100.base_folder, known) == (cifar100.FOLDER, cifar100.MD5)
    names = DATASETS["cifar100"].class_names
    assert (len(set(names)), names[0], names[99], list(names)) == (100, "apple", "worm", sorted(names))


@pytest.mark.parametrize("inside", ["", "cifar-100-python"])
def test_it_is_fetched_from_a_folder_and_called_by_name(published: Path, sharptune, inside: str):
    done = sharptune("data", "fetch", "cifar100", "--folder", published / inside, "--json").json
    dataset = open_dataset("cifar100")

    assert done == {"dataset": "cifar100", "source": f"the folder {published / inside}"}
    assert (len(dataset.train.labels), dataset.train.labels[:3].tolist()) == (200, [99, 98, 97])
    np.testing.assert_array_equal(dataset.test.images, images(100, 1))
    assert describe("cifar100").train_first_half_counts == (1,) * 100
    verify("cifar100")
    packed = pack("cifar100")
    assert unpack(packed) == "cifar100"


def test_its_folder_is_it_wherever_that_lies(published: Path):
    assert import_folder(published) == "cifar100" == import_folder(published / "cifar-100-python")
    assert present("cifar100")


def test_other_files_in_such_a_folder_are_a_users_own(published: Path, sharptune):
    write_cifar100(published / "other" / "cifar-100-python", each=1)
    identity = import_folder(published / "other")
    refused = sharptune("data", "fetch", "cifar100", "--folder", published / "other")

    assert is_content_name(identity)
    assert describe(identity).class_names == DATASETS["cifar100"].class_names
    assert (refused.code, present("cifar100")) == (2, False)
    assert "cifar-100-python does not hold CIFAR-100: its files are not the official ones" in refused.err


def test_it_is_planned_with_before_it_is_here():
    numbers = {"train_images": None, "test_images": None, "batch_size": 64, "halves": True}

    assert batch_problems("cifar100", **numbers) == []
    (planned,) = plan(stage("    config: {space: darts, dataset: cifar100}\n")).trials
    assert planned.spec.config["dataset"] == "cifar100"
    assert mistakes(stage("    config: {space: darts, dataset: cifar100, train_images: 50}\n")) == [
        "50 is not a multiple of the 100 classes of cifar100"
    ]
    with pytest.raises(DataError, match=r"cifar100 is not on this machine; run: sharptune data fetch cifar100$"):
        open_dataset("cifar100")


def test_where_it_cannot_be_downloaded_the_sentence_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch, sharptune):
    def unreachable(place: Path, progress: sources.Progress) -> Mapping:
        raise sources._Unavailable("no route to host")

    monkeypatch.setitem(sources._DOWNLOADS, "cifar100", {"the official archive": unreachable})
    refused = sharptune("data", "fetch", "cifar100")

    assert refused.code == 2
    assert (
        "could not be fetched (the official archive: no route to host); with its files from elsewhere, in a folder "
        "cifar-100-python, run: sharptune data fetch cifar100 --folder FOLDER" in refused.err
    )


def test_what_lacks_in_it_is_named(published: Path, sharptune):
    (published / "cifar-100-python" / "test").unlink()
    sentence = "cifar-100-python lacks test"

    with pytest.raises(DataError, match=f"{sentence}: unpack cifar-100-python.tar.gz again, which holds all 2 files"):
        import_folder(published)
    assert f"{sentence} of CIFAR-100; unpack" in sharptune("data", "fetch", "cifar100", "--folder", published).err
    (published / "cifar-100-python").rename(published / "elsewhere")
    assert "data lacks train and test of CIFAR-100" in sharptune("data", "fetch", "cifar100", "--folder", published).err


def write_cifar10(place: Path) -> Path:
    place.mkdir(parents=True)
    for seed, name in enumerate((*TRAIN_BATCHES, *TEST_BATCHES)):
        (place / name).write_bytes(python2_pickle(images(10, seed), labels=list(range(10))))
    return place


@pytest.mark.parametrize("named", ["", "cifar-10-batches-py"])
def test_a_missing_batch_of_cifar10_is_named(tmp_path: Path, named: str):
    place = write_cifar10(tmp_path / "data" / "cifar-10-batches-py")
    assert is_content_name(import_folder(tmp_path / "data" / named))
    (place / "data_batch_3").unlink()

    with pytest.raises(DataError, match=r"cifar-10-batches-py lacks data_batch_3: unpack cifar-10-python.tar.gz again"):
        import_folder(tmp_path / "data" / named)


def test_a_batch_that_only_points_to_its_content_says_so(tmp_path: Path):
    place = write_cifar10(tmp_path / "cifar-10-batches-py")
    (place / "test_batch").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")

    with pytest.raises(DataError, match="test_batch is a Git LFS pointer, not the file itself"):
        import_folder(place)


def test_two_datasets_in_one_folder_are_not_chosen_between(tmp_path: Path, published: Path):
    write_cifar10(published / "cifar-10-batches-py")

    with pytest.raises(
        DataError, match="holds several datasets, cifar-10-batches-py, cifar-100-python; name one of them"
    ):
        import_folder(published)
    (published / "cifar-100-python").rename(published / "train")
    with pytest.raises(DataError, match="holds several datasets, cifar-10-batches-py, train"):
        import_folder(published)
