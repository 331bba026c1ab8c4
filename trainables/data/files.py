"""Datasets of encoded images: too many, too large or of too many sizes to be decoded to one array.

The cache holds a list of the images of each split, in Arrow's file format, mapped by whoever reads it: what a person
calls the image, its label, the sha256 of its bytes, and where these are. Images of a folder stay there; those of
Parquet files are copied to one file per split beside the list, because a Parquet file gives no single row without
reading some hundred. A digest is checked whenever an image is read, so that an identity never stands for other images.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trainables.data.catalog import DatasetInfo
from trainables.data.decoding import Place, read_encoded
from trainables.data.store import SPLITS, called, flush, folder_of, locked, read_record, remedy, replace_folder
from trainables.errors import DataError
from trainables.trial import canonical_json

_ROOT = b"root"
"""In a list's metadata: the folder whose images it lists; none where the images are beside the list."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSplit:
    """One part of a dataset."""

    labels: npt.NDArray[np.int64]
    """Class indices, shape (N,)."""
    table: pa.Table
    """`name`, `label`, `sha256`, `offset` and `length` of each image; mapped."""
    folder: Path | None
    """Where the images are files of their own."""
    copies: Path
    """Where they are one file, otherwise."""

    def place(self, row: int) -> Place:
        """Return where an image lies."""
        name, sha256, offset, length = (
            self.table.column(column)[row].as_py() for column in ("name", "sha256", "offset", "length")
        )
        path = self.copies if self.folder is None else self.folder / name
        return Place(
            name=str(path) if self.folder else name, path=str(path), offset=offset, length=length, sha256=sha256
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class FileDataset:
    """A dataset, opened."""

    info: DatasetInfo
    train: FileSplit
    test: FileSplit


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The images of one split, to be installed."""

    names: Sequence[str]
    labels: npt.NDArray[np.int64]
    sha256: Sequence[bytes]
    """The digest of each image's bytes."""
    folder: Path | None
    """Where the names are paths from, for images that stay there."""
    encoded: Iterable[bytes] = ()
    """The bytes of each image, for images that are copied."""

    def digest(self) -> str:
        """Return the sha256 of the images' digests, in their order."""
        return hashlib.sha256(b"".join(self.sha256)).hexdigest()


def open_files(identity: str) -> FileDataset:
    """Return a dataset that is in the cache, with its lists mapped. Raises: DataError."""
    try:
        info = read_record(identity)
        train, test = (_open(identity, split) for split in SPLITS)
        return FileDataset(info=info, train=train, test=test)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise DataError(f"{called(identity)} cannot be read from the cache: {error}; {remedy(identity)}") from error


def check(info: DatasetInfo) -> None:
    """Raises: OSError, ValueError, KeyError when the lists do not fit their description, or the folder is gone."""
    for split, count in (("train", info.train_images), ("test", info.test_images)):
        opened = _open(info.name, split)
        if len(opened.labels) != count:
            raise ValueError(f"{split} lists {len(opened.labels)} images, not {count}")
        if opened.folder is not None and not opened.folder.is_dir():
            raise ValueError(f"its images are no longer in {opened.folder}")


def verify(dataset: FileDataset) -> None:
    """Read every image and compare its digest. Raises: DataError."""
    for part, sha256 in ((dataset.train, dataset.info.sha256["train"]), (dataset.test, dataset.info.sha256["test"])):
        digests = hashlib.sha256()
        for row in range(len(part.labels)):
            place = part.place(row)
            read_encoded(place)
            digests.update(place.sha256)
        if digests.hexdigest() != sha256:
            raise DataError(f"the lists of {called(dataset.info.name)} are not those that were made")


def content_name(info: DatasetInfo) -> str:
    """Return the identity of a user's dataset: the sha256 of the digests of its encoded images and labels."""
    content = {"classes": info.classes, "encoded": dict(info.sha256), "labels": dict(info.labels_sha256)}
    return "sha256:" + hashlib.sha256(canonical_json(content).encode()).hexdigest()


def install(info: DatasetInfo, listings: dict[str, Listing]) -> None:
    """Put a dataset into the cache, unless the same images are there already and have not moved. Raises: DataError."""

    def write(folder: Path) -> None:
        for split, listing in listings.items():
            lengths = _copy(listing, folder / f"{split}.images") if listing.folder is None else None
            _write_list(folder / f"{split}.arrow", listing, lengths)

    with locked(info.name):
        if not _is_here(info):
            replace_folder(info, write)


def _is_here(info: DatasetInfo) -> bool:
    try:
        stored = read_record(info.name)
        check(stored)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return False
    return (stored.sha256, stored.labels_sha256) == (info.sha256, info.labels_sha256)


def _copy(listing: Listing, path: Path) -> list[int]:
    """Write all images into one file; return their lengths."""
    lengths: list[int] = []
    with path.open("wb") as file:
        for data, sha256 in zip(listing.encoded, listing.sha256, strict=True):
            if hashlib.sha256(data).digest() != sha256:
                raise DataError(f"{listing.names[len(lengths)]} changed while it was read")
            lengths.append(file.write(data))
        flush(file)
    return lengths


def _write_list(path: Path, listing: Listing, lengths: list[int] | None) -> None:
    count = len(listing.names)
    ends = np.cumsum(lengths or [0] * count)
    columns = {
        "name": pa.array(listing.names, pa.large_string()),
        "label": pa.array(listing.labels, pa.int64()),
        "sha256": pa.array(listing.sha256, pa.binary(32)),
        "offset": pa.array(ends - np.array(lengths) if lengths else ends, pa.int64()),
        "length": pa.array(lengths or [-1] * count, pa.int64()),
    }
    root = {} if listing.folder is None else {_ROOT: str(listing.folder.resolve()).encode()}
    table = pa.table(columns).replace_schema_metadata(root)
    with path.open("wb") as file:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        flush(file)


def _open(identity: str, split: str) -> FileSplit:
    place = folder_of(identity)
    with pa.memory_map(str(place / f"{split}.arrow")) as file:
        table = pa.ipc.open_file(file).read_all()
    root = (table.schema.metadata or {}).get(_ROOT)
    return FileSplit(
        labels=table.column("label").to_numpy(),
        table=table,
        folder=Path(root.decode()) if root is not None else None,
        copies=place / f"{split}.images",
    )
