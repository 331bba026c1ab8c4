"""CIFAR-100 as it is published, the folder `cifar-100-python` of pickled arrays; with its 100 fine labels.

The two files are known by the MD5 digests that torchvision checks them by.
"""

import hashlib
from pathlib import Path

from trainables.data.catalog import DATASETS
from trainables.data.cifar10 import read_batch
from trainables.data.parquet_folder import Images
from trainables.errors import DataError

FOLDER = "cifar-100-python"
FILES = ("train", "test")
MD5 = {"train": "16019d7e3df5f24257cddd939b257f8d", "test": "f0ef6b0ae62326f3e7ffdfab6717acfc"}


def read_published(folder: Path) -> dict[str, Images]:
    """Return the splits of the published files, in a folder or in `cifar-100-python` in it.

    Raises: DataError unless they are these very files.
    """
    place = next((place for place in (folder / FOLDER, folder) if (place / "train").is_file()), folder)
    missing = [name for name in FILES if not (place / name).is_file()]
    if missing:
        raise DataError(
            f"{place} lacks {' and '.join(missing)} of CIFAR-100; unpack cifar-100-python.tar.gz and name the folder "
            f"that {FOLDER} lies in"
        )
    splits = read_files(place)
    if not is_published(place):
        raise DataError(f"{place} does not hold CIFAR-100: its files are not the official ones")
    return splits


def is_published(place: Path) -> bool:
    """Say whether the files in a folder are the official ones."""
    return all(hashlib.md5((place / name).read_bytes()).hexdigest() == MD5[name] for name in FILES)


def read_files(place: Path) -> dict[str, Images]:
    """Return the splits that the pair of files in a folder holds. Raises: DataError."""
    names = DATASETS["cifar100"].class_names
    read = {name: read_batch(place / name, "CIFAR-100", b"fine_labels") for name in FILES}
    return {split: Images(images=images, labels=labels, class_names=names) for split, (images, labels) in read.items()}
