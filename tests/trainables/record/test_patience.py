"""A storage that fails for a moment is asked again, and one that stays away is a sentence."""

import errno

import pytest
from meddling import KINDS, MeddledStorage

from trainables.errors import SharptuneError, StorageError
from trainables.record.local_storage import LocalStorage
from trainables.record.patience import Patience
from trainables.record.storage import PatientStorage

QUICK = Patience(seconds=5, first_pause=0)


def error_of(number: int) -> OSError:
    return OSError(number, errno.errorcode[number])


class Faults:
    """Raises the errors it is given at the next operations, one each."""

    def __init__(self, *errors, when="before"):
        self.left = list(errors)
        self._when = when

    def __call__(self, kind, number, when):
        if when == self._when and self.left:
            raise self.left.pop(0)


def use(storage, kind):
    """Do one operation of a kind and return what came of it; the file `x` has `one` in it."""
    arguments = {
        "write": ("x", b"two"),
        "create": ("new", b"new"),
        "append": ("x", b"+"),
        "names": ("",),
        "walk": ("",),
        "move": ("x", "y"),
    }
    found = getattr(storage, kind)(*arguments.get(kind, ("x",)))
    found = sorted(found) if kind == "walk" else found.bytes if kind == "entry" else found
    return found, {name: storage.read(name) for name in storage.names("")}


def patient(tmp_path, meddle, patience=QUICK) -> PatientStorage:
    inner = LocalStorage(tmp_path)
    inner.write("x", b"one")
    return PatientStorage(MeddledStorage(inner, meddle), patience)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_once_gives_what_it_gives_without_a_fault(tmp_path, kind, when):
    """Also where it was done and only the answer got lost: what is created twice was created by us."""
    faults = Faults(error_of(errno.EIO), TimeoutError(), when=when)

    found = use(patient(tmp_path / "faulty", faults), kind)

    assert faults.left == []
    assert found == use(patient(tmp_path / "sound", lambda *_: None), kind)


@pytest.mark.parametrize(
    "error",
    [
        *map(error_of, (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.ECONNRESET, errno.EHOSTUNREACH)),
        ConnectionError("reset"),
        TimeoutError("timed out"),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again_and_again(tmp_path, error):
    faults = Faults(*[error] * 9)

    assert patient(tmp_path, faults).read("x") == b"one"
    assert faults.left == []


@pytest.mark.parametrize(
    "error",
    [
        *map(
            error_of, (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR)
        ),
        *map(error_of, (errno.EACCES, errno.ENXIO, errno.EINVAL, errno.ENOTSUP)),
        ValueError("no such thing"),
    ],
    ids=str,
)
def test_what_does_not_pass_is_said_at_once(tmp_path, error):
    faults = Faults(error, RuntimeError("tried again"))

    with pytest.raises(type(error)) as raised:
        patient(tmp_path, faults).read("x")

    assert raised.value is error


def test_another_processes_file_was_not_created_by_us_however_often_we_try(tmp_path):
    storage = patient(tmp_path, Faults(error_of(errno.EIO), error_of(errno.EIO)))

    assert not storage.create("x", b"two")
    assert storage.read("x") == b"one"


def test_a_storage_that_stays_away_is_a_sentence_and_is_not_waited_for_again_until_it_answers(tmp_path, monkeypatch):
    now, slept = [0.0], []
    monkeypatch.setattr("trainables.record.patience.time.monotonic", lambda: now[0])

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr("trainables.record.patience.time.sleep", sleep)
    faults = Faults(*[error_of(errno.ESTALE)] * 10_000)
    storage = patient(tmp_path, faults, Patience())

    with pytest.raises(StorageError) as raised:
        storage.read("x")
    waited, tries = now[0], len(slept)
    with pytest.raises(StorageError):
        storage.read("x")

    assert str(raised.value) == f"storage {storage.uri} does not answer for 60 seconds: ESTALE"
    assert isinstance(raised.value, SharptuneError)
    assert isinstance(raised.value, OSError)
    assert waited == pytest.approx(60)
    assert max(slept) <= 7.5
    assert (now[0], len(slept)) == (waited, tries)

    faults.left = []
    assert storage.read("x") == b"one"
    faults.left = [error_of(errno.ESTALE)] * 3
    assert storage.read("x") == b"one"


def test_whoever_opens_a_storage_says_how_long_it_is_waited_for(tmp_path):
    faults = Faults(error_of(errno.EIO))

    with pytest.raises(StorageError, match="does not answer now: EIO"):
        patient(tmp_path, faults).within(0).read("x")
