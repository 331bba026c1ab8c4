"""A folder whose images stay encoded, listed in the cache under the digest of its content, or as a known dataset."""

import hashlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trainables.data import files
from trainables.data.cache import agree_on_names
from trainables.data.catalog import DATASETS, EMBEDDED, IMAGENET_MEAN, IMAGENET_SIZE, IMAGENET_STD, DatasetInfo
from trainables.data.layouts import ClassFolder, class_counts, class_names, encoded_splits, read_image
from trainables.data.parquet_folder import EncodedSplit
from trainables.data.store import digest
from trainables.data.tree import check_name, printable
from trainables.errors import DataError

Progress = Callable[[str], None]
"""Is told, in a few words, what is going on; at most once a second."""

_READERS = 8
"""Threads that read and digest files: what they wait for is the disk."""
_AT_ONCE = 1024
_TELL_SECONDS = 1.0


def silent(message: str) -> None:
    """Tell nobody."""


def read_imagenet(folder: Path) -> dict[str, EncodedSplit]:
    """Return ImageNet's splits, out of a folder of Parquet files or of one folder per class.

    The validation images are what networks are tested on; ImageNet's test images have no labels.

    Raises: DataError unless classes and images have ImageNet's numbers.
    """
    splits = encoded_splits(folder, held_out=("validation", "test"))
    expected = DATASETS["imagenet"]
    classes, train, test = len(class_names(folder, splits)), len(splits["train"].labels), len(splits["test"].labels)
    if (classes, train, test) != (expected.classes, expected.train_images, expected.test_images):
        raise DataError(
            f"{folder} does not hold {expected.title}: it has {classes:,} classes, {train:,} training and {test:,} "
            f"validation images, not {expected.classes:,}, {expected.train_images:,} and {expected.test_images:,}"
        )
    return splits


def import_files(
    folder: Path, splits: Mapping[str, EncodedSplit], *, name: str | None = None, progress: Progress = silent
) -> str:
    """List a folder's images in the cache and return its identity: the digest of its content, unless it has a name.

    Every image is read, and none decoded: pixels are scaled by ImageNet's mean and standard deviation, as is usual.

    Raises: DataError.
    """
    names = class_names(folder, splits)
    counts = {split: class_counts(folder, split, part.labels, names) for split, part in splits.items()}
    listings = {split: _listing(split, part, progress) for split, part in splits.items()}
    fields = {
        "title": DATASETS[name].title if name else printable(folder.resolve().name),
        "classes": len(names),
        "class_names": names,
        "mean": IMAGENET_MEAN,
        "std": IMAGENET_STD,
        "image_size": IMAGENET_SIZE,
        "train_counts": counts["train"],
        "train_first_half_counts": (),  # no search reads files
        "test_counts": counts["test"],
        "sha256": {split: listing.digest() for split, listing in listings.items()},
        "labels_sha256": {split: digest(part.labels.astype("<i8")) for split, part in splits.items()},
        "stored": "files",
    }
    info = DatasetInfo(name=name or files.content_name(DatasetInfo(name="", **fields)), **fields)
    known = DATASETS[name].sha256 if name else {}
    if known and dict(known) != fields["sha256"]:
        official = "those that were shipped" if name in EMBEDDED else "the official ones, or not in their order"
        raise DataError(f"{folder} does not hold {info.title}: its images are not {official}")
    files.install(info, listings)
    agree_on_names(folder, info)
    return info.name


def _listing(split: str, part: EncodedSplit, progress: Progress) -> files.Listing:
    """Return a split as the cache lists it: images of a folder stay there, those of Parquet files are copied."""
    count = len(part.labels)
    if isinstance(part, ClassFolder):
        check_name(part.place.resolve())
        names = [str(check_name(path).relative_to(part.place)) for path in part.paths]
        digests = list(_told(_digests(part.paths), split, count, progress))
        return files.Listing(names=names, labels=part.labels, sha256=digests, folder=part.place)
    pairs = ((where.rstrip(","), hashlib.sha256(data).digest()) for where, data in part.encoded())
    found = list(_told(pairs, split, count, progress))
    return files.Listing(
        names=[where for where, _ in found],
        labels=part.labels,
        sha256=[sha256 for _, sha256 in found],
        folder=None,
        encoded=(data for _, data in part.encoded()),
    )


def _digests(paths: list[Path]) -> Iterator[bytes]:
    """Yield the digest of each file. Raises: DataError."""
    with ThreadPoolExecutor(_READERS) as readers:
        for start in range(0, len(paths), _AT_ONCE):
            yield from readers.map(_digest, paths[start : start + _AT_ONCE])


def _digest(path: Path) -> bytes:
    return hashlib.sha256(read_image(path)).digest()


def _told(items: Iterable, split: str, count: int, progress: Progress) -> Iterator:
    """Yield items, and tell now and then how many there were."""
    said = time.monotonic()
    for number, item in zip(itertools.count(1), items, strict=False):
        if time.monotonic() - said >= _TELL_SECONDS:
            said = time.monotonic()
            progress(f"{split}: {number:,} of {count:,} images read")
        yield item
