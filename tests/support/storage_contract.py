"""What every storage does, as a class to be tested with any of them: its tests take a fixture `storage`."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from trainables.record.storage import open_storage

OLD = b"o" * 3_000_000
WRITER = """
import sys
from trainables.record.storage import open_storage
storage = open_storage(sys.argv[1])
print("!", end="", flush=True)
while True:
    storage.write("big", b"n" * 3_000_000)
    storage.write("big", b"o" * 3_000_000)
"""
"""Writes one file over and over, until it is killed."""


class StorageContract:
    """The files of one storage."""

    def test_what_is_written_is_read_and_replaced_whole(self, storage):
        storage.write("a/b/c.txt", b"one")
        storage.write("a/b/c.txt", b"two")

        assert storage.read("a/b/c.txt") == b"two"
        assert storage.exists("a/b/c.txt")
        assert storage.names("a/b") == ["c.txt"]

    def test_what_is_not_there_is_not_found(self, storage):
        assert not storage.exists("nothing")
        assert storage.names("nowhere") == []
        storage.delete("nothing")
        with pytest.raises(FileNotFoundError):
            storage.read("nothing")

    def test_a_storage_is_there_once_something_was_written(self, storage):
        assert not storage.exists("")
        storage.write("trials/a", b"")
        assert storage.exists("")

    def test_only_the_first_creates(self, storage):
        assert storage.create("x/row.json", b"first")
        assert not storage.create("x/row.json", b"second")
        assert storage.read("x/row.json") == b"first"

    def test_of_a_file_that_is_created_the_version_is_told_that_the_listing_tells(self, storage):
        version = storage.created("x/row.json", b"first")

        assert version == storage.walk("x")["x/row.json"].version
        assert storage.created("x/row.json", b"second") is None
        assert storage.read("x/row.json") == b"first"

    def test_of_many_that_create_at_once_one_wins_and_its_content_stays(self, storage):
        together = threading.Barrier(8)

        def race(racer: int) -> list[bool]:
            mine = open_storage(storage.uri)
            together.wait()
            return [mine.create(f"race/{key:02d}", f"racer {racer}".encode(), durable=False) for key in range(20)]

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(race, range(8)))

        for key in range(20):
            (winner,) = (racer for racer in range(8) if won[racer][key])
            assert storage.read(f"race/{key:02d}") == f"racer {winner}".encode()

    def test_who_is_killed_amid_writing_leaves_the_old_or_the_new_and_never_half(self, storage):
        storage.write("big", OLD)
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, storage.uri], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as writer:
            writer.stdout.read(1)
            time.sleep(0.05)
            writer.kill()
        found = storage.read("big")

        assert found[:1] in (b"o", b"n")
        assert found == found[:1] * len(OLD)

    def test_a_walk_finds_all_files_below_a_folder_and_says_what_is_known_of_them(self, storage):
        for path in ("trials/a/row.json", "trials/a/claims/1", "trials/b", "drivers/c"):
            storage.write(path, path.encode())

        found = storage.walk("trials")

        assert {path: entry.bytes for path, entry in found.items()} == {
            path: len(path) for path in ("trials/a/row.json", "trials/a/claims/1", "trials/b")
        }
        assert all(abs(entry.modified - time.time()) < 60 for entry in found.values())
        assert len(storage.walk("")) == 4
        assert storage.walk("nowhere") == {}

    def test_appending_keeps_what_was_there(self, storage):
        storage.append("log/log.txt", b"one\n")
        storage.append("log/log.txt", b"two\n")

        assert storage.read("log/log.txt") == b"one\ntwo\n"

    def test_a_moved_file_has_only_its_new_name(self, storage):
        storage.write("x/row.json", b"row")
        storage.move("x/row.json", "x/row.json.failed-1")

        assert storage.names("x") == ["row.json.failed-1"]

    def test_all_files_of_a_folder_are_told_with_their_bytes(self, storage):
        storage.write("trials/a/row.json", b"row")
        storage.write("trials/a/claims/0001.json", b"")
        storage.write("trials/ab/row.json", b"another's")

        found = {path: entry.bytes for path, entry in storage.walk("trials/a").items()}
        assert found == {"trials/a/claims/0001.json": 0, "trials/a/row.json": 3}
        assert storage.walk("nowhere") == {}

    def test_what_is_told_of_one_file_is_what_the_listing_tells(self, storage):
        storage.write("trials/a/row.json", b"row")

        entry = storage.entry("trials/a/row.json")
        assert storage.walk("trials/a") == {"trials/a/row.json": entry}
        assert entry.bytes == 3
        with pytest.raises(FileNotFoundError):
            storage.entry("trials/b/row.json")

    def test_a_file_that_was_just_written_is_young(self, storage):
        storage.write("beat", b"1")

        assert -60 < storage.age("beat") < 60
        with pytest.raises(FileNotFoundError):
            storage.age("nothing")

    def test_its_uri_opens_it_again(self, storage):
        storage.write("here", b"yes")

        assert open_storage(storage.uri).read("here") == b"yes"
