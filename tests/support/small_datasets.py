"""Caches and small datasets for the tests of the data part."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from parquet_files import write_parquet

from trainables.data.cache import Dataset, install
from trainables.data.parquet_folder import Images, arrays


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own."""
    root = tmp_path / "cache"
    monkeypatch.setenv("SHARPTUNE_CACHE", str(root))
    return root


@pytest.fixture
def unpacked(cache: Path, mini: Dataset) -> Path:
    """The test's own cache with cifar10-mini in it, without decoding it again; returns its folder."""
    splits = {
        "train": Images(images=mini.train.images, labels=mini.train.labels),
        "test": Images(images=mini.test.images, labels=mini.test.labels),
    }
    install(mini.info, arrays(splits))
    return cache / "datasets" / "cifar10-mini"


MakeImages = Callable[..., Images]


@pytest.fixture
def make_images() -> MakeImages:
    """Makes a split of noise: `each` images for each of `names`, classes in turn."""

    def make(each: int, names: tuple[str, ...] = ("cat", "dog"), size: int = 8, seed: int = 0) -> Images:
        labels = np.tile(np.arange(len(names)), each)
        pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), size, size, 3), dtype=np.uint8)
        return Images(images=pixels, labels=labels, class_names=names)

    return make


@pytest.fixture
def parquet_folder(tmp_path: Path, make_images: MakeImages) -> tuple[Path, Images, Images]:
    """A folder of two Parquet files, and what is in them."""
    folder = tmp_path / "animals"
    folder.mkdir()
    train, test = make_images(6, seed=1), make_images(3, seed=2)
    write_parquet(folder / "train-00000-of-00001.parquet", train)
    write_parquet(folder / "test-00000-of-00001.parquet", test)
    return folder, train, test
