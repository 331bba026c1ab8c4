"""Tiny folders of images: 8 × 8 pixels in a format that needs no library, and Parquet files of such."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def ppm(seed: int, width: int = 8, height: int = 8) -> bytes:
    """An image whose bytes are the same everywhere."""
    values = [(seed * 31 + index * 7) % 256 for index in range(3 * width * height)]
    return b"P6 %d %d 255\n" % (width, height) + bytes(values)


def class_folders(folder: Path, *, held_out: str = "test", varied: bool = False) -> Path:
    """Write 3 training and 2 other images of cats and of dogs; `varied`: of several widths. Returns the folder."""
    for split, each in (("train", 3), (held_out, 2)):
        for label, name in enumerate(("cat", "dog")):
            for number in range(each):
                path = folder / split / name / ("more" if number == 2 else ".") / f"{number}.PPM"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(ppm(10 * each + 2 * number + label, width=8 + number * varied))
    return folder


def write_rows(path: Path, labels: Sequence[Any] | pa.Array, *, seed: int = 0, size: int = 8, **columns: Any) -> None:
    """Write a Parquet file of an `image` for each label, without metadata; a column named None is left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = pa.array([ppm(seed + row, size, size) for row in range(len(labels))], pa.binary())
    table = {"image": images, "label": labels, **columns}
    pq.write_table(pa.table({name: column for name, column in table.items() if column is not None}), path)
