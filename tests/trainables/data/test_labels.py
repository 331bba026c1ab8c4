"""Labels of Parquet files, as people write them."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_folders import ppm, write_rows

from trainables.data.cache import open_arrays, read_info
from trainables.data.folders import import_folder
from trainables.errors import DataError

pytestmark = pytest.mark.usefixtures("cache")


def folder_of(place: Path, train: Any, test: Any, **columns: Any) -> Path:
    for number, (split, labels) in enumerate((("train", train), ("test", test))):
        write_rows(place / f"{split}.parquet", labels, seed=20 * number, **columns)
    return place


NAMED = ["dog", "cat", "dog"]


@pytest.mark.parametrize(
    ("train", "test", "names"),
    [
        (NAMED, ["cat"], ("cat", "dog")),
        (pa.array(NAMED, pa.large_string()), ["cat"], ("cat", "dog")),
        (pa.array(NAMED).dictionary_encode(), pa.array(["cat"]).dictionary_encode(), ("cat", "dog")),
        (pa.array([1, 0, 1]).dictionary_encode(), pa.array([0]), ("0", "1")),
        ([True, False, True], [False], ("False", "True")),
        (pa.array([1, 0, 1], pa.uint8()), pa.array([0], pa.int64()), ("0", "1")),
    ],
)
def test_labels_are_numbers_truth_values_or_names(tmp_path: Path, train, test, names):
    dataset = open_arrays(import_folder(folder_of(tmp_path / "folder", train, test)))

    assert dataset.info.class_names == names
    assert (dataset.train.labels.tolist(), dataset.test.labels.tolist()) == ([1, 0, 1], [0])


NAMES_IN_METADATA = {"info": {"features": {"label": {"names": ["dog", "cat"], "_type": "ClassLabel"}}}}


def test_names_go_by_what_the_training_numbers_are_called(tmp_path: Path):
    folder = folder_of(tmp_path / "folder", [0, 1], ["cat", "dog"])
    table = pq.read_table(folder / "train.parquet")
    pq.write_table(
        table.replace_schema_metadata({"huggingface": json.dumps(NAMES_IN_METADATA)}), folder / "train.parquet"
    )

    assert open_arrays(import_folder(folder)).test.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("train", "test", "sentence"),
    [
        ([0, None, 1], [0], "train.parquet, row 1, has no label; take out the 1 rows without, or label them"),
        (["cat", None], ["cat"], "train.parquet, row 1, has no label"),
        ([0, 1], pa.nulls(2, pa.int64()), "test.parquet has no labels: all are null; networks are tested on labelled"),
        (pa.nulls(2, pa.int64()), [0], "train.parquet has no labels: all are null; networks are trained on labelled"),
        (["cat", "dog"], ["cat", "emu"], "test.parquet, row 1, has the label 'emu', which is no class of the training"),
        (["cat", "dog"], [0, 1], "the labels of .*test.parquet are numbers, those of .*train.parquet names"),
        ([0, 1], ["cat", "dog"], "the labels of .*test.parquet are names, those of .*train.parquet numbers"),
        ([True, False], [0, 1], "the labels of .*test.parquet are numbers, those of .*train.parquet truth values"),
        ([0.0, 1.5], [0], r"has labels that are not whole numbers, truth values or names \(double\)"),
        (["cat", ""], ["cat"], "train.parquet, row 1, has the label ''"),
    ],
)
def test_labels_that_mean_nothing_certain_are_one_sentence(tmp_path: Path, train, test, sentence: str):
    with pytest.raises(DataError, match=sentence):
        import_folder(folder_of(tmp_path / "folder", train, test))


@pytest.mark.parametrize("test", [[-1, -1], pa.nulls(2, pa.int64())])
def test_an_unlabelled_test_split_beside_a_labelled_validation_split_says_what_to_do(tmp_path: Path, test):
    folder = folder_of(tmp_path / "folder", [0, 1], test)
    write_rows(folder / "validation.parquet", [1, 0], seed=50)

    with pytest.raises(
        DataError, match=r"test.parquet has no labels: all are .*; move it out of .*, and the validation im"
    ):
        import_folder(folder)
    (folder / "test.parquet").unlink()
    assert read_info(import_folder(folder)).test_images == 2


def test_test_files_without_a_column_of_labels_say_so_too(tmp_path: Path):
    folder = folder_of(tmp_path / "folder", [0, 1], [0, 1])
    write_rows(folder / "validation.parquet", [1, 0], seed=50)
    pq.write_table(pq.read_table(folder / "test.parquet").drop_columns("label"), folder / "test.parquet")

    with pytest.raises(
        DataError, match=r"test.parquet has no label column; it has image, expected .*; move it out of .*"
    ):
        import_folder(folder)


IMAGES = pa.array([ppm(0), ppm(1)], pa.binary())
NUMBERS = [0, 1]


@pytest.mark.parametrize(
    "columns",
    [
        {"label": None, "class": NUMBERS},
        {"label": None, "target": NUMBERS, "index": [7, 8]},
        {"label": None, "Category": ["cat", "dog"]},
        {"image": None, "jpg": IMAGES, "label": None, "cls": NUMBERS},
        {"image": None, "Image": IMAGES, "label": None, "Label": NUMBERS},
        {"fine_label": [0, 0], "class": [1, 1]},  # what was read before stays what is read
    ],
)
def test_columns_go_by_their_usual_names(tmp_path: Path, columns):
    dataset = open_arrays(import_folder(folder_of(tmp_path / "folder", NUMBERS, NUMBERS, **columns)))

    assert dataset.train.labels.tolist() == NUMBERS


def test_a_column_of_any_name_is_meant_where_the_metadata_says_what_it_is(tmp_path: Path):
    folder = folder_of(
        tmp_path / "folder", NUMBERS, NUMBERS, image=None, photo=IMAGES, label=None, kind=NUMBERS, id=NUMBERS
    )
    features = {"photo": {"_type": "Image"}, "kind": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    for path in folder.iterdir():
        pq.write_table(pq.read_table(path).replace_schema_metadata(metadata), path)

    assert read_info(import_folder(folder)).class_names == ("cat", "dog")


def test_several_columns_that_may_be_meant_are_refused(tmp_path: Path):
    folder = folder_of(tmp_path / "folder", NUMBERS, NUMBERS, label=None, target=NUMBERS, category=NUMBERS)

    with pytest.raises(
        DataError, match="has several label columns, target, category; call the one that is meant label"
    ):
        import_folder(folder)


@pytest.mark.parametrize(
    ("shard", "sentence"),
    [
        (("dog", "cat"), "train-0.parquet and train-1.parquet name different classes: cat, dog; dog, cat"),
        (("cat",), "name different classes: cat, dog; cat"),
        (None, None),
    ],
)
def test_files_of_a_split_agree_on_their_classes(tmp_path: Path, shard, sentence):
    folder = tmp_path / "folder"
    for name, names in (("train-0", ("cat", "dog")), ("train-1", shard), ("test", ("cat", "dog"))):
        write_rows(folder / f"{name}.parquet", NUMBERS)
        features = {"label": {"names": list(names), "_type": "ClassLabel"}} if names else {}
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        table = pq.read_table(folder / f"{name}.parquet").replace_schema_metadata(metadata)
        pq.write_table(table, folder / f"{name}.parquet")

    if sentence is None:
        assert read_info(import_folder(folder)).class_names == ("cat", "dog")
        return
    with pytest.raises(DataError, match=sentence):
        import_folder(folder)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "test.parquet is a Git LFS pointer, not",
        ),
        (b"", "test.parquet is empty; fetch it again"),
        (b"PAR1 garbage", "folder holds a Parquet file that cannot be read, test.parquet: .*; fetch it again"),
    ],
)
def test_a_file_that_is_not_what_it_is_called_is_named(tmp_path: Path, content: bytes, sentence: str):
    folder = folder_of(tmp_path / "folder", NUMBERS, NUMBERS)
    (folder / "test.parquet").write_bytes(content)

    with pytest.raises(DataError, match=sentence) as error:
        import_folder(folder)

    assert "\n" not in str(error.value)
