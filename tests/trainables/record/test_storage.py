"""Storages: the contract that all keep, here on disk, and what only a folder can do."""

import multiprocessing

import pytest
from storage_contract import StorageContract

from trainables.errors import SharptuneError
from trainables.record.storage import LocalStorage, open_storage


class TestAFolder(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        return open_storage(tmp_path / "runs")


def test_opening_creates_nothing(tmp_path):
    open_storage(tmp_path / "runs")

    assert not (tmp_path / "runs").exists()


def test_a_file_where_a_folder_should_be_holds_nothing(tmp_path):
    """Such as those that file managers leave among the trials."""
    storage = open_storage(tmp_path)
    storage.write("trials/.DS_Store", b"")

    assert storage.names("trials/.DS_Store") == []
    assert not storage.exists("trials/.DS_Store/row.json")
    with pytest.raises(FileNotFoundError):
        storage.read("trials/.DS_Store/row.json")


def test_an_unknown_scheme_is_refused_in_a_sentence():
    with pytest.raises(SharptuneError, match="unknown scheme 'ftp'; use a folder, s3://"):
        open_storage("ftp://somewhere/runs")


def _create(root, barrier, wins):
    storage = LocalStorage(root)
    barrier.wait()
    wins.put(storage.create("row.json", b"x" * 100_000))


def test_of_many_processes_that_create_at_once_one_wins(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, wins = context.Barrier(6), context.Queue()
    processes = [context.Process(target=_create, args=(tmp_path, barrier, wins)) for _ in range(6)]
    for process in processes:
        process.start()
    won = [wins.get(timeout=30) for _ in processes]
    for process in processes:
        process.join()

    assert sum(won) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["row.json"]


@pytest.mark.parametrize("path", ["../outside", "trials/../../outside", "{outside}", "a\0b"])
def test_no_path_is_read_or_seen_that_leads_out_of_the_folder(tmp_path, path):
    outside = tmp_path / "outside"
    outside.write_text("secret")
    storage = open_storage(tmp_path / "runs")
    storage.write("trials/a", b"")
    path = path.format(outside=outside)

    assert not storage.exists(path)
    with pytest.raises(FileNotFoundError):
        storage.read(path)
    with pytest.raises(FileNotFoundError):
        storage.entry(path)
