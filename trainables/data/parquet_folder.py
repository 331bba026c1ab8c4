"""Folders of Parquet files in the image layout of Hugging Face datasets, read and written.

A row holds an encoded image, `struct{bytes, path}`, and a whole-number label. The class names stand in the schema's
metadata under `huggingface`. The split of a file is told by its name (`train-00000-of-00001.parquet`) or its folder's.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

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
_FORMATS = ("PNG", "JPEG", "BMP", "PPM", "WEBP", "GIF", "TIFF")
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """One split as decoded from any source."""

    images: npt.NDArray[np.uint8]
    """Pixels, shape (N, height, width, 3)."""
    labels: npt.NDArray[np.int64]
    """Class indices, shape (N,)."""
    class_names: tuple[str, ...] | None = None
    """None where the source does not name its classes."""


def decode_image(data: bytes, where: str) -> npt.NDArray[np.uint8]:
    """Return an encoded image's pixels as RGB, shape (height, width, 3); grey becomes three equal channels.

    Raises: DataError, naming `where`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.mode[0] in "IF":
                raise DataError(f"{where} has pixels of more than 8 bits, which are not supported")
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{where} is no image that can be read: {error}") from error


def stack_images(images: Iterator[tuple[str, npt.NDArray[np.uint8]]], count: int, source: str) -> npt.NDArray[np.uint8]:
    """Return `count` named images as one array. Raises: DataError unless all are square and of one size."""
    result: npt.NDArray[np.uint8] | None = None
    for index, (where, pixels) in enumerate(images):
        height, width, _ = pixels.shape
        if result is None:
            if height != width:
                raise DataError(f"{where} is {width}×{height} pixels; images must be square")
            result = np.empty((count, *pixels.shape), dtype=np.uint8)
        if pixels.shape != result.shape[1:]:
            size = result.shape[1]
            raise DataError(f"{where} is {width}×{height} pixels, others {size}×{size}; all images must have one size")
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


def read_parquet(paths: Sequence[Path]) -> Images:
    """Return the images and labels of one split, in the order of the files and rows. Raises: DataError."""
    try:
        files = [pq.ParquetFile(path) for path in paths]
        count = sum(file.metadata.num_rows for file in files)
        labels: list[npt.NDArray[np.int64]] = []
        pixels = stack_images(_rows(paths, files, labels), count, str(paths[0]))
        return Images(images=pixels, labels=np.concatenate(labels), class_names=_class_names(files[0].schema_arrow))
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{paths[0].parent} holds a Parquet file that cannot be read: {error}") from error


def _rows(
    paths: Sequence[Path], files: Sequence[pq.ParquetFile], labels: list[npt.NDArray[np.int64]]
) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Yield each row's image, and collect the labels on the way."""
    for path, file in zip(paths, files, strict=True):
        image_column = _column(path, file.schema_arrow, IMAGE_COLUMNS, "image")
        label_column = _column(path, file.schema_arrow, LABEL_COLUMNS, "label")
        row = 0
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=[image_column, label_column]):
            labels.append(_labels(path, batch.column(label_column)))
            for cell in batch.column(image_column):
                where = f"{path.name}, row {row},"
                yield where, decode_image(_bytes(cell.as_py(), where), where)
                row += 1


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


def write_parquet(path: Path, split: Images) -> None:
    """Write one split: PNG bytes (lossless) and labels, class names in the metadata."""
    cells = [{"bytes": _png(pixels), "path": None} for pixels in split.images]
    features = {"img": {"_type": "Image"}, "label": {"names": list(split.class_names or ()), "_type": "ClassLabel"}}
    schema = pa.schema(
        [("img", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    table = pa.table({"img": cells, "label": split.labels.tolist()}, schema=schema)
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
