"""What every storage does, as a class to be tested with any of them: its tests take a fixture `storage`."""

import pytest

from trainables.record.storage import open_storage


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

    def test_appending_keeps_what_was_there(self, storage):
        storage.append("log/log.txt", b"one\n")
        storage.append("log/log.txt", b"two\n")

        assert storage.read("log/log.txt") == b"one\ntwo\n"

    def test_a_moved_file_has_only_its_new_name(self, storage):
        storage.write("x/row.json", b"row")
        storage.move("x/row.json", "x/row.json.failed-1")

        assert storage.names("x") == ["row.json.failed-1"]

    def test_a_file_that_was_just_written_is_young(self, storage):
        storage.write("beat", b"1")

        assert -60 < storage.age("beat") < 60
        with pytest.raises(FileNotFoundError):
            storage.age("nothing")

    def test_its_uri_opens_it_again(self, storage):
        storage.write("here", b"yes")

        assert open_storage(storage.uri).read("here") == b"yes"
