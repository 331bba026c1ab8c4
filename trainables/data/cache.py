"""The dataset cache: one memory-mapped array per split, which all trials on a machine share.

A dataset lies in `<cache>/datasets/<identity>/`. It is written under another name, checked, synced to disk and renamed
while a file lock is held, so that what stands there is whole, whoever was killed when. `info.json` inside says how many
bytes each file must have; opening checks that and the arrays' shapes. The digests of the content are checked when it
is installed, and by `verify`.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainables.data.catalog import DATASETS, EMBEDDED, EVALUATION_SETS, DatasetInfo, cache_root, is_content_name
from trainables.errors import DataError, unknown_name
from trainables.trial import canonical_json

Array = npt.NDArray[Any]
SPLITS = ("train", "test")
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
    return _problem(identity) is None


def ensure(identity: str) -> None:
    """Make sure that a dataset is in the cache; one that ships with the package is unpacked when it is not.

    Raises: UnknownName; DataError, saying the command that gets it.
    """
    problem = _problem(identity)
    if problem is None:
        return
    if identity not in EMBEDDED:
        raise DataError(f"{problem}; {_remedy(identity)}")
    with _locked(identity):
        if _problem(identity) is not None:
            from trainables.data.cifar10 import read_mini

            _install(DATASETS[identity], read_mini())


def open_dataset(identity: str) -> Dataset:
    """Return a dataset with its arrays memory-mapped. Raises: UnknownName; DataError (see `ensure`)."""
    ensure(identity)
    try:
        info, arrays = _open(identity)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{_called(identity)} cannot be read from the cache: {error}; {_remedy(identity)}") from error
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
    with _locked(info.name):
        if _problem(info.name) is not None:
            _install(info, arrays)


def verify(identity: str) -> None:
    """Read a whole dataset and compare its digests. Raises: UnknownName; DataError."""
    dataset = open_dataset(identity)
    _check_content(dataset.info, _arrays(dataset))


def pack(identity: str) -> dict[str, Any]:
    """Return a dataset as plain values and arrays, to be sent to another machine. Raises: UnknownName; DataError."""
    dataset = open_dataset(identity)
    return {"info": dataset.info.to_json(), "arrays": {name: np.asarray(a) for name, a in _arrays(dataset).items()}}


def unpack(packed: Mapping[str, Any]) -> str:
    """Install what `pack` returned, and return its identity. Raises: DataError when it arrived damaged."""
    info = DatasetInfo.from_json(packed["info"])
    install(info, packed["arrays"])
    return info.name


def read_info(identity: str) -> DatasetInfo:
    """Return the description of a dataset in the cache. Raises: UnknownName; DataError."""
    problem = _problem(identity)
    if problem is not None:
        raise DataError(f"{problem}; {_remedy(identity)}")
    return _open(identity)[0]


def digest(array: Array) -> str:
    """Return the sha256 of an array's values in C order."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def content_name(info: DatasetInfo) -> str:
    """Return the identity of a user's dataset: the sha256 of the sizes and digests of its pixels and labels."""
    content = {
        "classes": info.classes,
        "image_size": info.image_size,
        "pixels": dict(info.sha256),
        "labels": dict(info.labels_sha256),
    }
    return "sha256:" + hashlib.sha256(canonical_json(content).encode()).hexdigest()


def _arrays(dataset: Dataset) -> dict[str, Array]:
    return {
        "train-images": dataset.train.images,
        "train-labels": dataset.train.labels,
        "test-images": dataset.test.images,
        "test-labels": dataset.test.labels,
    }


def _folder(identity: str) -> Path:
    return cache_root() / "datasets" / identity.replace(":", "-")


def _called(identity: str) -> str:
    return f"dataset {identity[:19]}…" if is_content_name(identity) else f"dataset {identity}"


def _remedy(identity: str) -> str:
    if is_content_name(identity):
        return "run: sharptune data fetch FOLDER, with the folder it was read from"
    if identity in EVALUATION_SETS:
        return EVALUATION_SETS[identity].remedy
    return f"run: sharptune data fetch {identity}"


def _problem(identity: str) -> str | None:
    """Return what keeps a dataset from being opened, or None. Raises: UnknownName."""
    if identity not in DATASETS and identity not in EVALUATION_SETS and not is_content_name(identity):
        raise unknown_name("dataset", identity, DATASETS)
    if not _folder(identity).is_dir():
        return f"{_called(identity)} is not on this machine"
    try:
        _open(identity)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{_called(identity)} is damaged in the cache ({error})"
    return None


def _open(identity: str) -> tuple[DatasetInfo, dict[str, Array]]:
    """Map a dataset's arrays. Raises: OSError, ValueError, KeyError, TypeError when the files do not fit."""
    folder = _folder(identity)
    record = json.loads((folder / "info.json").read_bytes())
    if not isinstance(record, dict) or record.get("digest") != _record_digest(record):
        raise ValueError("info.json fails its check")
    stored = DatasetInfo.from_json(record["info"])
    info = DATASETS.get(identity, stored)
    if (stored.sha256, stored.labels_sha256) != (info.sha256, info.labels_sha256):
        raise ValueError("it is of another version")
    arrays: dict[str, Array] = {}
    for name in ARRAYS:
        path = folder / f"{name}.npy"
        if path.stat().st_size != record["bytes"][name]:
            raise ValueError(f"{path.name} has {path.stat().st_size} bytes, not {record['bytes'][name]}")
        # Copy on write: still shared between processes, and torch takes it without a warning.
        arrays[name] = np.load(path, mmap_mode="c", allow_pickle=False)
    _check_shapes(info, arrays)
    return info, arrays


def _record_digest(record: Mapping[str, Any]) -> str:
    content = canonical_json({key: value for key, value in record.items() if key != "digest"})
    return hashlib.sha256(content.encode()).hexdigest()


def _check_shapes(info: DatasetInfo, arrays: Mapping[str, Array]) -> None:
    for split, count in (("train", info.train_images), ("test", info.test_images)):
        images, labels = arrays[f"{split}-images"], arrays[f"{split}-labels"]
        if images.shape != (count, info.image_size, info.image_size, 3) or images.dtype != np.uint8:
            raise ValueError(f"{split}-images has shape {images.shape} of {images.dtype}")
        if labels.shape != (count,) or labels.dtype != np.dtype("<i8"):
            raise ValueError(f"{split}-labels has shape {labels.shape} of {labels.dtype}")


def _check_content(info: DatasetInfo, arrays: Mapping[str, Array]) -> None:
    if is_content_name(info.name) and content_name(info) != info.name:
        raise DataError(f"{_called(info.name)} is not what its name says")
    for split in SPLITS:
        for kind, promised in (("images", info.sha256[split]), ("labels", info.labels_sha256[split])):
            found = digest(arrays[f"{split}-{kind}"])
            if found != promised:
                what = "pixels" if kind == "images" else "labels"
                raise DataError(
                    f"the {split} {what} are not those of {_called(info.name)}: sha256 {found[:12]}…, "
                    f"expected {promised[:12]}…"
                )


@contextlib.contextmanager
def _locked(identity: str) -> Iterator[None]:
    """Hold the lock of one dataset's place in the cache; the kernel drops it when the process dies."""
    folder = _folder(identity)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise DataError(
            f"cannot write the dataset cache {cache_root()}: {error.strerror or error}; "
            "set SHARPTUNE_CACHE to a folder with room that you may write"
        ) from error


def _install(info: DatasetInfo, arrays: Mapping[str, Array]) -> None:
    """Write a dataset's folder and rename it into place; the caller holds the lock."""
    arrays = {
        name: np.ascontiguousarray(a, dtype=np.uint8 if "images" in name else "<i8") for name, a in arrays.items()
    }
    try:
        _check_shapes(info, arrays)
    except ValueError as error:
        raise DataError(f"these are not the arrays of {_called(info.name)}: {error}") from error
    _check_content(info, arrays)
    folder = _folder(info.name)
    for leftover in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(leftover, ignore_errors=True)  # of a process that died at this, under this same lock
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _write(fresh, info, arrays)
        if folder.exists():
            folder.rename(f"{fresh}.damaged")  # a process that has it mapped keeps it
            shutil.rmtree(f"{fresh}.damaged")
        fresh.rename(folder)
        _sync(folder.parent)
    finally:
        for leftover in folder.parent.glob(f".{folder.name}.*"):
            shutil.rmtree(leftover, ignore_errors=True)


def _write(folder: Path, info: DatasetInfo, arrays: Mapping[str, Array]) -> None:
    sizes: dict[str, int] = {}
    for name in ARRAYS:
        path = folder / f"{name}.npy"
        with path.open("wb") as file:
            np.save(file, arrays[name], allow_pickle=False)
            _flush(file.fileno(), file)
        sizes[name] = path.stat().st_size
    record: dict[str, Any] = {"info": info.to_json(), "bytes": sizes}
    record["digest"] = _record_digest(record)
    with (folder / "info.json").open("w") as file:
        json.dump(record, file, indent=1)
        _flush(file.fileno(), file)
    folder.chmod(0o755)
    _sync(folder)


def _flush(descriptor: int, file: Any) -> None:
    file.flush()
    os.fsync(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
