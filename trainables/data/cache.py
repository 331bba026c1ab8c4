"""The dataset cache: what of it is on this machine, and datasets of arrays, which all trials on a machine share.

Small images of one size are one memory-mapped array per split; their digests are checked when they are installed, and
by `verify`. Images that are too large or too different for that stay encoded, as `files.py` says. Where and how either
is written safely is `store.py`'s.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainables.data import files
from trainables.data.catalog import DATASETS, EVALUATION_SETS, DatasetInfo, are_numbers, is_content_name
from trainables.data.store import (
    SPLITS,
    Array,
    called,
    digest,
    flush,
    folder_of,
    locked,
    read_record,
    remedy,
    rename_classes,
    replace_folder,
)
from trainables.errors import DataError, unknown_name
from trainables.trial import canonical_json

ARRAYS = tuple(f"{split}-{kind}" for split in SPLITS for kind in ("images", "labels"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """One part of a dataset."""

    images: npt.NDArray[np.uint8]
    """Pixels, shape (N, height, width, 3), memory-mapped; what a process writes here stays in that process."""
    labels: npt.NDArray[np.int64]
    """Class indices, shape (N,)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A dataset, opened."""

    info: DatasetInfo
    train: Split
    test: Split


def present(identity: str) -> bool:
    """Say whether a dataset is in this machine's cache, by its files' sizes and shapes."""
    return problem(identity) is None


def open_arrays(identity: str) -> Dataset:
    """Return a dataset that is in the cache, with its arrays memory-mapped. Raises: DataError."""
    try:
        stored = read_record(identity)
        if stored.stored == "files":
            raise DataError(f"{called(identity)} is kept as files: only final training and sharptune evaluate read it")
        info, arrays = _open(identity, stored)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{called(identity)} cannot be read from the cache: {error}; {remedy(identity)}") from error
    parts = {
        split: Split(images=arrays[f"{split}-images"], labels=arrays[f"{split}-labels"].astype(np.int64))
        for split in SPLITS
    }
    return Dataset(info=info, **parts)


def install(info: DatasetInfo, arrays: Mapping[str, Array]) -> None:
    """Put a dataset into the cache, unless it is there already.

    Args:
        arrays: `train-images`, `train-labels`, `test-images`, `test-labels`; uint8 NHWC and int64.

    Raises: DataError when the content is not what `info` says, or the cache cannot be written.
    """
    install_missing(info, lambda: arrays)


def install_missing(info: DatasetInfo, read: Callable[[], Mapping[str, Array]]) -> None:
    """Read arrays and put them into the cache, unless they are there already: of many processes only one reads them.

    Raises: as `install` does.
    """
    with locked(info.name):
        if problem(info.name) is not None:
            _install(info, read())


def verify(dataset: Dataset) -> None:
    """Read all arrays and compare their digests. Raises: DataError."""
    _check_content(dataset.info, arrays_of(dataset))


def read_info(identity: str) -> DatasetInfo:
    """Return the description of a dataset in the cache. Raises: UnknownName; DataError."""
    found = problem(identity)
    if found is not None:
        raise DataError(f"{found}; {remedy(identity)}")
    return _known(identity, read_record(identity))


def content_name(info: DatasetInfo) -> str:
    """Return the identity of a user's dataset: the sha256 of the sizes and digests of its pixels and labels."""
    content = {
        "classes": info.classes,
        "image_size": info.image_size,
        "pixels": dict(info.sha256),
        "labels": dict(info.labels_sha256),
    }
    return "sha256:" + hashlib.sha256(canonical_json(content).encode()).hexdigest()


def agree_on_names(folder: Path, info: DatasetInfo) -> None:
    """See to it that the cache calls the classes of a user's dataset as the folder does that was read just now.

    An identity holds what is learned, so not the names. Raises: DataError where the same images came with other names.
    """
    kept = read_info(info.name)
    if kept.class_names == info.class_names or info.name in DATASETS or are_numbers(info.class_names):
        return
    if are_numbers(kept.class_names):
        rename_classes(kept, info.class_names)
        return
    here, there = next(pair for pair in zip(info.class_names, kept.class_names, strict=True) if pair[0] != pair[1])
    raise DataError(
        f"{folder} calls a class {here!r} that was {there!r} when the same images were read before; call it so again, "
        f"or delete {folder_of(info.name)}, and the new names are taken"
    )


def arrays_of(dataset: Dataset) -> dict[str, Array]:
    """Return a dataset's arrays by their names, as `install` takes them."""
    return {
        "train-images": dataset.train.images,
        "train-labels": dataset.train.labels,
        "test-images": dataset.test.images,
        "test-labels": dataset.test.labels,
    }


def problem(identity: str) -> str | None:
    """Return what keeps a dataset from being opened, or None. Raises: UnknownName."""
    if identity not in DATASETS and identity not in EVALUATION_SETS and not is_content_name(identity):
        raise unknown_name("dataset", identity, DATASETS)
    if not folder_of(identity).is_dir():
        return f"{called(identity)} is not on this machine"
    try:
        info = read_record(identity)
        if info.stored == "files":
            files.check(_known(identity, info))
        else:
            _open(identity, info)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{called(identity)} is damaged in the cache ({error})"
    return None


def _known(identity: str, stored: DatasetInfo) -> DatasetInfo:
    """Return the catalog's description of a dataset, else the cache's. Raises: ValueError when they differ."""
    info = DATASETS.get(identity, stored)
    if info.stored != stored.stored:
        raise ValueError("it is of another version")
    if info.sha256 and (stored.sha256, stored.labels_sha256) != (info.sha256, info.labels_sha256):
        raise ValueError("it is of another version")
    # Where the catalog does not know the images, or of files the classes' names and numbers, the cache does.
    return stored if info.stored == "files" or not info.sha256 else info


def _open(identity: str, stored: DatasetInfo) -> tuple[DatasetInfo, dict[str, Array]]:
    """Map a dataset's arrays. Raises: OSError, ValueError, KeyError, TypeError when the files do not fit."""
    info = _known(identity, stored)
    # Copy on write: still shared between processes, and torch takes it without a warning.
    arrays: dict[str, Array] = {
        name: np.load(folder_of(identity) / f"{name}.npy", mmap_mode="c", allow_pickle=False) for name in ARRAYS
    }
    _check_shapes(info, arrays)
    return info, arrays


def _check_shapes(info: DatasetInfo, arrays: Mapping[str, Array]) -> None:
    for split, count in (("train", info.train_images), ("test", info.test_images)):
        images, labels = arrays[f"{split}-images"], arrays[f"{split}-labels"]
        if images.shape != (count, info.image_size, info.image_size, 3) or images.dtype != np.uint8:
            raise ValueError(f"{split}-images has shape {images.shape} of {images.dtype}")
        if labels.shape != (count,) or labels.dtype != np.dtype("<i8"):
            raise ValueError(f"{split}-labels has shape {labels.shape} of {labels.dtype}")


def _check_content(info: DatasetInfo, arrays: Mapping[str, Array]) -> None:
    if is_content_name(info.name) and content_name(info) != info.name:
        raise DataError(f"{called(info.name)} is not what its name says")
    for split in SPLITS:
        for kind, promised in (("images", info.sha256[split]), ("labels", info.labels_sha256[split])):
            found = digest(arrays[f"{split}-{kind}"])
            if found != promised:
                what = "pixels" if kind == "images" else "labels"
                raise DataError(
                    f"the {split} {what} are not those of {called(info.name)}: sha256 {found[:12]}…, "
                    f"expected {promised[:12]}…"
                )


def _install(info: DatasetInfo, arrays: Mapping[str, Array]) -> None:
    """Check a dataset and put it in its place; the caller holds the lock."""
    arrays = {
        name: np.ascontiguousarray(a, dtype=np.uint8 if "images" in name else "<i8") for name, a in arrays.items()
    }
    try:
        _check_shapes(info, arrays)
    except ValueError as error:
        raise DataError(f"these are not the arrays of {called(info.name)}: {error}") from error
    _check_content(info, arrays)

    def write(folder: Path) -> None:
        for name in ARRAYS:
            with (folder / f"{name}.npy").open("wb") as file:
                np.save(file, arrays[name], allow_pickle=False)
                flush(file)

    replace_folder(info, write)
