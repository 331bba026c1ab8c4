"""What object stores answer when something is wrong, and what becomes of it: a sentence at once, or another try."""

import errno
import os
import signal
import socket
import threading
import time
import uuid
from datetime import timedelta

import pytest
from command_line import CHAINS, call
from s3_server import IGNORING, REFUSING

from trainables.errors import SharptuneError, StorageError
from trainables.record.buckets import QUICK, region_of
from trainables.record.object_store import LARGE
from trainables.record.patience import Patience
from trainables.record.storage import open_storage, tried_out

ONCE = Patience(seconds=0)


def open_at(port, patience=ONCE):
    return open_storage(f"s3://bucket/runs?endpoint_override=127.0.0.1:{port}&scheme=http&region=x", patience=patience)


def fault(code: str, message: str = "") -> str:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"


@pytest.mark.parametrize(
    ("status", "body", "number", "sentence"),
    [
        ("404 Not Found", fault("NoSuchBucket"), errno.ENXIO, "there is no bucket bucket"),
        ("301 Moved Permanently", fault("PermanentRedirect"), errno.EINVAL, "in another region; name it"),
        ("403 Forbidden", "", errno.EACCES, "it answers 403 Forbidden; keys come from"),
        (
            "403 Forbidden",
            fault("RequestTimeTooSkewed", "The clock is wrong."),
            errno.EACCES,
            "The clock is wrong; keys",
        ),
        (
            "400 Bad Request",
            fault("InvalidRequest", "No &amp; no"),
            errno.EINVAL,
            "it answers 400 Bad Request: .*No & no",
        ),
    ],
)
def test_what_does_not_pass_is_a_sentence_at_once(s3_server, answering, status, body, number, sentence):
    storage = open_at(answering(status, body), Patience())

    with pytest.raises(OSError, match=sentence) as caught:
        storage.names("trials")

    assert caught.value.errno == number
    with pytest.raises(OSError, match=sentence):
        storage.create("new", b"")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("503 Service Unavailable", fault("SlowDown", "Please reduce your request rate.")),
        ("500 Internal Server Error", ""),
        ("429 Too Many Requests", ""),
        ("400 Bad Request", fault("RequestTimeout")),
        ("409 Conflict", fault("ConditionalRequestConflict")),
    ],
)
def test_what_may_pass_is_tried_again(s3_server, answering, status, body):
    storage = open_at(answering(status, body))

    for operation in (lambda: storage.create("new", b""), lambda: storage.read("x"), lambda: storage.names("trials")):
        with pytest.raises(StorageError, match=f"does not answer now: it answers {status}"):
            operation()


def test_a_server_that_says_nothing_is_not_waited_for_but_a_large_file_may_take_its_time(s3_server, monkeypatch):
    monkeypatch.setitem(QUICK, "read_timeout", timedelta(seconds=0.2))
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        storage = open_at(listening.getsockname()[1])
        with pytest.raises(StorageError, match="it did not answer in time"):
            storage.read("x")
        listening.accept()[0].close()
        threading.Thread(target=take_slowly, args=(listening, 0.5), daemon=True).start()
        storage.write("large", b"x" * (LARGE + 1))


def take_slowly(listening, seconds) -> None:
    """Begin to read a request only after some time, and answer that all is well."""
    connection, _ = listening.accept()
    with connection:
        time.sleep(seconds)
        left = LARGE
        while left > 0:
            left -= len(connection.recv(2**20))
        connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 0\r\n\r\n')


def test_a_server_that_is_not_there_is_waited_for(s3_server):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(StorageError, match="does not answer now: Connection refused"):
            open_at(closed.getsockname()[1]).read("x")


@pytest.mark.parametrize("bucket", [IGNORING, REFUSING])
def test_a_store_without_conditional_writes_is_said_and_its_address_says_so_to_the_workers(
    s3_uri, bucket, capsys, tmp_path
):
    uri, experiment = s3_uri(uuid.uuid4().hex, bucket), tmp_path / "chains.yaml"
    experiment.write_text(CHAINS)

    result = call(capsys, "run", experiment, "--runner", "local", "--storage", uri)
    doctor = call(capsys, "doctor", "--storage", uri)

    assert "knows no conditional writes: two drivers at once may do work twice there" in result.err
    assert result.code == 0
    assert "knows no conditional writes" in doctor.out
    storage = tried_out(open_storage(uri))
    again = open_storage(storage.uri)
    assert (storage.exclusive, again.exclusive) == (False, False)
    assert again.create("row.json", b"first")
    assert not again.create("row.json", b"second")
    assert again.read("row.json") == b"first"


def test_nothing_is_said_of_a_store_that_knows_them(s3_uri):
    uri = s3_uri(uuid.uuid4().hex)
    storage = tried_out(open_storage(uri))

    assert (storage.uri, storage.exclusive) == (uri, True)
    assert storage.walk("") == {}


def test_the_region_of_a_bucket_is_asked_for(answering, monkeypatch):
    port = answering("403 Forbidden", "", "x-amz-bucket-region: eu-west-3\r\n")
    monkeypatch.setattr("trainables.record.buckets.AMAZON", f"http://127.0.0.1:{port}")

    assert region_of("bucket") == "eu-west-3"
    monkeypatch.setattr("trainables.record.buckets.AMAZON", "http://127.0.0.1:1")
    assert region_of("bucket") is None


def test_a_path_that_cannot_be_is_a_sentence(s3_uri):
    with pytest.raises(SharptuneError, match="empty path segment"):
        open_storage(s3_uri("a//b"))


def test_a_forked_process_hears_that_it_must_be_started_anew_instead_of_waiting_for_ever(s3_uri):
    storage = open_storage(s3_uri(uuid.uuid4().hex))
    storage.write("here", b"yes")
    if (child := os.fork()) == 0:
        signal.alarm(5)
        try:
            storage.read("here")
        except RuntimeError:
            os._exit(7)
        os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
