"""The layouts of folders that users name: Parquet files as Hugging Face datasets have them, or one folder per class.

What lies in them is left encoded here, and is told by class and name only.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainables.data.decoding import FORMATS
from trainables.data.parquet_folder import EncodedSplit, Images, NoLabels, ParquetSplit
from trainables.data.tree import check_content, check_name, entries, files_in, folders_in
from trainables.errors import DataError

IMAGE_SUFFIXES = frozenset(
    {
        *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm"),
        *(".webp", ".gif", ".tif", ".tiff"),
    }
)
UNREADABLE_SUFFIXES = frozenset(
    {
        *(".heic", ".heif", ".avif", ".jp2", ".jxl", ".svg", ".tga", ".psd", ".dng", ".cr2", ".nef", ".exr", ".dcm"),
        *(".npy", ".npz", ".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".h5", ".parquet", ".tfrecord"),
    }
)
"""Images of other formats, or many in one file: a class that holds such would be read in part."""
TEXT_SUFFIXES = frozenset({".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".html", ".log"})
"""What is not looked into whether it be an image under another name."""
SPLIT_WORDS: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
}
HELD_OUT_SPLITS = ("test", "validation")
"""What a dataset's test images may be called, the first that is there before the others."""


_Found = Mapping[str, Sequence[Path]]
"""The files, or the folders, of each split."""


class ClassFolder:
    """One folder for each class: the first image of each class, then the second of each, and so on.

    In the order of the files, the two halves of a search would hold different classes. What is hidden (`tree.py`) is
    none of them; links are followed.
    """

    def __init__(self, place: Path) -> None:
        """Raises: DataError where something cannot be read, or an image would be left out."""
        self.place = place
        self.source = str(place)
        _refuse_images_outside(place)
        folders = [check_name(path, last=True) for path in folders_in(place)]
        files: list[tuple[int, int, Path]] = []
        for label, path in enumerate(folders):
            files += [(number, label, image) for number, image in enumerate(_images_in(path))]
        files.sort(key=lambda file: file[:2])
        self.class_names: tuple[str, ...] | None = tuple(path.name for path in folders)
        self.labels = np.array([label for _, label, _ in files], dtype=np.int64)
        self.paths = [path for _, _, path in files]

    def encoded(self) -> Iterator[tuple[str, bytes]]:
        """Yield each image's bytes, and its path. Raises: DataError."""
        for path in self.paths:
            yield str(path), read_image(path)


def read_image(path: Path) -> bytes:
    """Return the bytes of a file. Raises: DataError where it cannot be read, or only points to its content."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    check_content(str(path), data)
    return data


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES


def _refuse_images_outside(place: Path) -> None:
    for entry in entries(place):
        if entry.is_file() and _is_image(Path(entry.path)):
            raise DataError(
                f"{entry.path} lies in no class's folder: put each image of {place} into a folder that bears the name "
                "of its class, or move it away"
            )


def _images_in(folder: Path) -> list[Path]:
    """Return the images below a folder, in the order of their paths. Raises: DataError for one under another name."""
    files = files_in(folder)
    for path in files:
        if not _is_image(path) and path.suffix.lower() not in TEXT_SUFFIXES:
            _refuse_hidden_image(path)
    return [path for path in files if _is_image(path)]


def _refuse_hidden_image(path: Path) -> None:
    if path.suffix.lower() in UNREADABLE_SUFFIXES:
        raise DataError(
            f"{path} is no image in a format that is read here ({', '.join(FORMATS)}); convert or unpack it, "
            "or move it away"
        )
    try:
        with Image.open(path, formats=FORMATS) as image:
            kind = image.format
    except PermissionError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except Exception:  # garbage can make a decoder raise anything
        return
    raise DataError(
        f"{path} is a {kind} image, but its name does not end like one (.{str(kind).lower()}); rename it, or move it "
        "away"
    )


def encoded_splits(folder: Path, *, held_out: Sequence[str] = HELD_OUT_SPLITS) -> dict[str, EncodedSplit]:
    """Return the `train` and `test` splits of a folder. Raises: DataError."""
    parquet, classes = find_parquet(folder), class_folders(folder)
    found: _Found = parquet or classes
    test = next((split for split in held_out if split in found), None)
    both = (
        [path for paths in classes.values() for path in paths if any(map(_is_image, files_in(path)))] if parquet else []
    )
    if both:
        first = next(iter(parquet.values()))[0].name
        raise DataError(
            f"{folder} holds Parquet files ({first}) and folders of images ({both[0].name}); move one of them away"
        )
    if "train" not in found or test is None:
        has = f"only {', '.join(sorted(found))}" if found else "no dataset"
        raise DataError(
            f"{folder} holds {has}; a dataset has train and test (or validation) images, as train-*.parquet and "
            f"test-*.parquet, as train/CLASS/*.png and test/CLASS/*.png, as cifar-10-batches-py or as "
            f"cifar-100-python{_hint(folder)}"
        )
    read = _of_parquet if parquet else _of_classes
    try:
        return read(folder, found, test)
    except NoLabels as error:
        if error.split == "train":
            raise DataError(f"{error}; networks are trained on labelled images") from error
        others = [split for split in held_out if split in found and split != test]
        if others and _is_sound(read, folder, found, others[0]):
            remedy = f"move it out of {folder}, and the {others[0]} images are what is tested on"
            raise DataError(f"{error}; {remedy}") from error
        raise DataError(f"{error}; networks are tested on labelled images") from error


def _is_sound(
    read: Callable[[Path, _Found, str], dict[str, EncodedSplit]], folder: Path, found: _Found, held_out: str
) -> bool:
    try:
        splits = read(folder, found, held_out)
        class_counts(folder, "test", splits["test"].labels, class_names(folder, splits))
    except DataError:
        return False
    return True


def _of_parquet(folder: Path, found: _Found, held_out: str) -> dict[str, EncodedSplit]:
    train = ParquetSplit(check_shards(found["train"], folder))
    return {"train": train, "test": ParquetSplit(check_shards(found[held_out], folder), train)}


def _hint(folder: Path) -> str:
    """Return where a dataset may be that is not in a folder."""
    for entry in entries(folder):
        if entry.is_dir() and "train" in class_folders(Path(entry.path)):
            return f"; one may be in {entry.path}"
        if entry.is_file() and Path(entry.name).suffix in {".gz", ".tgz", ".tar", ".zip"}:
            return f"; unpack {entry.name} first, if that holds it"
    return ""


def _of_classes(folder: Path, found: _Found, held_out: str) -> dict[str, EncodedSplit]:
    train, test = found["train"], found[held_out]
    for split in ("train", held_out):
        if len(found[split]) > 1:
            several = ", ".join(place.name for place in found[split])
            raise DataError(f"{folder} holds several sets of {split} images, in {several}; move all but one away")
    learned, told = ({path.name for path in folders_in(places[0])} for places in (train, test))
    if len(told) < 2 <= len(learned) and not told & learned and files_in(test[0]):
        raise NoLabels(f"{test[0]} has no labels: it has none of the classes of {train[0]}", split="test")
    return {"train": ClassFolder(train[0]), "test": ClassFolder(test[0])}


def class_folders(root: Path) -> dict[str, list[Path]]:
    """Return the folders of each split of an ImageFolder; more than one where several are called alike."""
    found: dict[str, dict[Path, Path]] = {}
    for path in folders_in(root):
        split = SPLIT_WORDS.get(path.name.lower())
        if split is not None:
            found.setdefault(split, {}).setdefault(path.resolve(), path)
    return {split: list(paths.values()) for split, paths in found.items()}


def _split_word(path: Path, root: Path) -> str | None:
    """Return the word of SPLIT_WORDS that a file's name, else its folders' names, begin with."""
    relative = path.relative_to(root)
    for part in (path.stem, *reversed(relative.parts[:-1])):
        word = part.replace("_", "-").replace(".", "-").split("-")[0].lower()
        if word in SPLIT_WORDS:
            return word
    return None


def find_parquet(root: Path) -> dict[str, list[Path]]:
    """Return the Parquet files of each split of a folder, in order of their paths. Raises: DataError."""
    splits: dict[str, list[Path]] = {}
    for path in files_in(root):
        word = _split_word(path, root) if path.suffix.lower() == ".parquet" else None
        if word is not None:
            splits.setdefault(SPLIT_WORDS[word], []).append(check_name(path))
    for split, paths in splits.items():
        folders = sorted({str(path.parent.relative_to(root)) for path in paths})
        if len(folders) > 1:
            raise DataError(f"{root} holds several sets of {split} files, in {', '.join(folders)}; name one of them")
    return splits


class _Shard(NamedTuple):
    number: int
    total: int | None
    path: Path


def check_shards(paths: Sequence[Path], root: Path) -> Sequence[Path]:
    """Return the files of one split. Raises: DataError unless they are all that their numbers speak of, each once.

    `-00001-of-00003` speaks of three; without a total, files from 0 or 1 on speak of those between them.
    """
    words = sorted({f"{_split_word(path, root)}*.parquet" for path in paths})
    if len(words) > 1:
        raise DataError(f"{root} holds several sets of the same files, {', '.join(words)}; move all but one away")
    stems = [path.stem.lower() for path in paths]
    alike = [path.name for path, stem in zip(paths, stems, strict=True) if stems.count(stem) > 1]
    if alike:
        raise DataError(f"{root} holds {' and '.join(alike)}, which may be one file twice; move all but one away")
    numbered: dict[str, list[_Shard]] = {}
    for path in paths:
        found = re.match(r"(.*?)-?(\d+)-of-(\d+)", path.stem) or re.fullmatch(r"(.*?)(\d{2,})()", path.stem)
        if found:
            stem, number, total = found.groups()
            shard = _Shard(int(number), int(total) if total else None, path)
            numbered.setdefault(stem.lower().rstrip("-_."), []).append(shard)
    for stem, shards in numbered.items():
        _check_numbers(shards, [path for path in paths if path.stem.lower() == stem])
    return paths


def _check_numbers(shards: Sequence[_Shard], whole: Sequence[Path]) -> None:
    """Check files whose names differ in their numbers only; `whole` are files of that name without a number."""
    place, first, total = shards[0].path.parent, shards[0].path, shards[0].total
    others = [shard.path for shard in shards if shard.total != total] or (list(whole) if total is not None else [])
    if others:
        raise DataError(
            f"{place} holds files of two snapshots, {first.name} and {others[0].name}; move those of one away"
        )
    numbers = [shard.number for shard in shards]
    if total is None:
        same_width = len({len(shard.path.stem) for shard in shards}) == 1
        expected = range(min(numbers), max(numbers)) if min(numbers) < 2 and same_width else []  # not years, or sizes
    else:
        expected = range(1, total + 1) if total in numbers else range(total)
    for number in expected:
        called = [shard.path.name for shard in shards if shard.number == number]
        if not called:
            of = "" if total is None else f" of {total}"
            raise DataError(f"{place} lacks file {number}{of} beside {first.name}; fetch it again")
        if len(called) > 1:
            raise DataError(f"{place} holds file {number} twice, as {' and '.join(called)}; move one of them away")


def class_names(folder: Path, splits: Mapping[str, EncodedSplit] | Mapping[str, Images]) -> tuple[str, ...]:
    """Return the names of a folder's classes; numbers where it does not name them. Raises: DataError."""
    train, test = splits["train"].class_names, splits["test"].class_names
    names = test if train is None else train
    if names is None:
        highest = int(max(part.labels.max(initial=-1) for part in splits.values()))
        return tuple(str(label) for label in range(highest + 1))
    if test is not None and test != names:
        raise DataError(f"train and test of {folder} name different classes: {difference(names, test)}")
    return names


def difference(train: tuple[str, ...], test: tuple[str, ...]) -> str:
    """Return in words how two lists of classes differ."""
    if set(train) == set(test):
        return f"{_some(train)}; {_some(test)}"
    only = [(side, sorted(set(a) - set(b))) for side, a, b in (("train", train, test), ("test", test, train))]
    said = "; ".join(f"only {side} has {_some(tuple(names))}" for side, names in only if names)
    spelt = [{unicodedata.normalize("NFC", name).casefold() for name in names} for names in (train, test)]
    return said + (" (they are spelt differently)" if spelt[0] == spelt[1] else "")


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
    if len(names) == 1:
        raise DataError(
            f"{folder} has a single class, {names[0]!r}, and networks tell classes apart; give the images of each "
            "class a folder, or a label, of their own"
        )
    if split == "train" and not some and 0 in counts:
        raise DataError(f"class {names[counts.index(0)]!r} of {folder} has no training image")
    return counts
