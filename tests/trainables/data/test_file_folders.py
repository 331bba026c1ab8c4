"""Folders whose images are kept as files."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from image_files import write_shards
from parquet_files import write_parquet

from trainables.data import file_folders
from trainables.data import parquet_folder as parquets
from trainables.data.cache import present
from trainables.data.catalog import DATASETS, EMBEDDED, IMAGENET_MEAN, IMAGENET_STD
from trainables.data.datasets import batch_problems, describe, open_any, open_dataset, resolve, verify
from trainables.data.decoding import open_image, read_encoded
from trainables.data.files import FileDataset
from trainables.data.folders import import_folder
from trainables.data.packing import pack, unpack
from trainables.data.sources import fetch, fetch_folder
from trainables.data.subsets import subset
from trainables.errors import DataError


def opened(identity: str) -> FileDataset:
    dataset = open_any(identity)
    assert isinstance(dataset, FileDataset)
    return dataset


def names(split) -> list[str]:
    return [Path(split.place(row).name).name for row in range(len(split.labels))]


def test_images_of_several_sizes_stay_files(cache: Path, varied_folder: Path):
    identity = resolve("varied", base=varied_folder.parent)
    dataset = opened(identity)

    assert dataset.info == describe(identity)
    assert (dataset.info.class_names, dataset.info.title) == (("cat", "dog"), "varied")
    assert (dataset.info.train_counts, dataset.info.test_counts) == ((5, 5), (3, 3))
    assert (dataset.info.mean, dataset.info.std, dataset.info.image_size) == (IMAGENET_MEAN, IMAGENET_STD, 224)
    assert dataset.train.labels.tolist() == [0, 1] * 5
    assert names(dataset.train)[:3] == ["cat-0.jpg", "dog-0.png", "cat-1.jpg"]
    place = dataset.train.place(3)
    assert Path(place.path) == varied_folder / "train" / "dog" / "dog-1.png"
    assert read_encoded(place) == Path(place.path).read_bytes()
    verify(identity)


def test_parquet_shards_give_the_same_bytes_in_their_order(cache: Path, varied_folder: Path, shards: Path):
    identity = import_folder(shards)
    dataset = opened(identity)
    shutil.rmtree(shards)

    for row, name in enumerate(["cat/cat-0.jpg", "dog/dog-0.png", "cat/cat-1.jpg"]):
        assert read_encoded(dataset.train.place(row)) == (varied_folder / "train" / name).read_bytes()
    assert import_folder(varied_folder) == identity
    assert opened(identity).train.folder is None  # what is here and whole stays
    assert names(dataset.train)[4:7] == [
        "train-0000.parquet, row 4",
        "train-0001.parquet, row 0",
        "train-0001.parquet, row 1",
    ]
    assert dataset.info.class_names == ("cat", "dog")
    verify(identity)


def test_identity_is_the_bytes_and_not_the_place(cache: Path, varied_folder: Path, shards: Path, tmp_path: Path):
    first = import_folder(varied_folder)
    shutil.copytree(varied_folder, tmp_path / "moved")
    other = tmp_path / "other"
    shutil.copytree(varied_folder, other)
    image = other / "train" / "cat" / "cat-0.jpg"
    image.write_bytes(image.read_bytes() + b"\0")

    assert import_folder(tmp_path / "moved") == first == import_folder(shards)
    assert import_folder(other) != first


def test_images_that_moved_are_found_when_their_new_folder_is_read(cache: Path, varied_folder: Path, tmp_path: Path):
    identity = import_folder(varied_folder)
    varied_folder.rename(tmp_path / "moved")
    assert not present(identity)
    with pytest.raises(DataError, match=r"its images are no longer in .*varied/train\); run: sharptune data fetch FO"):
        open_any(identity)

    assert import_folder(tmp_path / "moved") == identity
    assert present(identity)


def test_images_too_many_for_one_array_stay_files(cache: Path, parquet_folder, monkeypatch: pytest.MonkeyPatch):
    folder, train, _ = parquet_folder
    monkeypatch.setattr(parquets, "LARGEST_ARRAY", train.images.nbytes - 1)

    assert describe(import_folder(folder)).stored == "files"


@pytest.mark.parametrize("shape", [(8, 7), (7, 7)])
def test_images_not_square_or_of_another_size_in_the_test_set_stay_files(cache: Path, parquet_folder, shape):
    folder, _, test = parquet_folder
    smaller = replace(test, images=test.images[:, : shape[0], : shape[1]])
    write_parquet(folder / "test-00000-of-00001.parquet", smaller)

    assert describe(import_folder(folder)).stored == "files"


def test_a_damaged_image_does_not_keep_a_varied_folder_from_being_read(cache: Path, varied_folder: Path):
    for image in ("cat-0.jpg", "cat-3.jpg"):
        (varied_folder / "train" / "cat" / image).write_bytes(b"garbage")

    assert len(opened(import_folder(varied_folder)).train.labels) == 10


def test_a_search_has_no_use_for_files_and_arrays_are_not_cut(cache: Path, varied_folder: Path):
    identity = import_folder(varied_folder)
    numbers = {"train_images": None, "test_images": None, "batch_size": 4}

    assert batch_problems(identity, **numbers, halves=True) == [
        ("dataset", "varied is kept as files, and a search needs small images of one size, as one array")
    ]
    assert batch_problems(identity, **numbers, halves=False, image_size=32) == []
    assert batch_problems("cifar10", **numbers, halves=False, image_size=32) == [
        ("image_size", "CIFAR-10 is one array, whose images are taken as they are; leave this out")
    ]
    with pytest.raises(DataError, match="is kept as files: only final training and sharptune evaluate read it"):
        open_dataset(identity)


def test_files_are_not_sent_to_other_machines(
    cache: Path, varied_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    packed = pack(import_folder(varied_folder))
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "other machine"))

    with pytest.raises(DataError, match="not sent between machines; on each node run: sharptune data fetch FOLDER"):
        unpack(packed)


def test_packaged_files_are_unpacked_where_they_are_missing_also_on_other_machines(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    info = opened("cifar10-jpeg").info
    packed = pack("cifar10-jpeg")
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "other machine"))

    assert not present("cifar10-jpeg")
    assert unpack(packed) == "cifar10-jpeg"
    assert opened("cifar10-jpeg").info == info == DATASETS["cifar10-jpeg"]
    verify("cifar10-jpeg")


def test_packaged_files_are_of_many_sizes_and_show_what_the_packaged_pixels_show(cache: Path):
    files, arrays = opened("cifar10-jpeg"), open_dataset("cifar10-mini")
    sizes = {open_image(read_encoded(files.train.place(row)), "").size for row in range(200)}
    chosen = subset(arrays.train.labels, 200, 10)

    assert len(sizes) == 40
    assert min(min(size) for size in sizes) == 40
    assert files.train.labels.tolist() == arrays.train.labels[chosen].tolist()
    for row in (0, 77, 199):
        image = open_image(read_encoded(files.train.place(row)), "").resize((32, 32))
        assert abs(np.asarray(image, float) - arrays.train.images[chosen[row]]).mean() < 12


def test_other_files_in_the_package_are_noticed(cache: Path, varied_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(EMBEDDED, "cifar10-jpeg", str(varied_folder))

    with pytest.raises(DataError, match=r"does not hold CIFAR-10, .*: its images are not those that were shipped"):
        open_any("cifar10-jpeg")
    assert not present("cifar10-jpeg")


def test_packaged_files_of_another_version_are_not_taken(cache: Path, monkeypatch: pytest.MonkeyPatch):
    open_any("cifar10-jpeg")
    newer = replace(DATASETS["cifar10-jpeg"], sha256={"train": "0" * 64, "test": "0" * 64})
    monkeypatch.setitem(DATASETS, "cifar10-jpeg", newer)

    with pytest.raises(DataError, match="its images are not those that were shipped"):
        open_any("cifar10-jpeg")


def test_damaged_lists_are_noticed(cache: Path, varied_folder: Path):
    identity = import_folder(varied_folder)
    path = next((cache / "datasets").glob("sha256-*")) / "train.arrow"
    path.write_bytes(path.read_bytes()[:-10])

    assert not present(identity)
    with pytest.raises(DataError, match=r"is damaged in the cache \(train.arrow has \d+ bytes, not \d+\)"):
        open_any(identity)


@pytest.fixture
def small_imagenet(monkeypatch: pytest.MonkeyPatch):
    """ImageNet, had it 2 classes and 16 images."""
    small = replace(DATASETS["imagenet"], classes=2, train_counts=(4, 4), test_counts=(3, 3), train_total=10)
    monkeypatch.setitem(DATASETS, "imagenet", small)


def test_imagenet_is_known_before_it_is_here(cache: Path):
    info = describe("imagenet")

    assert (info.classes, info.train_images, info.test_images, info.image_size) == (1000, 1_281_167, 50_000, 224)
    numbers = {"train_images": None, "test_images": None, "batch_size": 256, "halves": False}
    assert batch_problems("imagenet", **numbers) == []
    with pytest.raises(DataError, match="imagenet is not on this machine; run: sharptune data fetch imagenet --folder"):
        open_any("imagenet")


def test_imagenet_is_taken_from_a_folder_and_called_by_name(
    cache: Path, varied_folder: Path, small_imagenet, monkeypatch: pytest.MonkeyPatch
):
    """Its validation images are what is tested on, also where there are unlabelled test images."""
    (varied_folder / "test").rename(varied_folder / "val")
    (varied_folder / "test" / "unknown").mkdir(parents=True)
    monkeypatch.setattr(file_folders, "_TELL_SECONDS", 0.0)
    told: list[str] = []

    assert fetch_folder("imagenet", varied_folder, progress=told.append).identity == "imagenet"

    info = describe("imagenet")
    assert (info.name, info.class_names, info.train_counts) == ("imagenet", ("cat", "dog"), (5, 5))
    assert opened("imagenet").info == info
    assert fetch("imagenet", base=Path()).source == "the cache"
    assert "train: 10 of 10 images read" in told


def test_another_folder_is_not_imagenet(cache: Path, varied_folder: Path):
    sentence = (
        r"does not hold ImageNet \(ILSVRC 2012\): it has 2 classes, 10 training and 6 validation images, not 1,000"
    )
    with pytest.raises(DataError, match=sentence):
        fetch_folder("imagenet", varied_folder)


@pytest.fixture
def shards(varied_folder: Path, tmp_path: Path) -> Path:
    """The images of the varied folder, in the same order, as two Parquet files for training and one for tests."""
    return write_shards(varied_folder, tmp_path / "shards")
