"""One look at a folder answers for all that is in it, and never with something that is no longer so."""

import hashlib
from dataclasses import replace

import pytest
from meddling import MeddledStorage

from trainables.record.listing import Listed
from trainables.record.local_storage import LocalStorage

PATH = "trials/a/row.json"


class Versioned(LocalStorage):
    """A folder whose listing has a version for each content, as those of object stores have."""

    def walk(self, folder):
        found = super().walk(folder)
        return {
            path: replace(entry, version=hashlib.sha256(self.read(path)).hexdigest()) for path, entry in found.items()
        }


@pytest.fixture
def storage(tmp_path):
    return MeddledStorage(Versioned(tmp_path / "runs"), lambda *operation: None)


@pytest.fixture
def kept(tmp_path):
    return LocalStorage(tmp_path / "kept")


def test_what_is_not_there_is_not_asked_for(storage):
    storage.write(PATH, b"row")
    seen = Listed(storage, "trials")
    storage.counts.clear()

    assert seen.names("trials") == ["a"]
    assert seen.names("trials/a") == ["row.json"]
    assert seen.names("trials/b") == []
    assert seen.exists(PATH)
    assert not seen.exists("trials/a/spec.json")
    with pytest.raises(FileNotFoundError):
        seen.read("trials/b/row.json")
    with pytest.raises(FileNotFoundError):
        seen.age("trials/b/row.json")
    assert seen.age(PATH) < 60
    with pytest.raises(FileNotFoundError):
        seen.entry("trials/b/row.json")
    assert seen.entry(PATH).bytes == 3
    assert not storage.counts
    assert seen.read(PATH) == b"row"


def test_outside_its_folder_it_is_the_storage_itself(storage):
    seen = Listed(storage, "trials/a")
    storage.write("drivers/d.json", b"beat")
    storage.write("trials/ab/row.json", b"row")

    assert seen.read("drivers/d.json") == b"beat"
    assert seen.names("drivers") == ["d.json"]
    assert seen.exists("trials/ab/row.json")


def test_who_is_not_the_first_to_create_looks_again(storage):
    seen = Listed(storage, "trials")
    storage.write("trials/a/claims/0001.json", b"another's")

    assert not seen.create("trials/a/claims/0001.json", b"mine")
    assert seen.names("trials/a/claims") == ["0001.json"]


def test_a_row_that_was_read_before_is_not_fetched_again_until_it_is_another(storage, kept):
    for content, reads in ((b"first", 1), (b"first", 0), (b"second", 1), (b"second", 0)):
        storage.write(PATH, content)
        seen = Listed(storage, "trials", kept)
        storage.counts.clear()
        assert seen.read(PATH) == content
        assert storage.counts["read"] == reads


def test_what_is_kept_and_garbled_is_fetched(storage, kept):
    storage.write(PATH, b"row")
    Listed(storage, "trials", kept).read(PATH)
    for name in kept.names(""):
        kept.write(name, kept.read(name).replace(b"row", b"wor"))

    assert Listed(storage, "trials", kept).read(PATH) == b"row"


def test_a_place_where_nothing_can_be_kept_costs_requests_and_nothing_else(storage, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    storage.write(PATH, b"row")

    assert Listed(storage, "trials", LocalStorage(tmp_path / "file" / "kept")).read(PATH) == b"row"
