"""A dataset on its way to another machine."""

from pathlib import Path

import numpy as np
import pytest

from trainables.data.cache import present
from trainables.data.datasets import open_dataset, resolve
from trainables.data.packing import pack, unpack
from trainables.errors import DataError


def leftovers(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "datasets").iterdir() if path.name.startswith("."))


def test_a_dataset_travels_to_another_machine(
    cache: Path, parquet_folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    identity = resolve(str(parquet_folder[0]), base=Path())
    packed = pack(identity)
    assert type(packed["arrays"]["train-images"]) is np.ndarray
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "elsewhere"))

    assert unpack(packed) == identity

    found = open_dataset(identity)
    np.testing.assert_array_equal(found.train.images, parquet_folder[1].images)
    np.testing.assert_array_equal(found.test.labels, parquet_folder[2].labels)
    assert found.info.to_json() == packed["info"]


@pytest.mark.parametrize("name", ["train-images", "test-labels"])
def test_what_arrives_damaged_is_refused(
    cache: Path, parquet_folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
):
    identity = resolve(str(parquet_folder[0]), base=Path())
    packed = pack(identity)
    packed["arrays"][name] = 1 - np.array(packed["arrays"][name])
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "elsewhere"))

    with pytest.raises(DataError, match=f"{name.split('-')[0]} (pixels|labels) are not those of dataset sha256:"):
        unpack(packed)

    assert not present(identity)
    assert leftovers(tmp_path / "elsewhere") == []


def test_arrays_under_a_false_name_are_refused(cache: Path, parquet_folder):
    identity = resolve(str(parquet_folder[0]), base=Path())
    packed = pack(identity)
    packed["info"]["name"] = "sha256:" + "1" * 64

    with pytest.raises(DataError, match="is not what its name says"):
        unpack(packed)
