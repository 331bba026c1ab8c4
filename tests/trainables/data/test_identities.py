"""Identities of sound folders, written down: a trial's id holds them, so no release may change one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from parquet_files import write_encoded
from tiny_folders import class_folders, ppm

from trainables.data.folders import import_folder


def with_leftovers(folder: Path) -> None:
    class_folders(folder)
    for leftover in (".DS_Store", "train/Thumbs.db", "train/cat/desktop.ini", "train/dog/boxes.txt", "README.md"):
        (folder / leftover).write_bytes(b"\0\1")


def shards(folder: Path, *, names: tuple[str, ...] = ("cat", "dog"), varied: bool = False) -> None:
    folder.mkdir()
    for number, name in enumerate(("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")):
        images = [ppm(4 * number + row, width=8 + row * varied) for row in range(4)]
        write_encoded(folder / f"{name}.parquet", images, np.array([0, 1, 1, 0]), class_names=names)


CLASSES = "b273024c37d4cc6d8e4f4a34c886514dc2902d5304c46972a746a88ec9cffeef"
SHARDS = "e72187436ddde5a68286b976033fd9409a06c0d9021aa8ee34dc19250246b088"
FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "one folder for each class": (class_folders, CLASSES),
    "validation images": (partial(class_folders, held_out="Val"), CLASSES),
    "leftovers": (with_leftovers, CLASSES),
    "images of many widths": (
        partial(class_folders, varied=True),
        "5553a25c240ea1c36c067e3c35f3b565d3bbf06e249d024ded047666c4d2a104",
    ),
    "shards": (shards, SHARDS),
    "shards without names": (partial(shards, names=()), SHARDS),
    "shards of many widths": (
        partial(shards, varied=True),
        "7b351e0691c61966cad45eac338d5378b6972221cc78efbfc44ce76c2c626c59",
    ),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_the_identity_of_a_sound_folder_stays(cache: Path, tmp_path: Path, name: str):
    write, identity = FOLDERS[name]
    write(tmp_path / "folder")

    assert import_folder(tmp_path / "folder") == f"sha256:{identity}"
