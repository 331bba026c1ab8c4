"""Writes the Parquet files of the datasets that ship with the package: python tests/support/packaged_images.py FOLDER.

FOLDER gets `cifar10_mini` and `cifar10_jpeg`, as they stand in `trainables/data`. Pillow 13.0.0 encoded those; another
version may choose other bytes, which are another dataset where they are JPEG's.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from parquet_files import write_encoded, write_parquet
from PIL import Image

from trainables.data.catalog import DATASETS, EMBEDDED
from trainables.data.datasets import open_dataset
from trainables.data.parquet_folder import Images
from trainables.data.subsets import subset


def write_mini(folder: Path) -> None:
    """Write the Parquet files of `cifar10-mini`, out of the cached `cifar10`. Raises: DataError."""
    info = DATASETS["cifar10-mini"]
    dataset = open_dataset("cifar10")
    folder.mkdir(parents=True, exist_ok=True)
    for name, split, count in (("train", dataset.train, info.train_images), ("test", dataset.test, info.test_images)):
        chosen = subset(split.labels, count, info.classes)
        images = Images(images=split.images[chosen], labels=split.labels[chosen], class_names=info.class_names)
        write_parquet(folder / f"{name}-00000-of-00001.parquet", images)


def write_jpeg(folder: Path) -> None:
    """Write the Parquet files of `cifar10-jpeg`, out of `cifar10-mini`: as ImageNet's are, in shards and of many sizes.

    Raises: DataError.
    """
    info = DATASETS["cifar10-jpeg"]
    dataset = open_dataset("cifar10-mini")
    folder.mkdir(parents=True, exist_ok=True)
    for name, split, count, shards in (
        ("train", dataset.train, info.train_images, 2),
        ("test", dataset.test, info.test_images, 1),
    ):
        chosen = subset(split.labels, count, info.classes)
        for shard, rows in enumerate(np.array_split(chosen, shards)):
            encoded = [_jpeg(split.images[row], number=int(row)) for row in rows]
            path = folder / f"{name}-{shard:05}-of-{shards:05}.parquet"
            write_encoded(path, encoded, split.labels[rows], class_names=info.class_names)


def _jpeg(pixels: npt.NDArray[np.uint8], *, number: int) -> bytes:
    """Return an image of 32 × 32 pixels as a JPEG of 40 to 79 on each side, which depend on its number."""
    width, height = 40 + 7 * number % 40, 40 + 11 * number % 40
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    write_mini(folder / EMBEDDED["cifar10-mini"])
    write_jpeg(folder / EMBEDDED["cifar10-jpeg"])
