"""A folder that a user names, read into the cache under the digest of its content.

Known layouts: `cifar-10-batches-py`; Parquet files as Hugging Face datasets have them; one folder for each class
(`train/cat/1.png`, torchvision's ImageFolder).
"""

import contextlib
import hashlib
import json
import os
import pkgutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainables.data import cache
from trainables.data.catalog import DATASETS, DatasetInfo, cache_root, is_content_name
from trainables.data.cifar10 import TEST_BATCHES, TRAIN_BATCHES, read_batches
from trainables.data.decoding import DamagedImage, size_of
from trainables.data.file_folders import Progress, import_files, silent
from trainables.data.layouts import class_counts, class_names, encoded_splits
from trainables.data.parquet_folder import LARGEST_ARRAY, EncodedSplit, Images, NotOneArray, arrays, decode_split
from trainables.data.store import digest
from trainables.errors import DataError

_SETTLED_SECONDS = 2.0
"""A file changed later than this before it was read may change again within its clock's tick."""


def import_folder(folder: Path, *, progress: Progress = silent) -> str:
    """Read a folder into the cache and return its identity: a catalog name where the content is that dataset's.

    Square images of one size become arrays, unless those were larger than LARGEST_ARRAY. All others stay encoded, and
    are cut to one size when they are read (`files.py`). An image that cannot be decoded is an error where the images
    become arrays; elsewhere it is left to the training.

    A folder whose files have the same names, sizes and times as when it was read before is not read again.

    Raises: DataError, with what is wrong in one sentence.
    """
    state = _state(folder)
    known = _remembered(state)
    if known is not None and cache.present(known):
        return known
    started = time.time()
    identity = _import(folder, progress)
    if max((changed for _, _, changed in state), default=0) / 1e9 < started - _SETTLED_SECONDS:
        _remember(state, identity)
    return identity


def _import(folder: Path, progress: Progress) -> str:
    try:
        splits = read_folder(folder)
        info = _describe(folder, splits)
    except (NotOneArray, DamagedImage) as error:
        encoded = encoded_splits(folder)
        if isinstance(error, DamagedImage) and _of_one_array(encoded):
            raise
        return import_files(folder, encoded, progress=progress)
    cache.install(info, arrays(splits))
    return info.name


def _of_one_array(splits: Mapping[str, EncodedSplit]) -> bool:
    """Say whether the images could be one array for each split, those that can be read at all."""
    sizes = {size_of(data) for part in splits.values() for _, data in part.encoded()} - {None}
    most = max(len(part.labels) for part in splits.values())
    return len(sizes) < 2 and all(
        size and size[0] == size[1] and 3 * size[0] ** 2 * most <= LARGEST_ARRAY for size in sizes
    )


def import_known(name: str, folder: Path, *, progress: Progress = silent) -> None:
    """Bring a dataset of the catalog into the cache from the folder that holds its files.

    Raises: DataError, with what is wrong in one sentence; also where the images are others.
    """
    info = DATASETS[name]
    read = pkgutil.resolve_name(info.reader) if info.reader else None
    if info.stored == "files":
        import_files(folder, (read or encoded_splits)(folder), name=name, progress=progress)
        return
    if read is None:
        found = import_folder(folder) == name
    else:
        splits = read(folder)
        found = _digests(splits) == (info.sha256, info.labels_sha256)
        if found:
            cache.install(info, arrays(splits))
    if not found:
        raise DataError(
            f"{folder} does not hold {info.title}: its images are not the official ones, or not in their order"
        )


def read_folder(folder: Path) -> dict[str, Images]:
    """Return the `train` and `test` splits of a folder in any known layout, decoded.

    Raises: NotOneArray; DamagedImage; DataError.
    """
    for place in (folder, folder / "cifar-10-batches-py"):
        if all((place / name).is_file() for name in (*TRAIN_BATCHES, *TEST_BATCHES)):
            return read_batches(place)
    return {split: decode_split(part) for split, part in encoded_splits(folder).items()}


def _describe(folder: Path, splits: Mapping[str, Images]) -> DatasetInfo:
    """Return the description of a user's dataset; the catalog's, where the content is a known dataset's."""
    names = class_names(folder, splits)
    counts = {split: class_counts(folder, split, part.labels, names) for split, part in splits.items()}
    train, test = splits["train"], splits["test"]
    if train.images.shape[1:] != test.images.shape[1:]:
        sizes = f"{train.images.shape[1]} and {test.images.shape[1]} pixels"
        raise NotOneArray(f"the train and test images of {folder} have different sizes, {sizes}")
    mean, std = channel_statistics(train.images)
    sha256, labels_sha256 = _digests(splits)
    first_half = train.labels[: len(train.labels) // 2]
    fields = {
        "title": folder.resolve().name,
        "classes": len(names),
        "class_names": names,
        "mean": mean,
        "std": std,
        "image_size": train.images.shape[1],
        "train_counts": counts["train"],
        "train_first_half_counts": class_counts(folder, "train", first_half, names, some=True),
        "test_counts": counts["test"],
        "sha256": sha256,
        "labels_sha256": labels_sha256,
    }
    for known in DATASETS.values():
        if (known.sha256, known.labels_sha256) == (sha256, labels_sha256):
            return known
    unnamed = DatasetInfo(name="", **fields)
    return DatasetInfo(name=cache.content_name(unnamed), **fields)


def _digests(splits: Mapping[str, Images]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the digests of each split's pixels, and of its labels."""
    pixels = {split: digest(part.images) for split, part in splits.items()}
    return pixels, {split: digest(part.labels.astype("<i8")) for split, part in splits.items()}


Triple = tuple[float, float, float]


def channel_statistics(images_NHWC: npt.NDArray[np.uint8]) -> tuple[Triple, Triple]:
    """Return mean and standard deviation of each channel, on the scale 0 to 1; 1 for a channel that never changes.

    Summed in whole numbers, so that every machine gets the same.
    """
    means: list[float] = []
    deviations: list[float] = []
    for channel in range(3):
        histogram = np.zeros(256, dtype=np.int64)
        for part in np.array_split(images_NHWC[..., channel], max(1, len(images_NHWC) // 4096)):
            histogram += np.bincount(part.ravel(), minlength=256)
        count = int(histogram.sum())
        total = sum(value * int(times) for value, times in enumerate(histogram))
        squares = sum(value * value * int(times) for value, times in enumerate(histogram))
        means.append(total / count / 255)
        deviations.append(((squares * count - total * total) ** 0.5 / count / 255) or 1.0)
    return (means[0], means[1], means[2]), (deviations[0], deviations[1], deviations[2])


State = list[tuple[str, int, int]]


def _state(folder: Path) -> State:
    """Return path, size and time of last change, in nanoseconds, of every file of a folder."""
    state: State = []
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(place, name)
            try:
                found = path.stat()
            except OSError as error:
                raise DataError(f"{path} cannot be read: {error.strerror}") from error
            state.append((str(path.absolute()), found.st_size, max(found.st_mtime_ns, found.st_ctime_ns)))
    return state


def _memory(state: State) -> Path:
    return cache_root() / "folders" / hashlib.sha256(json.dumps(state).encode()).hexdigest()


def _remembered(state: State) -> str | None:
    try:
        identity = _memory(state).read_text()
    except OSError:
        return None
    return identity if identity in DATASETS or is_content_name(identity) else None


def _remember(state: State, identity: str) -> None:
    path = _memory(state)
    with contextlib.suppress(OSError):  # only a convenience: without it the folder is read again
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            file.write(identity)
        Path(file.name).replace(path)
