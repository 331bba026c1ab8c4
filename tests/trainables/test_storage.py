"""One contract for every storage: on disk, and on a real S3 server on this machine."""

import multiprocessing
import uuid

import pytest

from trainables.errors import SharptuneError
from trainables.storage import LocalStorage, open_storage


@pytest.fixture(params=["local", "s3"])
def storage(request, tmp_path):
    if request.param == "local":
        return open_storage(tmp_path / "runs")
    return open_storage(request.getfixturevalue("s3_uri")(uuid.uuid4().hex))


def test_what_is_written_is_read_and_replaced_whole(storage):
    storage.write("a/b/c.txt", b"one")
    storage.write("a/b/c.txt", b"two")

    assert storage.read("a/b/c.txt") == b"two"
    assert storage.exists("a/b/c.txt")
    assert storage.names("a/b") == ["c.txt"]


def test_what_is_not_there_is_not_found(storage):
    assert not storage.exists("nothing")
    assert storage.names("nowhere") == []
    storage.delete("nothing")
    with pytest.raises(FileNotFoundError):
        storage.read("nothing")


def test_only_the_first_creates(storage):
    assert storage.create("x/row.json", b"first")
    assert not storage.create("x/row.json", b"second")
    assert storage.read("x/row.json") == b"first"


def test_appending_keeps_what_was_there(storage):
    storage.append("log/log.txt", b"one\n")
    storage.append("log/log.txt", b"two\n")

    assert storage.read("log/log.txt") == b"one\ntwo\n"


def test_a_moved_file_has_only_its_new_name(storage):
    storage.write("x/row.json", b"row")
    storage.move("x/row.json", "x/row.json.failed-1")

    assert storage.names("x") == ["row.json.failed-1"]


def test_its_uri_opens_it_again(storage):
    storage.write("here", b"yes")

    assert open_storage(storage.uri).read("here") == b"yes"


def test_opening_creates_nothing(tmp_path):
    open_storage(tmp_path / "runs")

    assert not (tmp_path / "runs").exists()


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
