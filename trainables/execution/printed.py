"""What a trial's process prints is kept beside the trial: `output.<attempt>.txt`.

That is all that goes to file descriptors 1 and 2 while the attempt has the process: Python's words, those of libraries,
the message of an abort, the dump of a crash, and what processes print that it starts.

In a folder on a disk the file stands there from the beginning. For an object store it grows in a temporary folder of
the node and is written once, at the end; if the process dies, `bring_in` does that from the same node.
"""

import contextlib
import ctypes
import json
import os
import shutil
import sys
import threading
from pathlib import Path

from trainables.record.outputs import MOST_BYTES, shortened
from trainables.record.storage import Storage
from trainables.record.temporary import create_folder, folders, left_by_the_dead
from trainables.record.trial_folder import TrialFolder

KIND = "output"
OUTPUT, WHERE, ENDED = "output.txt", "where.json", "ended"
"""In such a temporary folder: what was printed; the storage and the path that it is for; that nobody adds to it."""
LOOK_SECONDS = 1.0
"""Between two looks at how much there is."""
WRITE_SECONDS = 10.0
"""How long an object store is waited for."""


class Printed:
    """A block in which an attempt has the process; afterwards the two descriptors are what they were before.

    Where nothing can be kept (a full disk, say), they stay what they are: no trial fails for that.
    """

    def __init__(self, folder: TrialFolder, attempt: str) -> None:
        self._folder = folder
        self._path = folder.outputs.path(attempt)
        self._spool: Path | None = None
        self._file: Path | None = None
        self._before: dict[int, int] = {}
        self._end = threading.Event()
        self._watch = threading.Thread(target=self._bound, name="sharptune-output", daemon=True)

    def __enter__(self) -> None:
        with contextlib.suppress(OSError):
            self._file = self._place()
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                _flush()
                for number in (1, 2):
                    self._before[number] = os.dup(number)
                    os.dup2(descriptor, number)
            finally:
                os.close(descriptor)
        if self._before:
            self._watch.start()

    def __exit__(self, *exception: object) -> None:
        _flush()
        for number, before in self._before.items():
            os.dup2(before, number)
            os.close(before)
        self._end.set()
        if self._watch.is_alive():
            self._watch.join()
        try:
            self._settle()
        except OSError:
            if self._spool is not None:  # for `bring_in`, another time
                with contextlib.suppress(OSError):
                    (self._spool / ENDED).touch()

    def _place(self) -> Path:
        """Return where the output grows."""
        storage = self._folder.storage
        if not storage.remote:
            path = Path(storage.uri, self._path)
            path.parent.mkdir(parents=True, exist_ok=True)
            return path
        bring_in(storage)
        self._spool = create_folder(KIND)
        (self._spool / WHERE).write_text(json.dumps({"storage": storage.uri, "path": self._path}))
        return self._spool / OUTPUT

    def _bound(self) -> None:
        while not self._end.wait(LOOK_SECONDS):
            with contextlib.suppress(OSError):
                self._shorten(2 * MOST_BYTES)

    def _shorten(self, most: int) -> None:
        """Keep only the end, in the same file, of more than so many bytes.

        What is added in the instant between the last look and the cut is lost.
        """
        assert self._file is not None
        if self._file.stat().st_size <= most:
            return
        with self._file.open("r+b", buffering=0) as file:
            data = file.read()
            kept = shortened(data)
            file.seek(0)
            file.write(kept)
            file.seek(len(data))
            late = file.read()
            file.seek(len(kept))
            file.write(late)
            file.truncate()

    def _settle(self) -> None:
        """Nothing is added any more: leave the file where it belongs, or none where nothing was printed."""
        if self._file is None:
            return
        self._shorten(MOST_BYTES)
        printed = self._file.stat().st_size > 0
        if self._spool is not None:
            if printed:
                _write(self._folder.storage, self._path, self._file)
            shutil.rmtree(self._spool, ignore_errors=True)
        elif not printed:
            self._file.unlink()
        if printed:
            self._folder.outputs.prune()


def bring_in(storage: Storage) -> None:
    """Write to an object store what processes of this node printed that died before they could, or tried in vain.

    What belongs to another storage, and what cannot be written now, waits for another time.
    """
    dead = left_by_the_dead(KIND)
    for spool in folders(KIND):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if spool in dead or (spool / ENDED).exists():
                if not (spool / WHERE).exists():  # killed before it could say
                    shutil.rmtree(spool, ignore_errors=True)
                where = json.loads((spool / WHERE).read_text())
                if where["storage"] == storage.uri:
                    if (spool / OUTPUT).exists() and (spool / OUTPUT).stat().st_size:
                        _write(storage, where["path"], spool / OUTPUT)
                    shutil.rmtree(spool, ignore_errors=True)


def _write(storage: Storage, path: str, file: Path) -> None:
    storage.within(WRITE_SECONDS).write(path, shortened(file.read_bytes()))


def _flush() -> None:
    """Write out what Python and C still hold back: it belongs to what had the descriptors until now."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).fflush(None)
