"""A folder that a user names, read into the cache under the digest of its content.

Known layouts: `cifar-10-batches-py`; Parquet files as Hugging Face datasets have them; one folder for each class
(`train/cat/1.png`, torchvision's ImageFolder).
"""

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainables.data import cache
from trainables.data.catalog import DATASETS, DatasetInfo, cache_root
from trainables.data.cifar10 import TEST_BATCHES, TRAIN_BATCHES, arrays, read_batches
from trainables.data.parquet_folder import SPLIT_WORDS, Images, decode_image, find_parquet, read_parquet, stack_images
from trainables.errors import DataError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".webp", ".gif", ".tif", ".tiff"})
_SETTLED_SECONDS = 2.0
"""A file changed later than this before it was read may change again within its clock's tick."""


def import_folder(folder: Path) -> str:
    """Read a folder into the cache and return its identity: a catalog name where the content is that dataset's.

    A folder whose files have the same names, sizes and times as when it was read before is not read again.

    Raises: DataError, with what is wrong in one sentence.
    """
    state = _state(folder)
    known = _remembered(state)
    if known is not None and cache.present(known):
        return known
    started = time.time()
    splits = read_folder(folder)
    info = _describe(folder, splits)
    cache.install(info, arrays(splits))
    if max((changed for _, _, changed in state), default=0) / 1e9 < started - _SETTLED_SECONDS:
        _remember(state, info.name)
    return info.name


def read_folder(folder: Path) -> dict[str, Images]:
    """Return the `train` and `test` splits of a folder in any known layout. Raises: DataError."""
    for place in (folder, folder / "cifar-10-batches-py"):
        if all((place / name).is_file() for name in (*TRAIN_BATCHES, *TEST_BATCHES)):
            return read_batches(place)
    found = find_parquet(folder)
    readers = {split: lambda paths=paths: read_parquet(paths) for split, paths in found.items()}
    if not readers:
        classes = _class_folders(folder)
        readers = {split: lambda place=place: _read_classes(place) for split, place in classes.items()}
    held_out = next((split for split in ("test", "validation") if split in readers), None)
    if "train" not in readers or held_out is None:
        has = f"only {', '.join(sorted(readers))}" if readers else "no dataset"
        raise DataError(
            f"{folder} holds {has}; a dataset has train and test (or validation) images, as train-*.parquet and "
            "test-*.parquet, as train/CLASS/*.png and test/CLASS/*.png, or as cifar-10-batches-py"
        )
    return {"train": readers["train"](), "test": readers[held_out]()}


def _class_folders(root: Path) -> dict[str, Path]:
    """Return the folder of each split of an ImageFolder."""
    found: dict[str, Path] = {}
    for path in sorted(root.iterdir()):
        split = SPLIT_WORDS.get(path.name.lower())
        if split is not None and path.is_dir():
            found.setdefault(split, path)
    return found


def _read_classes(place: Path) -> Images:
    """Return the images of one folder for each class: the first of each class, then the second of each, and so on.

    In the order of the files, the two halves of a search would hold different classes.
    """
    names = tuple(sorted(path.name for path in place.iterdir() if path.is_dir()))
    files: list[tuple[int, int, Path]] = []
    for label, name in enumerate(names):
        paths = sorted(p for p in (place / name).rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
        files += [(number, label, path) for number, path in enumerate(paths)]
    files.sort(key=lambda file: file[:2])

    def decoded() -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
        for _, _, path in files:
            yield str(path), decode_image(path.read_bytes(), str(path))

    return Images(
        images=stack_images(decoded(), len(files), str(place)),
        labels=np.array([label for _, label, _ in files], dtype=np.int64),
        class_names=names,
    )


def _describe(folder: Path, splits: Mapping[str, Images]) -> DatasetInfo:
    """Return the description of a user's dataset; the catalog's, where the content is a known dataset's."""
    names = _class_names(folder, splits)
    counts = {split: _counts(folder, split, part.labels, names) for split, part in splits.items()}
    train, test = splits["train"], splits["test"]
    if train.images.shape[1:] != test.images.shape[1:]:
        sizes = f"{train.images.shape[1]} and {test.images.shape[1]} pixels"
        raise DataError(f"the train and test images of {folder} have different sizes, {sizes}; all must have one size")
    mean, std = channel_statistics(train.images)
    fields = {
        "title": folder.resolve().name,
        "classes": len(names),
        "class_names": names,
        "mean": mean,
        "std": std,
        "image_size": train.images.shape[1],
        "train_counts": counts["train"],
        "train_first_half_counts": _counts(folder, "train", train.labels[: len(train.labels) // 2], names, some=True),
        "test_counts": counts["test"],
        "sha256": {split: cache.digest(part.images) for split, part in splits.items()},
        "labels_sha256": {split: cache.digest(part.labels.astype("<i8")) for split, part in splits.items()},
    }
    for known in DATASETS.values():
        if dict(known.sha256) == fields["sha256"] and dict(known.labels_sha256) == fields["labels_sha256"]:
            return known
    unnamed = DatasetInfo(name="", **fields)
    return DatasetInfo(name=cache.content_name(unnamed), **fields)


def _class_names(folder: Path, splits: Mapping[str, Images]) -> tuple[str, ...]:
    train, test = splits["train"].class_names, splits["test"].class_names
    if train is None:
        highest = int(max(part.labels.max() for part in splits.values()))
        return tuple(str(label) for label in range(highest + 1))
    if test is not None and test != train:
        raise DataError(f"train and test of {folder} name different classes: {', '.join(train)}; {', '.join(test)}")
    return train


def _counts(
    folder: Path, split: str, labels: npt.NDArray[np.int64], names: tuple[str, ...], *, some: bool = False
) -> tuple[int, ...]:
    """Return the images of each class. Raises: DataError for labels out of range, or a class that cannot be learned."""
    if labels.min() < 0 or labels.max() >= len(names):
        wrong = labels[(labels < 0) | (labels >= len(names))][0]
        raise DataError(f"the {split} images of {folder} have a label {wrong}; labels go from 0 to {len(names) - 1}")
    counts = tuple(int(count) for count in np.bincount(labels, minlength=len(names)))
    if split == "train" and not some and 0 in counts:
        raise DataError(f"class {names[counts.index(0)]!r} of {folder} has no training image")
    return counts


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
    return identity if identity in DATASETS or cache.is_content_name(identity) else None


def _remember(state: State, identity: str) -> None:
    path = _memory(state)
    with contextlib.suppress(OSError):  # only a convenience: without it the folder is read again
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            file.write(identity)
        Path(file.name).replace(path)
