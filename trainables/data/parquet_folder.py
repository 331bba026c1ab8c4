"""Folders of Parquet files in the image layout of Hugging Face datasets.

A row holds an encoded image, `struct{bytes, path}` or bytes, and a label: a whole number, a truth value, or the name of
a class. The names of numbered classes stand in the schema's metadata under `huggingface`. Which files make a split is
for `layouts.py`.
"""

import contextlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from trainables.data.decoding import decode_image
from trainables.data.tree import check_content, check_files
from trainables.errors import DataError

IMAGE_COLUMNS = ("img", "image")
LABEL_COLUMNS = ("label", "fine_label", "labels")
"""The first that is there is meant, whatever else there is."""
OTHER_IMAGE_COLUMNS = ("jpg", "jpeg", "png", "webp", "image_bytes", "img_bytes", "picture")
OTHER_LABEL_COLUMNS = ("class", "cls", "target", "category", "class_label", "class_name", "label_name")
"""Where none of those is: meant if only one is there, or only one has the right feature in the metadata."""
_COLUMNS = {
    "image": (IMAGE_COLUMNS, OTHER_IMAGE_COLUMNS, "Image"),
    "label": (LABEL_COLUMNS, OTHER_LABEL_COLUMNS, "ClassLabel"),
}
_ROWS_AT_ONCE = 1024
LARGEST_ARRAY = 4 * 2**30
"""Bytes of the largest split that is decoded to one array."""


class NotOneArray(DataError):
    """Images that one array cannot hold; they are kept as files."""


class NoLabels(DataError):
    """Images of which none says what it shows; `split` is what they are of, `train` or `test`."""

    def __init__(self, sentence: str, *, split: str) -> None:
        super().__init__(sentence)
        self.split = split


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


class ParquetSplit:
    """One split, still encoded, in the order of the files and rows."""

    def __init__(self, paths: Sequence[Path], train: "ParquetSplit | None" = None) -> None:
        """`train`: what was learned from, where this is what is tested on. Raises: NoLabels; DataError."""
        check_files(paths)
        self._paths = paths
        self._files = list(map(_opened, paths))
        self.source = str(paths[0])
        self._split = "train" if train is None else "test"
        read = [self._read(*pair) for pair in zip(paths, self._files, strict=True)]
        self.kind = read[0].kind
        for path, labels in zip(paths, read, strict=True):
            if labels.kind != self.kind:
                raise DataError(f"the labels of {path} are {labels.kind}s, those of {paths[0].name} {self.kind}s")
        self.class_names = _agreed_names(paths, read)
        if self.kind == "name":
            self.class_names = (train and train.class_names) or tuple(
                sorted({name for part in read for name in part.values})
            )
        if train and train.kind != self.kind and None in (train.class_names, self.class_names):
            raise DataError(f"the labels of {paths[0]} are {self.kind}s, those of {train.source} {train.kind}s")
        self.labels = np.concatenate([_indices(*pair, self.class_names) for pair in zip(paths, read, strict=True)])
        if len(self.labels) and (self.labels == -1).all():
            raise NoLabels(f"{paths[0]} has no labels: all are -1", split=self._split)

    def encoded(self) -> Iterator[tuple[str, bytes]]:
        """Yield each image's bytes, and what to call it. Raises: DataError."""
        for path, file in zip(self._paths, self._files, strict=True):
            column = find_column(path, file.schema_arrow, "image")
            rows = itertools.count()
            with _readable(path):
                for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=[column]):
                    for cell, row in zip(batch.column(column), rows, strict=False):
                        where = f"{path.name}, row {row},"
                        yield where, _bytes(cell.as_py(), where)

    def _read(self, path: Path, file: pq.ParquetFile) -> "Labels":
        try:
            with _readable(path):
                return read_labels(path, file)
        except NoLabels as error:
            raise NoLabels(str(error), split=self._split) from error


def _opened(path: Path) -> pq.ParquetFile:
    with _readable(path):
        return pq.ParquetFile(path)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        said = str(error).replace("\n", " ")
        raise DataError(
            f"{path.parent} holds a Parquet file that cannot be read, {path.name}: {said}; fetch it again"
        ) from error


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """The labels of one file, as they are written."""

    kind: Literal["number", "truth value", "name"]
    values: Sequence[Any]
    names: tuple[str, ...] | None
    """What the metadata, or the kind itself, calls the numbers from 0 on."""


def find_column(path: Path, schema: pa.Schema, kind: Literal["image", "label"]) -> str:
    """Return the column of a file that holds its images, or their labels. Raises: NoLabels; DataError."""
    known, others, feature = _COLUMNS[kind]
    found = next((name for name in known if name in schema.names), None)
    if found is not None:
        return found
    features = _features(schema)
    told = [name for name in schema.names if features.get(name, {}).get("_type") == feature]
    alike = [name for name in schema.names if name.lower() in (*known, *others)]
    for candidates in (told, alike):
        if len(candidates) == 1:
            return candidates[0]
    if told or alike:
        several = ", ".join(told or alike)
        raise DataError(f"{path} has several {kind} columns, {several}; call the one that is meant {known[0]}")
    has = ", ".join(schema.names) or "no columns"
    sentence = f"{path} has no {kind} column; it has {has}, expected {' or '.join(known)}"
    raise NoLabels(sentence, split="") if kind == "label" else DataError(sentence)


def read_labels(path: Path, file: pq.ParquetFile) -> Labels:
    """Return the labels of a file. Raises: NoLabels where it has none; DataError where one lacks or is of no use."""
    name = find_column(path, file.schema_arrow, "label")
    column = pa.chunked_array(
        [b.column(0) for b in file.iter_batches(columns=[name])], file.schema_arrow.field(name).type
    )
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if len(column) and column.null_count == len(column):
        raise NoLabels(f"{path} has no labels: all are null", split="")
    if column.null_count:
        row = next(row for row, valid in enumerate(column.is_valid()) if not valid.as_py())
        raise DataError(
            f"{path}, row {row}, has no label; take out the {column.null_count} rows without, or label them"
        )
    kind = column.type
    if pa.types.is_integer(kind):
        values = column.cast(pa.int64()).to_numpy()
        return Labels(kind="number", values=values, names=_written_names(file.schema_arrow, name))
    if pa.types.is_boolean(kind):
        return Labels(kind="truth value", values=column.cast(pa.int64()).to_numpy(), names=("False", "True"))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return Labels(kind="name", values=column.to_pylist(), names=None)
    raise DataError(
        f"{path} has labels that are not whole numbers, truth values or names ({kind}); write them as one of these"
    )


def _agreed_names(paths: Sequence[Path], read: Sequence[Labels]) -> tuple[str, ...] | None:
    """Return what the files of a split call their classes. Raises: DataError where two differ."""
    named = [(path, labels.names) for path, labels in zip(paths, read, strict=True) if labels.names]
    for path, names in named:
        if names != named[0][1]:
            sides = f"{', '.join(named[0][1] or ())}; {', '.join(names or ())}"
            raise DataError(f"{named[0][0]} and {path.name} name different classes: {sides}")
    return named[0][1] if named else None


def _indices(path: Path, labels: Labels, names: tuple[str, ...] | None) -> npt.NDArray[np.int64]:
    if labels.kind != "name":
        return np.asarray(labels.values, dtype=np.int64)
    numbers = {name: index for index, name in enumerate(names or ())}
    unknown = next((value for value in labels.values if value not in numbers or not value), None)
    if unknown is not None:
        row = list(labels.values).index(unknown)
        raise DataError(f"{path}, row {row}, has the label {unknown!r}, which is no class of the training images")
    return np.array([numbers[value] for value in labels.values], dtype=np.int64)


def _features(schema: pa.Schema) -> Mapping[str, Mapping[str, Any]]:
    """Return what the `huggingface` metadata says of each column."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return {k: v for k, v in features.items() if isinstance(v, dict)} if isinstance(features, dict) else {}


def _written_names(schema: pa.Schema, column: str) -> tuple[str, ...] | None:
    names = _features(schema).get(column, {}).get("names")
    return tuple(str(known) for known in names) if isinstance(names, list) and names else None


def _bytes(cell: Any, where: str) -> bytes:
    data = cell.get("bytes") if isinstance(cell, Mapping) else cell
    if isinstance(data, bytes):
        check_content(where.rstrip(","), data)
        return data
    path = cell.get("path") if isinstance(cell, Mapping) else None
    beside = f", only the name of a file, {path}; write the images into the Parquet files" if path else ""
    raise DataError(f"{where} holds no encoded image{beside}")
