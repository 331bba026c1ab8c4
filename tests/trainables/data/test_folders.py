"""Datasets in folders that users name."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_files import write_parquet
from PIL import Image

from trainables.data import folders
from trainables.data.catalog import DATASETS
from trainables.data.datasets import describe, open_dataset, resolve, verify
from trainables.data.folders import channel_statistics, import_folder
from trainables.data.packaged import packaged_folder, read_packaged
from trainables.data.parquet_folder import Images, read_parquet
from trainables.data.store import digest
from trainables.errors import DataError

PACKAGED = packaged_folder("cifar10-mini")


def write_classes(folder: Path, images: Images) -> None:
    """Writes one PNG for each image, in a folder for each class."""
    assert images.class_names is not None
    for index, (pixels, label) in enumerate(zip(images.images, images.labels, strict=True)):
        place = folder / images.class_names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{index:03}.png")


def test_the_packaged_files_hold_the_first_images_of_each_class():
    """The digests were taken of that subset of the official arrays (see also the network test of the sources)."""
    arrays = read_packaged("cifar10-mini")
    info = DATASETS["cifar10-mini"]

    for split in ("train", "test"):
        assert digest(arrays[f"{split}-images"]) == info.sha256[split]
        assert digest(arrays[f"{split}-labels"]) == info.labels_sha256[split]
    assert tuple(np.bincount(arrays["train-labels"])) == info.train_counts
    assert tuple(np.bincount(arrays["train-labels"][:1000])) == info.train_first_half_counts
    assert sum(path.stat().st_size for path in PACKAGED.glob("*.parquet")) <= 8e6


def test_a_parquet_folder_comes_back_as_it_was_written(cache: Path, parquet_folder):
    folder, train, test = parquet_folder

    identity = resolve("animals", base=folder.parent)
    dataset = open_dataset(identity)

    np.testing.assert_array_equal(dataset.train.images, train.images)
    np.testing.assert_array_equal(dataset.train.labels, train.labels)
    np.testing.assert_array_equal(dataset.test.images, test.images)
    np.testing.assert_array_equal(dataset.test.labels, test.labels)
    assert dataset.info == describe(identity)
    assert dataset.info.class_names == ("cat", "dog")
    assert (dataset.info.image_size, dataset.info.train_counts, dataset.info.test_counts) == (8, (6, 6), (3, 3))
    assert dataset.info.title == "animals"
    assert dataset.info.name == identity
    verify(identity)


def test_identity_is_the_content_not_the_place(cache: Path, parquet_folder, tmp_path: Path, make_images):
    folder, train, test = parquet_folder
    renamed = tmp_path / "elsewhere" / "data"
    renamed.mkdir(parents=True)
    write_parquet(renamed / "train-00000-of-00001.parquet", train)
    write_parquet(renamed / "validation-00000-of-00001.parquet", test)
    one_pixel = train.images.copy()
    one_pixel[0, 0, 0, 0] ^= 1
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    write_parquet(
        other / "train-00000-of-00001.parquet",
        Images(images=one_pixel, labels=train.labels, class_names=train.class_names),
    )

    assert import_folder(renamed.parent) == import_folder(folder)
    assert import_folder(other) != import_folder(folder)


def test_a_copy_of_a_known_dataset_is_that_dataset(cache: Path, tmp_path: Path):
    shutil.copytree(PACKAGED, tmp_path / "copy")

    assert resolve("./copy", base=tmp_path) == "cifar10-mini"
    verify("cifar10-mini")


def test_a_folder_is_read_once_for_each_state(
    cache: Path, parquet_folder, make_images, monkeypatch: pytest.MonkeyPatch
):
    folder = parquet_folder[0]
    monkeypatch.setattr(folders, "_SETTLED_SECONDS", -60.0)
    read: list[Path] = []
    original = folders.read_folder
    monkeypatch.setattr(folders, "read_folder", lambda place: (read.append(place), original(place))[1])

    first = import_folder(folder)
    assert import_folder(folder) == first
    assert len(read) == 1

    write_parquet(folder / "test-00000-of-00001.parquet", make_images(3, seed=9))
    assert import_folder(folder) != first
    assert len(read) == 2

    shutil.rmtree(cache / "datasets")
    import_folder(folder)
    assert len(read) == 3


def test_a_folder_that_changed_a_moment_ago_is_not_taken_for_settled(cache: Path, parquet_folder):
    import_folder(parquet_folder[0])

    assert not (cache / "folders").exists()


def test_image_folders_take_the_classes_in_turn(cache: Path, tmp_path: Path, make_images):
    """So that both halves of a search see every class."""
    train, test = make_images(4, ("ant", "bee", "cat"), seed=1), make_images(2, ("ant", "bee", "cat"), seed=2)
    write_classes(tmp_path / "insects" / "train", train)
    write_classes(tmp_path / "insects" / "val", test)

    dataset = open_dataset(resolve("./insects", base=tmp_path))

    np.testing.assert_array_equal(dataset.train.labels, [0, 1, 2] * 4)
    np.testing.assert_array_equal(dataset.train.images, train.images)
    np.testing.assert_array_equal(dataset.test.images, test.images)
    assert dataset.info.class_names == ("ant", "bee", "cat")
    assert dataset.info.train_first_half_counts == (2, 2, 2)


def test_grey_images_and_other_column_names_are_understood(cache: Path, tmp_path: Path):
    encoded = []
    for value in range(4):
        Image.new("L", (6, 6), value * 10).save(tmp_path / "grey.png")
        encoded.append((tmp_path / "grey.png").read_bytes())
    table = pa.table({"image": pa.array(encoded, pa.binary()), "fine_label": pa.array([0, 1, 0, 1], pa.int32())})
    (tmp_path / "digits" / "plain_text").mkdir(parents=True)
    for split in ("train", "test"):
        pq.write_table(table, tmp_path / "digits" / "plain_text" / f"{split}-00000-of-00001.parquet")

    dataset = open_dataset(import_folder(tmp_path / "digits"))

    assert dataset.info.class_names == ("0", "1")
    np.testing.assert_array_equal(dataset.train.images[:, 0, 0], [[0] * 3, [10] * 3, [20] * 3, [30] * 3])


def test_several_files_of_a_split_are_read_in_order_of_their_names(tmp_path: Path, make_images):
    parts = [make_images(2, seed=seed) for seed in range(3)]
    paths = [tmp_path / f"train-0000{index}-of-00003.parquet" for index in range(3)]
    for path, part in zip(paths, parts, strict=True):
        write_parquet(path, part)

    found = read_parquet(paths)

    np.testing.assert_array_equal(found.images, np.concatenate([part.images for part in parts]))
    assert found.class_names == ("cat", "dog")


def test_statistics_are_those_of_the_training_pixels(make_images):
    images = make_images(50).images
    exact = images.astype(np.float64) / 255

    mean, std = channel_statistics(images)

    np.testing.assert_allclose(mean, exact.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(std, exact.std(axis=(0, 1, 2)), rtol=1e-12)
    images[..., 2] = 7
    assert channel_statistics(images)[1][2] == 1.0


def spoil_garbage(folder: Path, images: Images) -> None:
    (folder / "train-00000-of-00001.parquet").write_bytes(b"PAR1 garbage PAR1")


def spoil_truncated(folder: Path, images: Images) -> None:
    os.truncate(folder / "test-00000-of-00001.parquet", 900)


def spoil_no_test(folder: Path, images: Images) -> None:
    (folder / "test-00000-of-00001.parquet").unlink()


def spoil_label_range(folder: Path, images: Images) -> None:
    labels = images.labels.copy()
    labels[3] = 2
    train = Images(images=images.images, labels=labels, class_names=images.class_names)
    write_parquet(folder / "train-00000-of-00001.parquet", train)


def spoil_hidden_labels(folder: Path, images: Images) -> None:
    hidden = Images(images=images.images, labels=-np.ones_like(images.labels), class_names=images.class_names)
    write_parquet(folder / "test-00000-of-00001.parquet", hidden)


def spoil_class(folder: Path, images: Images) -> None:
    train = Images(images=images.images, labels=images.labels, class_names=("cat", "dog", "emu"))
    for split in ("train", "test"):
        write_parquet(folder / f"{split}-00000-of-00001.parquet", train)


def spoil_names(folder: Path, images: Images) -> None:
    test = Images(images=images.images, labels=images.labels, class_names=("dog", "cat"))
    write_parquet(folder / "test-00000-of-00001.parquet", test)


def change_table(folder: Path, change) -> None:
    path = folder / "train-00000-of-00001.parquet"
    table = pq.read_table(path)
    pq.write_table(change(table), path)


def spoil_columns(folder: Path, images: Images) -> None:
    change_table(folder, lambda table: table.rename_columns(["photo", "label"]))


def spoil_label_type(folder: Path, images: Images) -> None:
    change_table(folder, lambda table: table.set_column(1, "label", pa.array([0.5] * len(table))))


def spoil_image(folder: Path, images: Images) -> None:
    def change(table: pa.Table) -> pa.Table:
        cells = table.column("img").to_pylist()
        cells[5]["bytes"] = cells[5]["bytes"][:60]
        return table.set_column(0, "img", pa.array(cells, table.schema.field("img").type))

    change_table(folder, change)


def spoil_no_bytes(folder: Path, images: Images) -> None:
    cells = [{"bytes": None, "path": "1.png"}] * len(images.labels)
    change_table(folder, lambda table: table.set_column(0, "img", pa.array(cells, table.schema.field("img").type)))


def spoil_two_sets(folder: Path, images: Images) -> None:
    (folder / "other").mkdir()
    write_parquet(folder / "other" / "train.parquet", images)


SPOILED = [
    (spoil_garbage, "holds a Parquet file that cannot be read"),
    (spoil_truncated, "holds a Parquet file that cannot be read"),
    (spoil_no_test, "holds only train; a dataset has train and test"),
    (spoil_label_range, "the train images of .* have a label 2; labels go from 0 to 1"),
    (spoil_hidden_labels, "test-00000-of-00001.parquet has no labels: all are -1; networks are tested on labelled im"),
    (spoil_class, "class 'emu' of .* has no training image"),
    (spoil_names, "train and test of .* name different classes: cat, dog; dog, cat"),
    (spoil_columns, "has no image column; it has photo, label, expected img or image"),
    (spoil_label_type, r"has labels that are not whole numbers, truth values or names \(double\); write them as"),
    (spoil_image, "row 5, is no image that can be read"),
    (spoil_no_bytes, "row 0, holds no encoded image"),
    (spoil_two_sets, "holds several sets of train files, in .*; name one of them"),
]


@pytest.mark.parametrize(("spoil", "sentence"), SPOILED)
def test_a_folder_that_cannot_be_used_gives_one_clear_error(cache: Path, parquet_folder, spoil, sentence: str):
    folder, train, _ = parquet_folder
    spoil(folder, train)

    with pytest.raises(DataError, match=sentence) as error:
        import_folder(folder)

    assert "\n" not in str(error.value)
    assert not (cache / "datasets").exists() or not list((cache / "datasets").glob("sha256*/"))


def test_a_folder_without_a_dataset_says_what_would_be_one(cache: Path, tmp_path: Path):
    with pytest.raises(DataError, match=r"holds no dataset; .* train/CLASS/\*\.png"):
        import_folder(tmp_path)


def test_class_names_stand_where_hugging_face_puts_them():
    schema = pq.read_schema(PACKAGED / "train-00000-of-00001.parquet")

    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]

    assert features["label"] == {"names": list(DATASETS["cifar10"].class_names), "_type": "ClassLabel"}
    assert features["img"] == {"_type": "Image"}
    assert schema.field("img").type == pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    assert schema.field("label").type == pa.int64()
