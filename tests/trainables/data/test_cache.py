"""The dataset cache, also when a process is killed or leaves garbage."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from trainables.data.cache import present
from trainables.data.catalog import DATASETS
from trainables.data.datasets import describe, ensure, open_dataset, resolve, verify
from trainables.data.packing import pack
from trainables.errors import DataError, UnknownName


def leftovers(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "datasets").iterdir() if path.name.startswith("."))


def test_the_embedded_dataset_is_unpacked_and_mapped(cache: Path):
    assert not present("cifar10-mini")

    dataset = open_dataset("cifar10-mini")

    assert present("cifar10-mini")
    assert isinstance(dataset.train.images, np.memmap)
    assert (dataset.train.images.shape, dataset.train.images.dtype) == ((2000, 32, 32, 3), np.uint8)
    assert (dataset.test.labels.shape, dataset.test.labels.dtype) == ((1000,), np.int64)
    assert leftovers(cache) == []


def test_torch_takes_mapped_images_without_a_warning_and_leaves_the_file_alone(unpacked: Path):
    images = torch.from_numpy(open_dataset("cifar10-mini").test.images)
    images[0] = 0

    verify("cifar10-mini")
    assert open_dataset("cifar10-mini").test.images[0].any()


def test_opening_again_reads_no_parquet(unpacked: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("trainables.data.packaged.read_packaged", lambda name: pytest.fail(f"{name} unpacked twice"))

    assert len(open_dataset("cifar10-mini").train.images) == 2000


def test_missing_datasets_say_what_to_run(cache: Path):
    with pytest.raises(DataError, match=r"^dataset cifar10 is not on this machine; run: sharptune data fetch cifar10$"):
        ensure("cifar10")
    with pytest.raises(UnknownName, match="unknown dataset 'cifar1000'"):
        open_dataset("cifar1000")


def damage_truncate(folder: Path) -> None:
    os.truncate(folder / "train-images.npy", 5000)


def damage_extend(folder: Path) -> None:
    with (folder / "test-labels.npy").open("ab") as file:
        file.write(b"x")


def damage_remove(folder: Path) -> None:
    (folder / "test-images.npy").unlink()


def damage_header(folder: Path) -> None:
    with (folder / "test-images.npy").open("r+b") as file:
        file.write(b"garbage garbage garbage")


def damage_swap(folder: Path) -> None:
    record = json.loads((folder / "info.json").read_text())
    record["info"]["mean"] = [0, 0, 0]
    (folder / "info.json").write_text(json.dumps(record))


def damage_info(folder: Path) -> None:
    (folder / "info.json").write_bytes(b"\x00" * 100)


DAMAGES = [damage_truncate, damage_extend, damage_remove, damage_header, damage_swap, damage_info]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_embedded_dataset_is_rebuilt(
    unpacked: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
):
    copies = {name: array.copy() for name, array in pack("cifar10-mini")["arrays"].items()}
    monkeypatch.setattr("trainables.data.packaged.read_packaged", lambda name: copies)  # decoding takes a second
    damage(unpacked)
    assert not present("cifar10-mini")

    dataset = open_dataset("cifar10-mini")

    assert dataset.info == DATASETS["cifar10-mini"]
    verify("cifar10-mini")
    assert leftovers(cache) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_any_other_damaged_dataset_is_refused_with_one_sentence(
    cache: Path, parquet_folder, damage: Callable[[Path], None]
):
    identity = resolve(str(parquet_folder[0]), base=Path())
    damage(cache / "datasets" / identity.replace(":", "-"))

    with pytest.raises(
        DataError, match=r"^dataset sha256:\w+… is damaged in the cache \(.+\); run: sharptune data fetch"
    ):
        open_dataset(identity)
    with pytest.raises(DataError, match="is damaged"):
        describe(identity)

    assert resolve(str(parquet_folder[0]), base=Path()) == identity
    verify(identity)


def test_verify_finds_one_changed_pixel(unpacked: Path):
    with (unpacked / "train-images.npy").open("r+b") as file:
        file.seek(4000)
        byte = file.read(1)
        file.seek(4000)
        file.write(bytes([byte[0] ^ 1]))

    with pytest.raises(DataError, match="the train pixels are not those of dataset cifar10-mini"):
        verify("cifar10-mini")


def test_a_cache_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "file" / "cache"))

    with pytest.raises(DataError, match=r"cannot write the dataset cache .*; set SHARPTUNE_CACHE to a folder"):
        ensure("cifar10-mini")


def test_a_full_disk_leaves_nothing_behind(cache: Path, parquet_folder, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left on device"):
        resolve(str(parquet_folder[0]), base=Path())

    assert leftovers(cache) == []
    assert not list((cache / "datasets").glob("sha256*/"))
