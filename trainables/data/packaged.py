"""Datasets that ship with the package, as Parquet files in a folder beside this file."""

from pathlib import Path

from trainables.data.cache import install_missing
from trainables.data.catalog import DATASETS, EMBEDDED
from trainables.data.file_folders import import_files
from trainables.data.layouts import encoded_splits, find_parquet
from trainables.data.parquet_folder import arrays, read_parquet
from trainables.data.store import SPLITS, Array
from trainables.errors import DataError


def unpack_packaged(name: str) -> None:
    """Put a dataset that ships with the package into the cache. Raises: DataError when it is not what was shipped."""
    if DATASETS[name].stored == "files":
        folder = packaged_folder(name)
        import_files(folder, encoded_splits(folder), name=name)
    else:
        install_missing(DATASETS[name], lambda: read_packaged(name))


def read_packaged(name: str) -> dict[str, Array]:
    """Return the arrays of a dataset as the package ships them. Raises: DataError."""
    folder = packaged_folder(name)
    splits = {split: read_parquet(paths) for split, paths in find_parquet(folder).items()}
    if sorted(splits) != sorted(SPLITS):
        raise DataError(f"{folder} lacks files that ship with sharptune; install it again")
    return arrays(splits)


def packaged_folder(name: str) -> Path:
    """Return the folder that holds the files of a dataset of EMBEDDED."""
    return Path(__file__).parent / EMBEDDED[name]
