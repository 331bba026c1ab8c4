"""The layouts of folders that users name: Parquet files as Hugging Face datasets have them, or one folder per class.

What lies in them is left encoded here, and is told by class and name only.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainables.data.parquet_folder import SPLIT_WORDS, EncodedSplit, Images, ParquetSplit, find_parquet
from trainables.errors import DataError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".webp", ".gif", ".tif", ".tiff"})
HELD_OUT_SPLITS = ("test", "validation")
"""What a dataset's test images may be called, the first that is there before the others."""


class ClassFolder:
    """One folder for each class: the first image of each class, then the second of each, and so on.

    In the order of the files, the two halves of a search would hold different classes.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.source = str(place)
        names = tuple(sorted(path.name for path in place.iterdir() if path.is_dir()))
        files: list[tuple[int, int, Path]] = []
        for label, name in enumerate(names):
            paths = sorted(p for p in (place / name).rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
            files += [(number, label, path) for number, path in enumerate(paths)]
        files.sort(key=lambda file: file[:2])
        self.class_names: tuple[str, ...] | None = names
        self.labels = np.array([label for _, label, _ in files], dtype=np.int64)
        self.paths = [path for _, _, path in files]

    def encoded(self) -> Iterator[tuple[str, bytes]]:
        """Yield each image's bytes, and its path. Raises: DataError."""
        for path in self.paths:
            try:
                yield str(path), path.read_bytes()
            except OSError as error:
                raise DataError(f"{path} cannot be read: {error.strerror}") from error


def encoded_splits(folder: Path, *, held_out: Sequence[str] = HELD_OUT_SPLITS) -> dict[str, EncodedSplit]:
    """Return the `train` and `test` splits of a folder. Raises: DataError."""
    parquet = find_parquet(folder)
    found: Mapping[str, object] = parquet or _class_folders(folder)
    test = next((split for split in held_out if split in found), None)
    if "train" not in found or test is None:
        has = f"only {', '.join(sorted(found))}" if found else "no dataset"
        raise DataError(
            f"{folder} holds {has}; a dataset has train and test (or validation) images, as train-*.parquet and "
            "test-*.parquet, as train/CLASS/*.png and test/CLASS/*.png, or as cifar-10-batches-py"
        )
    if parquet:
        return {"train": ParquetSplit(parquet["train"]), "test": ParquetSplit(parquet[test])}
    classes = _class_folders(folder)
    return {"train": ClassFolder(classes["train"]), "test": ClassFolder(classes[test])}


def _class_folders(root: Path) -> dict[str, Path]:
    """Return the folder of each split of an ImageFolder."""
    found: dict[str, Path] = {}
    for path in sorted(root.iterdir()):
        split = SPLIT_WORDS.get(path.name.lower())
        if split is not None and path.is_dir():
            found.setdefault(split, path)
    return found


def class_names(folder: Path, splits: Mapping[str, EncodedSplit] | Mapping[str, Images]) -> tuple[str, ...]:
    """Return the names of a folder's classes; numbers where it does not name them. Raises: DataError."""
    train, test = splits["train"].class_names, splits["test"].class_names
    if train is None:
        highest = int(max(part.labels.max(initial=-1) for part in splits.values()))
        return tuple(str(label) for label in range(highest + 1))
    if test is not None and test != train:
        raise DataError(f"train and test of {folder} name different classes: {_some(train)}; {_some(test)}")
    return train


def _some(names: tuple[str, ...]) -> str:
    return ", ".join([*names[:20], "…"] if len(names) > 20 else names)


def class_counts(
    folder: Path, split: str, labels: npt.NDArray[np.int64], names: tuple[str, ...], *, some: bool = False
) -> tuple[int, ...]:
    """Return the images of each class. Raises: DataError for labels out of range, or a class that cannot be learned.

    `some`: these are not all images of the split.
    """
    if len(labels) and (labels.min() < 0 or labels.max() >= len(names)):
        wrong = labels[(labels < 0) | (labels >= len(names))][0]
        raise DataError(f"the {split} images of {folder} have a label {wrong}; labels go from 0 to {len(names) - 1}")
    counts = tuple(int(count) for count in np.bincount(labels, minlength=len(names)))
    if split == "train" and not some and 0 in counts:
        raise DataError(f"class {names[counts.index(0)]!r} of {folder} has no training image")
    return counts
