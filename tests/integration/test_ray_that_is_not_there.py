"""Where Ray cannot start, or no cluster is: one sentence, soon, and nothing of Ray's own. No Ray starts."""

import socket
import threading

import pytest
from drive import grid
from running_contract import go

from orchestrator.errors import RunError
from orchestrator.running.ray_tune.processes import SOCKET_BYTES, check_temp_folder
from orchestrator.running.ray_tune.runner import RayRunner


@pytest.fixture
def something():
    """Listens, and answers what a test sets, once; the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def refused(tmp_path, address):
    with pytest.raises(RunError) as error:
        go(tmp_path, grid(1, 0), runner=RayRunner(address=address))
    return str(error.value)


@pytest.mark.parametrize("named", ["by the option", "by the environment"])
def test_an_address_where_nothing_listens(tmp_path, monkeypatch, named):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")

    said = refused(tmp_path, "127.0.0.1:1" if named == "by the option" else "auto")

    assert said.startswith("no Ray cluster answers at '127.0.0.1:1': ")


def test_an_address_where_something_listens_and_says_nothing(tmp_path, monkeypatch, something):
    monkeypatch.setattr("orchestrator.running.ray_tune.nodes.KNOCK_SECONDS", 0.2)
    address = f"127.0.0.1:{something.getsockname()[1]}"

    assert refused(tmp_path, address) == f"no Ray cluster answers at '{address}' within 0.2 seconds"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b""])
def test_an_address_where_something_else_listens(tmp_path, something, answer):
    def serve():
        line, _ = something.accept()
        with line:
            line.recv(1000)
            line.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    address = f"127.0.0.1:{something.getsockname()[1]}"

    assert refused(tmp_path, address) == f"what answers at '{address}' is no Ray cluster"
    thread.join()


def test_a_temporary_folder_that_is_too_deep_for_sockets(tmp_path, monkeypatch):
    deep = tmp_path / ("x" * SOCKET_BYTES)
    monkeypatch.setenv("TMPDIR", str(deep))
    monkeypatch.delenv("RAY_TMPDIR", raising=False)

    with pytest.raises(RunError, match=r"has too long a path: \d+ bytes for its sockets, of 107 .*; set RAY_TMPDIR"):
        check_temp_folder()
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    check_temp_folder()


def test_a_temporary_folder_of_someone_else(tmp_path, monkeypatch):
    (tmp_path / "ray").mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path / "ray")

    with pytest.raises(RunError, match=r"/ray cannot be written \(.*/ray belongs to .*; set RAY_TMPDIR to"):
        check_temp_folder()
