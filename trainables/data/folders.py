"""A folder that a user names, read into the cache under the digest of its content.

Known layouts: `cifar-10-batches-py`, `cifar-100-python`; Parquet files as Hugging Face datasets have them; one folder
for each class (`train/cat/1.png`, torchvision's ImageFolder).
"""

import contextlib
import hashlib
import json
import os
import pkgutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainables.data import cache, cifar100
from trainables.data.catalog import DATASETS, DatasetInfo, cache_root, is_content_name
from trainables.data.cifar10 import TEST_BATCHES, TRAIN_BATCHES, read_batches
from trainables.data.decoding import DamagedImage, size_of
from trainables.data.file_folders import Progress, import_files, silent
from trainables.data.layouts import class_counts, class_folders, class_names, encoded_splits
from trainables.data.parquet_folder import LARGEST_ARRAY, EncodedSplit, Images, NotOneArray, arrays, decode_split
from trainables.data.store import digest
from trainables.data.tree import printable, walk
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
    if known is not None:
        return known
    started = time.time()
    identity = _import(folder, progress)
    if state and max(changed for _, _, changed, _ in state) / 1e9 < started - _SETTLED_SECONDS:
        _remember(state, identity)
    return identity


def _import(folder: Path, progress: Progress) -> str:
    published = find_pickled(folder)
    if published is not None and published[0] is _CIFAR100 and cifar100.is_published(published[1]):
        import_known("cifar100", published[1])
        return "cifar100"
    try:
        splits = read_folder(folder)
        info = _describe(folder, splits)
    except (NotOneArray, DamagedImage) as error:
        encoded = encoded_splits(folder)
        if isinstance(error, DamagedImage) and _of_one_array(encoded):
            raise
        return import_files(folder, encoded, progress=progress)
    cache.install(info, arrays(splits))
    cache.agree_on_names(folder, info)
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
        described = completed(folder, info, splits)
        found = (info.sha256 or described.sha256, info.labels_sha256 or described.labels_sha256) == _digests(splits)
        if found:
            cache.install(described, arrays(splits))
    if not found:
        raise DataError(
            f"{folder} does not hold {info.title}: its images are not the official ones, or not in their order"
        )


def read_folder(folder: Path) -> dict[str, Images]:
    """Return the `train` and `test` splits of a folder in any known layout, decoded.

    Raises: NotOneArray; DamagedImage; DataError.
    """
    pickled = find_pickled(folder)
    if pickled is not None:
        return pickled[0].read(pickled[1])
    return {split: decode_split(part) for split, part in encoded_splits(folder).items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pickled:
    """A layout of pickled arrays, in files of these names."""

    folder: str
    files: tuple[str, ...]
    archive: str
    read: Callable[[Path], dict[str, Images]]


_CIFAR10 = Pickled(
    folder="cifar-10-batches-py",
    files=(*TRAIN_BATCHES, *TEST_BATCHES),
    archive="cifar-10-python.tar.gz",
    read=read_batches,
)
_CIFAR100 = Pickled(
    folder=cifar100.FOLDER, files=cifar100.FILES, archive="cifar-100-python.tar.gz", read=cifar100.read_files
)


def find_pickled(folder: Path) -> tuple[Pickled, Path] | None:
    """Return the layout of pickled arrays that a folder has, or one in it, and its place; None where there is none.

    Raises: DataError where files of it lack, or there is another dataset beside it.
    """
    found: list[tuple[Pickled, Path]] = []
    for kind in (_CIFAR10, _CIFAR100):
        for place in (folder, folder / kind.folder):
            missing = [name for name in kind.files if not (place / name).is_file()]
            if len(missing) * 2 < len(kind.files) or (place.resolve().name == kind.folder and place.is_dir()):
                found.append((kind, place))
                if missing:
                    lack = f"{place} lacks {' and '.join(missing)}"
                    raise DataError(f"{lack}: unpack {kind.archive} again, which holds all {len(kind.files)} files")
    others = [path.name for paths in class_folders(folder).values() for path in paths] if found else []
    if len(found) > 1 or others:
        names = ", ".join([*(place.name for _, place in found), *others])
        raise DataError(f"{folder} holds several datasets, {names}; name one of them, or move the others away")
    return found[0] if found else None


def completed(folder: Path, info: DatasetInfo, splits: Mapping[str, Images]) -> DatasetInfo:
    """Return a description of the catalog with what it does not know of its images before they are here."""
    if info.sha256:
        return info
    counts = {
        split: class_counts(folder, split, part.labels, info.class_names, some=True) for split, part in splits.items()
    }
    if (counts["train"], counts["test"]) != (info.train_counts, info.test_counts):
        raise DataError(f"{folder} does not hold {info.title}: it has other numbers of images of a class")
    sha256, labels_sha256 = _digests(splits)
    half = splits["train"].labels[: len(splits["train"].labels) // 2]
    first_half = class_counts(folder, "train", half, info.class_names, some=True)
    return replace(info, sha256=sha256, labels_sha256=labels_sha256, train_first_half_counts=first_half)


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
        "title": printable(folder.resolve().name),
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


State = list[tuple[str, int, int, str]]
_RULES = 2
"""Raised when folders are read by other rules: what was remembered before is then read again."""


def _state(folder: Path) -> State:
    """Return all that says whether a folder is as it was: of every file and folder in it, behind links too.

    That is its path, its size and the time of its last change in nanoseconds (of folders none), and where a link leads.
    Nothing for a folder without files, which may be one that is not mounted. Raises: DataError.
    """
    state: State = []
    any_file = False
    for entry in walk(folder):
        leads = os.path.realpath(entry.path) if entry.is_symlink() else ""
        if entry.is_dir():
            state.append((str(Path(entry.path).absolute()), -1, 0, leads))
            continue
        any_file = True
        try:
            found = entry.stat()
        except OSError as error:
            raise DataError(f"{entry.path} cannot be read: {error.strerror}") from error
        changed = max(found.st_mtime_ns, found.st_ctime_ns)
        state.append((str(Path(entry.path).absolute()), found.st_size, changed, leads))
    return state if any_file else []


def _memory(state: State) -> Path:
    return cache_root() / "folders" / hashlib.sha256(json.dumps([_RULES, state]).encode()).hexdigest()


def _remembered(state: State) -> str | None:
    """Return the identity that a folder had in this state, if what the cache holds is still what was read then."""
    if not state:
        return None
    try:
        identity, names = json.loads(_memory(state).read_text())
        if not (identity in DATASETS or is_content_name(identity)) or not cache.present(identity):
            return None
        return identity if names == list(cache.read_info(identity).class_names) else None
    except (OSError, ValueError, TypeError, DataError):
        return None


def _remember(state: State, identity: str) -> None:
    path = _memory(state)
    with contextlib.suppress(OSError):  # only a convenience: without it the folder is read again
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            json.dump([identity, cache.read_info(identity).class_names], file)
        Path(file.name).replace(path)
