"""The places of datasets in the cache: a folder for each, written whole or not at all.

A dataset lies in `<cache>/datasets/<identity>/`. It is written under another name, checked, synced to disk and renamed
while a file lock is held, so that what stands there is whole, whoever was killed when. `info.json` inside describes the
dataset and says how many bytes each other file must have; reading it checks that. What the files hold is for
`cache.py` (arrays) and `files.py` (lists of encoded images).
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainables.data.catalog import (
    DOWNLOADED,
    EMBEDDED,
    EVALUATION_SETS,
    DatasetInfo,
    cache_root,
    folder_of,
    is_content_name,
)
from trainables.errors import DataError
from trainables.trial import canonical_json

Array = npt.NDArray[Any]
SPLITS = ("train", "test")
INFO = "info.json"


def called(identity: str) -> str:
    """Return what sentences call a dataset."""
    return f"dataset {identity[:19]}…" if is_content_name(identity) else f"dataset {identity}"


def remedy(identity: str) -> str:
    """Return what to do where a dataset is missing or damaged."""
    if is_content_name(identity):
        return "run: sharptune data fetch FOLDER, with the folder it was read from"
    if identity in EVALUATION_SETS:
        return EVALUATION_SETS[identity].remedy
    if identity not in EMBEDDED and identity not in DOWNLOADED:
        return f"run: sharptune data fetch {identity} --folder FOLDER, with the folder that holds it"
    return f"run: sharptune data fetch {identity}"


def read_record(identity: str) -> DatasetInfo:
    """Return the description that stands beside a dataset's files, once these have the sizes that they should.

    Raises: OSError, ValueError, KeyError, TypeError when they have not.
    """
    folder = folder_of(identity)
    record = json.loads((folder / INFO).read_bytes())
    if not isinstance(record, dict) or record.get("digest") != _digest(record):
        raise ValueError("info.json fails its check")
    for name, size in record["bytes"].items():
        found = (folder / name).stat().st_size
        if found != size:
            raise ValueError(f"{name} has {found} bytes, not {size}")
    return DatasetInfo.from_json(record["info"])


@contextlib.contextmanager
def locked(identity: str) -> Iterator[None]:
    """Hold the lock of one dataset's place; the kernel drops it when the process dies. Raises: DataError."""
    folder = folder_of(identity)
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


def replace_folder(info: DatasetInfo, write: Callable[[Path], None]) -> None:
    """Put a dataset in its place: its files by `write`, then `info.json`; the caller holds the lock."""
    folder = folder_of(info.name)
    _clear(folder)  # what a process left that died at this, under this same lock
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        write(fresh)
        _write_record(fresh, info)
        if folder.exists():
            folder.rename(f"{fresh}.damaged")  # a process that has it mapped keeps it
            shutil.rmtree(f"{fresh}.damaged")
        fresh.rename(folder)
        _sync(folder.parent)
    finally:
        _clear(folder)


def rename_classes(info: DatasetInfo, names: tuple[str, ...]) -> None:
    """Write other names of the classes beside a dataset that is in its place. Raises: DataError."""
    folder = folder_of(info.name)
    with locked(info.name), tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as place:
        sizes = json.loads((folder / INFO).read_bytes())["bytes"]
        _write_info(Path(place), replace(info, class_names=names), sizes)
        Path(place, INFO).replace(folder / INFO)
        _sync(folder)


def digest(array: Array) -> str:
    """Return the sha256 of an array's values in C order."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def flush(file: Any) -> None:
    """Make sure that what was written to an open file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def _write_record(folder: Path, info: DatasetInfo) -> None:
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    _write_info(folder, info, sizes)
    folder.chmod(0o755)
    _sync(folder)


def _write_info(folder: Path, info: DatasetInfo, sizes: Mapping[str, int]) -> None:
    record: dict[str, Any] = {"info": info.to_json(), "bytes": dict(sizes)}
    record["digest"] = _digest(record)
    with (folder / INFO).open("w") as file:
        json.dump(record, file, indent=1)
        flush(file)


def _digest(record: Mapping[str, Any]) -> str:
    content = canonical_json({key: value for key, value in record.items() if key != "digest"})
    return hashlib.sha256(content.encode()).hexdigest()


def _clear(folder: Path) -> None:
    for leftover in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
