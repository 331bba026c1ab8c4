"""Names, identities and plan-time checks of datasets."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from parquet_files import write_parquet

from trainables.data.catalog import DATASETS
from trainables.data.datasets import batch_problems, describe, resolve
from trainables.data.parquet_folder import Images
from trainables.errors import DataError, UnknownName


def test_names_and_identities_resolve_to_themselves(tmp_path: Path):
    (tmp_path / "cifar10").mkdir()
    identity = "sha256:" + "0" * 64

    assert resolve("cifar10", base=tmp_path) == "cifar10"
    assert resolve(identity, base=tmp_path) == identity


def test_unknown_datasets_are_told_apart(tmp_path: Path, cache: Path):
    (tmp_path / "file.parquet").touch()

    with pytest.raises(UnknownName, match=r"unknown dataset 'cifar1'; did you mean 'cifar10'\?"):
        resolve("cifar1", base=tmp_path)
    with pytest.raises(DataError, match="neither a known name nor a folder"):
        resolve("./nowhere", base=tmp_path)
    with pytest.raises(DataError, match="is a file; name the folder"):
        resolve("file.parquet", base=tmp_path)
    with pytest.raises(DataError, match=r"dataset '~no one at all/x' cannot be looked for: "):
        resolve("~no one at all/x", base=tmp_path)
    with pytest.raises(DataError, match=r"dataset 'a+/b' cannot be looked for: File name too long"):
        resolve("a" * 300 + "/b", base=tmp_path)
    with pytest.raises(UnknownName, match="unknown dataset"):
        describe("sha256:12")
    with pytest.raises(DataError, match=r"is not on this machine; run: sharptune data fetch FOLDER"):
        describe("sha256:" + "0" * 64)


PROBLEMS = [
    ({"train_images": 305}, "train_images", "305 is not a multiple of the 10 classes of cifar10-mini"),
    ({"train_images": 2010}, "train_images", "2010 takes 201 images of each class, but cifar10-mini has 200 of 'airp"),
    ({"test_images": 1010}, "test_images", "1010 takes 101 images"),
    ({"test_images": 15}, "test_images", "15 is not a multiple of the 10 classes"),
    ({"train_images": 310, "halves": True}, "train_images", "31 images of each class, which cannot be halved"),
    ({"validation_images": 15}, "validation_images", "15 is not a multiple of the 10 classes of cifar10-mini"),
    (
        {"validation_images": 2000},
        "validation_images",
        "holds out 200 images of each class, which leaves none of the 200",
    ),
    (
        {"train_images": 300, "validation_images": 300},
        "validation_images",
        "leaves none of the 30 of 'airplane' to train",
    ),
    (
        {"train_images": 300, "validation_images": 310},
        "validation_images",
        "leaves none of the 30 of 'airplane' to train",
    ),
    ({"train_images": 305, "validation_images": 300}, "train_images", "305 is not a multiple"),
    ({"validation_images": 20, "batch_size": 1979}, "batch_size", "one single image of the training set's 1980 over"),
    ({"batch_size": 1999}, "batch_size", "leave one single image of the training set's 2000 over"),
    ({"batch_size": 27, "halves": True}, "batch_size", "leave one single image of the training half's 1000 over"),
    ({"train_images": 300, "batch_size": 149, "halves": True}, "batch_size", "the training half's 150 over"),
]


@pytest.mark.parametrize(("settings", "field", "sentence"), PROBLEMS)
def test_sizes_that_cannot_work_are_told_before_anything_runs(settings: dict[str, int], field: str, sentence: str):
    given = {"train_images": None, "test_images": None, "batch_size": 64, "halves": False, **settings}

    [(found, message)] = batch_problems("cifar10-mini", **given)

    assert found == field
    assert sentence in message


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("train_images", [None, 300])
def test_sizes_that_work_raise_no_problem(train_images: int | None, halves: bool):
    assert batch_problems("cifar10-mini", train_images=train_images, test_images=50, batch_size=16, halves=halves) == []


@pytest.mark.parametrize(("train_images", "batch_size"), [(None, 1999), (300, 299)])
def test_what_batches_leave_over_is_counted_after_images_are_held_out(train_images: int | None, batch_size: int):
    given = {"train_images": train_images, "test_images": None, "batch_size": batch_size, "halves": False}

    assert batch_problems("cifar10-mini", **given, validation_images=10) == []
    assert [field for field, _ in batch_problems("cifar10-mini", **given)] == ["batch_size"]


def test_one_single_image_is_too_few_to_train_on(monkeypatch: pytest.MonkeyPatch):
    one = replace(DATASETS["cifar10-mini"], classes=1, class_names=("cat",), train_counts=(5,), test_counts=(5,))
    monkeypatch.setitem(DATASETS, "cifar10-mini", one)
    given = {"train_images": None, "test_images": None, "batch_size": 64, "halves": False}

    assert batch_problems("cifar10-mini", **given, validation_images=3) == []
    assert [field for field, _ in batch_problems("cifar10-mini", **given, validation_images=4)] == ["batch_size"]


def test_of_classes_of_different_sizes_the_smallest_says_how_many_can_be_held_out():
    given = {"train_images": None, "test_images": None, "batch_size": 64, "halves": False}

    assert batch_problems("imagenet", **given, validation_images=731_000) == []
    [(field, sentence)] = batch_problems("imagenet", **given, validation_images=732_000)
    assert field == "validation_images"
    assert "leaves none of the 732 of" in sentence


def test_both_fields_are_named_when_both_are_wrong():
    found = batch_problems("cifar10", train_images=7, test_images=7, batch_size=64, halves=True)

    assert [field for field, _ in found] == ["train_images", "test_images"]


def test_a_training_set_sorted_by_class_cannot_be_halved_as_it_is(cache: Path, tmp_path: Path, make_images):
    images = make_images(6)
    order = np.argsort(images.labels, kind="stable")
    folder = tmp_path / "sorted"
    folder.mkdir()
    write_parquet(
        folder / "train.parquet",
        Images(images=images.images[order], labels=images.labels[order], class_names=images.class_names),
    )
    write_parquet(folder / "test.parquet", make_images(2))
    identity = resolve("sorted", base=tmp_path)

    whole = batch_problems(identity, train_images=None, test_images=None, batch_size=4, halves=True)
    named = batch_problems(identity, train_images=12, test_images=None, batch_size=4, halves=True)

    assert whole[0][0] == "train_images"
    assert "has no image of class 'cat'" in whole[0][1] or "has no image of class 'dog'" in whole[0][1]
    assert named == []
