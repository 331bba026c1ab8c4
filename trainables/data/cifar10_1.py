"""CIFAR-10.1, new test images for networks trained on CIFAR-10 (arXiv:1806.00451), in its official pair of .npy files.

The paper reports version 6, of 2,000 images; version 4 has 2,021. Both are known by the digests of their files.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainables.data import cache
from trainables.data.catalog import DATASETS, DatasetInfo, EvaluationSet, cache_root
from trainables.data.parquet_folder import Images
from trainables.data.store import SPLITS, digest
from trainables.data.tree import check_content
from trainables.errors import DataError


def import_pair(wanted: EvaluationSet, folder: Path) -> None:
    """Bring the pair of files that lies in a folder into the cache. Raises: DataError."""
    split = read_pair(wanted, folder)
    info, arrays = _described(wanted, split)
    cache.install(info, arrays)
    stored = cache.read_info(wanted.name)
    if (stored.sha256, stored.labels_sha256) != (info.sha256, info.labels_sha256):
        raise DataError(
            f"the cache already holds other images as {wanted.name}, which are not the official ones; to replace them, "
            f"first delete {cache_root() / 'datasets' / wanted.name}"
        )


def read_pair(wanted: EvaluationSet, folder: Path) -> Images:
    """Return the images and labels of the pair of files in a folder, or in its subfolder `datasets`.

    Nothing in the files is unpickled. Raises: DataError unless they are what was wanted.
    """
    paths = _paths(wanted, folder)
    images, labels = (_array(path, sha256) for path, sha256 in zip(paths, wanted.sha256, strict=True))
    base = DATASETS[wanted.of]
    shape = (wanted.images, base.image_size, base.image_size, 3)
    if images.shape != shape or images.dtype != np.uint8:
        raise DataError(f"{wanted.files[0]} has shape {images.shape} of {images.dtype}, expected {shape} of uint8")
    if labels.shape != (wanted.images,) or labels.dtype.kind not in "iu":
        expected = f"({wanted.images},) of whole numbers"
        raise DataError(f"{wanted.files[1]} has shape {labels.shape} of {labels.dtype}, expected {expected}")
    if labels.min() < 0 or labels.max() >= base.classes:
        raise DataError(
            f"{wanted.files[1]} has labels from {labels.min()} to {labels.max()}, expected 0 to {base.classes - 1}"
        )
    return Images(images=np.ascontiguousarray(images), labels=labels.astype(np.int64), class_names=base.class_names)


def _paths(wanted: EvaluationSet, folder: Path) -> tuple[Path, Path]:
    for place in (folder, folder / "datasets"):
        pixels, labels = (place / name for name in wanted.files)
        if pixels.is_file() and labels.is_file():
            return pixels, labels
    raise DataError(f"{folder} does not hold {' and '.join(wanted.files)}; find them in {wanted.source}")


def _array(path: Path, sha256: str) -> npt.NDArray[Any]:
    """Return the array in a file, whose digest must be `sha256`. Raises: DataError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    check_content(str(path), data)
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise DataError(f"{path} is not the official file: its sha256 is {found}, expected {sha256}")
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # garbage can make the reader raise anything
        raise DataError(f"{path} holds no array that can be read: {error}") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path} holds several arrays, expected one")
    return array


def _described(wanted: EvaluationSet, split: Images) -> tuple[DatasetInfo, dict[str, npt.NDArray[Any]]]:
    """Return what the cache installs: a dataset whose training set is empty."""
    base = DATASETS[wanted.of]
    none = (0,) * base.classes
    arrays: dict[str, npt.NDArray[Any]] = {
        "train-images": split.images[:0],
        "train-labels": split.labels[:0],
        "test-images": split.images,
        "test-labels": split.labels,
    }
    info = DatasetInfo(
        name=wanted.name,
        title=wanted.title,
        classes=base.classes,
        class_names=base.class_names,
        mean=base.mean,
        std=base.std,
        image_size=base.image_size,
        train_counts=none,
        train_first_half_counts=none,
        test_counts=tuple(int(count) for count in np.bincount(split.labels, minlength=base.classes)),
        sha256={name: digest(arrays[f"{name}-images"]) for name in SPLITS},
        labels_sha256={name: digest(arrays[f"{name}-labels"].astype("<i8")) for name in SPLITS},
    )
    return info, arrays
