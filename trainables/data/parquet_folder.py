"""Folders of Parquet files in the image layout of Hugging Face datasets.

A row holds an encoded image, `struct{bytes, path}`, and a whole-number label. The class names stand in the schema's
metadata under `huggingface`. The split of a file is told by its name (`train-00000-of-00001.parquet`) or its folder's.
"""

import contextlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from trainables.data.decoding import decode_image
from trainables.errors import DataError

IMAGE_COLUMNS = ("img", "image")
LABEL_COLUMNS = ("label", "fine_label", "labels")
SPLIT_WORDS: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "test": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}
_ROWS_AT_ONCE = 1024
LARGEST_ARRAY = 4 * 2**30
"""Bytes of the largest split that is decoded to one array."""


class NotOneArray(DataError):
    """Images that one array cannot hold; they are kept as files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """One split as decoded from any source."""

    images: npt.NDArray[np.uint8]
    """Pixels, shape (N, height, width, 3)."""
    labels: npt.NDArray[np.int64]
    """Class indices, shape (N,)."""
    class_names: tuple[str, ...] | None = None
    """None where the source does not name its classes."""


def arrays(splits: Mapping[str, Images]) -> dict[str, npt.NDArray[Any]]:
    """Return splits as the arrays that the cache installs."""
    return {
        f"{name}-{kind}": getattr(splits[name], kind) for name in ("train", "test") for kind in ("images", "labels")
    }


def stack_images(images: Iterator[tuple[str, npt.NDArray[np.uint8]]], count: int, source: str) -> npt.NDArray[np.uint8]:
    """Return `count` named images as one array.

    Raises: NotOneArray unless all are square, of one size, and together no more than LARGEST_ARRAY; DataError for none.
    """
    result: npt.NDArray[np.uint8] | None = None
    for index, (where, pixels) in enumerate(images):
        height, width, _ = pixels.shape
        if result is None:
            if height != width:
                raise NotOneArray(f"{where} is {width}×{height} pixels, which is not square")
            if count * pixels.nbytes > LARGEST_ARRAY:
                raise NotOneArray(f"{count:,} images of {width}×{height} pixels are too many for one array")
            result = np.empty((count, *pixels.shape), dtype=np.uint8)
        if pixels.shape != result.shape[1:]:
            size = result.shape[1]
            raise NotOneArray(f"{where} is {width}×{height} pixels, others {size}×{size}")
        result[index] = pixels
    if result is None:
        raise DataError(f"{source} holds no images")
    return result


def split_of(path: Path, root: Path) -> str | None:
    """Return the split (`train`, `test`, `validation`) that a file's name, else its folders' names, speak of."""
    relative = path.relative_to(root)
    for part in (path.stem, *reversed(relative.parts[:-1])):
        word = part.replace("_", "-").replace(".", "-").split("-")[0].lower()
        if word in SPLIT_WORDS:
            return SPLIT_WORDS[word]
    return None


def find_parquet(root: Path) -> dict[str, list[Path]]:
    """Return the Parquet files of each split of a folder, in order of their paths. Raises: DataError."""
    splits: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*.parquet")):
        split = split_of(path, root)
        if split is not None:
            splits.setdefault(split, []).append(path)
    for split, paths in splits.items():
        folders = sorted({str(path.parent.relative_to(root)) for path in paths})
        if len(folders) > 1:
            raise DataError(f"{root} holds several sets of {split} files, in {', '.join(folders)}; name one of them")
    return splits


class ParquetSplit:
    """One split, still encoded, in the order of the files and rows."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Raises: DataError."""
        self._paths = paths
        with self._readable():
            self._files = [pq.ParquetFile(path) for path in paths]
            self.class_names = _class_names(self._files[0].schema_arrow)
            self.labels = np.concatenate([_all_labels(*pair) for pair in zip(paths, self._files, strict=True)])
        self.source = str(paths[0])

    def encoded(self) -> Iterator[tuple[str, bytes]]:
        """Yield each image's bytes, and what to call it. Raises: DataError."""
        with self._readable():
            for path, file in zip(self._paths, self._files, strict=True):
                column = _column(path, file.schema_arrow, IMAGE_COLUMNS, "image")
                rows = itertools.count()
                for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=[column]):
                    for cell, row in zip(batch.column(column), rows, strict=False):
                        where = f"{path.name}, row {row},"
                        yield where, _bytes(cell.as_py(), where)

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{self._paths[0].parent} holds a Parquet file that cannot be read: {error}") from error


def read_parquet(paths: Sequence[Path]) -> Images:
    """Return the images and labels of one split, in the order of the files and rows. Raises: DataError."""
    return decode_split(ParquetSplit(paths))


class EncodedSplit(Protocol):
    """One split as it lies in a folder."""

    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...] | None
    source: str
    """What to call all of it."""

    def encoded(self) -> Iterator[tuple[str, bytes]]:
        """Yield each image's bytes, and what to call it."""
        ...


def decode_split(split: EncodedSplit) -> Images:
    """Return a split as one array. Raises: NotOneArray; DamagedImage; DataError."""
    decoded = ((where, decode_image(data, where)) for where, data in split.encoded())
    images = stack_images(decoded, len(split.labels), split.source)
    return Images(images=images, labels=split.labels, class_names=split.class_names)


def _column(path: Path, schema: pa.Schema, known: Sequence[str], kind: str) -> str:
    for name in known:
        if name in schema.names:
            return name
    raise DataError(
        f"{path} has no {kind} column; it has {', '.join(schema.names) or 'no columns'}, expected {' or '.join(known)}"
    )


def _bytes(cell: Any, where: str) -> bytes:
    data = cell.get("bytes") if isinstance(cell, Mapping) else cell
    if not isinstance(data, bytes):
        raise DataError(f"{where} holds no encoded image")
    return data


def _all_labels(path: Path, file: pq.ParquetFile) -> npt.NDArray[np.int64]:
    column = _column(path, file.schema_arrow, LABEL_COLUMNS, "label")
    parts = [_labels(path, batch.column(column)) for batch in file.iter_batches(columns=[column])]
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _labels(path: Path, column: pa.Array) -> npt.NDArray[np.int64]:
    if not pa.types.is_integer(column.type) or column.null_count:
        raise DataError(f"{path} has labels that are not whole numbers ({column.type})")
    return column.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.int64)


def _class_names(schema: pa.Schema) -> tuple[str, ...] | None:
    """Return the names that the `huggingface` metadata gives the label's classes."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return None
    for name in LABEL_COLUMNS:
        feature = features.get(name) if isinstance(features, dict) else None
        if isinstance(feature, dict) and isinstance(feature.get("names"), list) and feature["names"]:
            return tuple(str(known) for known in feature["names"])
    return None
