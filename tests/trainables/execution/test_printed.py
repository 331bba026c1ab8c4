"""What a trial's process prints stands beside the trial, attempt by attempt, and nowhere else."""

import ctypes
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from trainables.execution.printed import Printed, bring_in
from trainables.record.local_storage import LocalStorage
from trainables.record.outputs import MOST_ATTEMPTS, MOST_BYTES
from trainables.record.patience import AT_ONCE
from trainables.record.storage import PatientStorage, open_storage
from trainables.record.trial_folder import TrialFolder
from trainables.trial import TrialRow, TrialSpec

ATTEMPT = "0001.0123abcd"
DIES = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from test_printed import ATTEMPT, folder_in
from trainables.execution.printed import Printed
with Printed(folder_in(sys.argv[2], remote=True), ATTEMPT):
    os.write(2, b"last words")
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Bucket(LocalStorage):
    """A folder that counts as an object store; it may be away."""

    remote = True
    away = False

    def write(self, path, data, *, durable=True):
        if self.away:
            raise ConnectionError("no route to host")
        super().write(path, data, durable=durable)


def folder_in(place, *, remote=False) -> TrialFolder:
    storage = PatientStorage(Bucket(Path(place)), AT_ONCE) if remote else open_storage(place)
    return TrialFolder(storage, "0123456789ab")


def texts(folder: TrialFolder) -> list[bytes]:
    return [folder.outputs.read(name).data for name in folder.outputs.names()]


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The temporary folder of this process and of those that it starts."""
    path = tmp_path / "temporary"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    monkeypatch.setenv("TMPDIR", str(path))
    return path


@pytest.fixture(params=[False, True], ids=["disk", "object store"])
def folder(request, temporary, tmp_path):
    return folder_in(tmp_path / "runs", remote=request.param)


def test_all_that_is_printed_is_kept_whoever_prints_it_and_nothing_of_before_or_after(folder, temporary, capfd):
    libc = ctypes.CDLL(None)
    libc.fdopen.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(libc.fdopen(1, b"w"))  # which holds back what is written to it
    libc.fputs(b"before in C, ", stream)

    with Printed(folder, ATTEMPT):
        os.write(1, b"out, ")
        os.write(2, b"err, ")
        subprocess.run([sys.executable, "-S", "-c", "print('child', end=', ')"], check=True)
        libc.fputs(b"C, ", stream)
    os.write(2, b"after")

    out, err = capfd.readouterr()
    [text] = texts(folder)
    assert text.startswith(b"out, err, child, ")
    assert b"before" not in text
    assert text.endswith(b"C, ")
    assert "before in C, " in out
    assert err == "after"
    assert not list(temporary.iterdir())


def test_of_a_process_that_prints_nothing_there_is_no_file(folder, temporary):
    with Printed(folder, ATTEMPT):
        pass

    assert folder.outputs.names() == []
    assert not list(temporary.iterdir())


def test_on_a_disk_what_is_printed_can_be_read_at_once(tmp_path):
    folder = folder_in(tmp_path)

    with Printed(folder, ATTEMPT):
        os.write(1, b"so far")
        amid = texts(folder)

    assert amid == [b"so far"]


def test_of_a_chatty_process_the_end_is_kept_also_while_it_prints(folder, monkeypatch):
    monkeypatch.setattr("trainables.execution.printed.LOOK_SECONDS", 0.01)

    with Printed(folder, ATTEMPT):
        for _ in range(4):
            os.write(1, b"x" * MOST_BYTES)
        until = time.monotonic() + 30
        while os.fstat(1).st_size > 2 * MOST_BYTES and time.monotonic() < until:
            time.sleep(0.01)
        bounded = os.fstat(1).st_size
        os.write(1, b"the end")

    assert bounded <= 2 * MOST_BYTES
    [name] = folder.outputs.names()
    kept = folder.outputs.read(name)
    assert kept.data.endswith(b"xxx" + b"the end")
    assert len(kept.data) == MOST_BYTES
    assert kept.left_out == 3 * MOST_BYTES + len(b"the end")
    assert folder.storage.read(f"{folder.path}/{name}").startswith(
        b"[%d bytes before this line are not kept]\n" % kept.left_out
    )


def test_an_error_and_a_disk_that_takes_nothing_leave_everything_in_its_place(tmp_path, capfd, temporary):
    (tmp_path / "file").touch()

    with pytest.raises(ValueError, match="mine"), Printed(folder_in(tmp_path / "runs"), ATTEMPT):
        raise ValueError("mine")
    with Printed(folder_in(tmp_path / "file"), ATTEMPT):
        os.write(1, b"as before")

    assert capfd.readouterr().out == "as before"


def test_what_a_killed_process_printed_is_brought_to_its_object_store_from_the_same_node_once(temporary, tmp_path):
    place = tmp_path / "runs"
    killed = subprocess.run([sys.executable, "-c", DIES, str(Path(__file__).parent), str(place)], check=False)
    folder, other = folder_in(place, remote=True), folder_in(tmp_path / "other", remote=True)

    bring_in(other.storage)
    before = texts(folder)
    with Printed(folder, "0002.0123abcd"):
        os.write(1, b"the next attempt")

    assert killed.returncode == -9
    assert (before, texts(other)) == ([], [])
    assert texts(folder) == [b"last words", b"the next attempt"]
    assert not list(temporary.iterdir())


def test_what_a_store_that_is_away_does_not_take_is_brought_in_later_and_nothing_of_an_attempt_at_work(
    temporary, tmp_path, monkeypatch
):
    folder = folder_in(tmp_path / "runs", remote=True)
    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "away", True)
        patch.setattr("trainables.execution.printed.WRITE_SECONDS", 0)
        with Printed(folder, ATTEMPT):
            os.write(1, b"meanwhile")

    with Printed(folder, "0002.0123abcd"):
        os.write(1, b"at work")
        bring_in(folder.storage)
        amid = texts(folder)

    assert amid == [b"meanwhile"]
    assert texts(folder) == [b"meanwhile", b"at work"]


def test_outputs_of_the_last_attempts_stay_when_the_trial_is_done_and_those_before_them_go(folder):
    spec = TrialSpec(trainable="chain", version=1, config={}, seed=0)
    row = TrialRow(trial_id=folder.trial_id, spec=spec, config={}, state="done", metrics={}, artifacts={})
    for number in range(1, MOST_ATTEMPTS + 3):
        with Printed(folder, f"{number:04d}.0123abcd"):
            os.write(1, b"%d" % number)

    folder.sweep(row)

    assert texts(folder) == [b"%d" % number for number in range(3, MOST_ATTEMPTS + 3)]


def test_of_a_process_killed_before_it_printed_nothing_is_left(temporary, tmp_path):
    place = tmp_path / "runs"
    killed = "os.unlink(os.readlink('/proc/self/fd/1')); os.kill(os.getpid(), signal.SIGKILL)"
    program = DIES.replace('os.write(2, b"last words")', killed)
    subprocess.run([sys.executable, "-c", program, str(Path(__file__).parent), str(place)], check=False)
    folder = folder_in(place, remote=True)
    left = list(temporary.iterdir())

    bring_in(folder.storage)

    assert len(left) == 1
    assert list(temporary.iterdir()) == []
    assert texts(folder) == []
