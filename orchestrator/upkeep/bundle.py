"""What a colleague needs of an experiment, in one file: a record in an archive, which `merge` opens.

`trials/` in it is that of a storage, with what was left out named in each trial's folder. Beside it stand the
experiment's file, the files that it names, its tables, and what made them. Equal records make equal bundles.
"""

import contextlib
import gzip
import io
import json
import math
import os
import tarfile
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from orchestrator.planning.grids.resolvers import RESOLVERS
from orchestrator.upkeep.archive import is_proper
from orchestrator.upkeep.left_out import LEFT_OUT, left_out_json, left_out_of
from trainables.errors import DamagedFile
from trainables.record.log import LOG
from trainables.record.trial_folder import ROW, SPEC, TrialFolder
from trainables.trial import JSON

WEIGHTS = ".safetensors"
"""The files that are large, and that no table needs."""
MOST_BYTES = 1_000_000
"""Of a file that an experiment names: a genotype has some thousand."""
Put = Callable[[str, bytes], None]


@dataclass(kw_only=True, slots=True)
class Packed:
    """What a bundle holds."""

    trials: int = 0
    without_row: int = 0
    """Trials that have not ended, of which there is nothing in it."""
    files: int = 0
    bytes: int = 0
    left_out: int = 0
    """Files that rows name, and that are not in it: weights, and what is too large for a Parquet file."""


def pack(path: Path, ledger: Ledger, trial_ids: Iterable[str], beside: Mapping[str, bytes], *, weights: bool) -> Packed:
    """Write a bundle of these trials, and of files `beside` them; the file is there whole or not at all.

    Raises: LedgerError where a row or a file of one cannot be trusted, or none has ended; OSError.
    """
    packed = Packed()
    with written_whole(path) as fresh, _archive(fresh, zipped=path.name.endswith(".zip")) as put:

        def count(name: str, data: bytes) -> None:
            packed.files += 1
            packed.bytes += len(data)
            put(name, data)

        for name, data in sorted(beside.items()):
            count(name, data)
        for trial_id in sorted(trial_ids):
            pack_trial(ledger.folder(trial_id), packed, count, weights=weights)
        if not packed.trials:
            raise LedgerError(f"none of its trials has ended in {ledger.storage.uri}: there is nothing to send")
    return packed


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield where to write a file that is then at its path, whole; where that fails, nothing is left."""
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield fresh
        fresh.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()


def pack_trial(
    folder: TrialFolder,
    packed: Packed,
    put: Put,
    *,
    weights: bool = False,
    most: float = math.inf,
    texts: bool = True,
) -> None:
    """Put a trial's files, unless it has no row; weights, and files of more than `most` bytes, only where asked for.

    Args:
        texts: also its log, and what its processes printed.

    Raises: LedgerError where its row or a file cannot be trusted.
    """
    try:
        row = folder.read_row()
        if row is None:
            packed.without_row += 1
            return
        packed.trials += 1
        left_out = set()
        for name, told in sorted(row.files.items()):
            if name.endswith(WEIGHTS) and not weights:
                left_out.add(name)
                continue
            try:
                data = folder.read_file(row, name)
            except FileNotFoundError as error:
                if name not in left_out_of(folder):
                    raise DamagedFile(f"its {name} is missing") from error
                left_out.add(name)
                continue
            if len(data) > most:
                left_out.add(name)
            else:
                put(f"{folder.path}/{told.get('path', name)}", data)
    except DamagedFile as error:
        raise LedgerError(f"trial {folder.trial_id}: {error}; sharptune verify says what to do") from error
    packed.left_out += len(left_out)
    if left_out:
        put(f"{folder.path}/{LEFT_OUT}", left_out_json(left_out))
    if texts and (log := folder.read_log()):
        put(f"{folder.path}/{LOG}", log.encode())
    for name in (*(folder.outputs.names() if texts else ()), SPEC, ROW):
        with contextlib.suppress(FileNotFoundError):
            put(f"{folder.path}/{name}", folder.storage.read(f"{folder.path}/{name}"))


def named_files(document: JSON, base: Path) -> tuple[dict[str, bytes], list[str]]:
    """Return the files that an experiment names, by their paths from its folder; and what it names that cannot come."""
    found: dict[str, bytes] = {}
    missing: list[str] = []
    for text in dict.fromkeys(_names(document)):
        path = base / Path(text).expanduser()
        if not path.is_file():
            path = base / Path(text.rpartition(":")[0] or text).expanduser()  # search.log:12, genotypes.py:NAME
        try:
            inside = path.resolve().is_relative_to(base.resolve()) and not Path(text).is_absolute()
            relative = os.path.relpath(path, base)
            if path.is_file() and inside and path.stat().st_size <= MOST_BYTES and is_proper(relative):
                found[relative] = path.read_bytes()
            elif path.exists():
                missing.append(text)
        except (OSError, ValueError):  # no path at all
            continue
    return found, missing


def _names(value: JSON, key: str = "") -> Iterator[str]:
    """Yield all texts under keys whose values may be names of files."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _names(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each, key)
    elif isinstance(value, str) and value and key in RESOLVERS:
        yield value


@contextlib.contextmanager
def _archive(path: Path, *, zipped: bool) -> Iterator[Put]:
    """Open an archive to put files into, in which nothing tells when or by whom it was made."""
    if zipped:
        with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as opened:

            def put_zipped(name: str, data: bytes) -> None:
                member = zipfile.ZipInfo(name)
                member.external_attr = 0o100644 << 16
                opened.writestr(member, data, zipfile.ZIP_DEFLATED)

            yield put_zipped
        return
    with (
        path.open("xb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):

        def put_tarred(name: str, data: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))

        yield put_tarred


def about(experiment: str, versions: Mapping[str, str], commit: str) -> bytes:
    """Return what a bundle says of itself."""
    data = {"bundle": 1, "experiment": experiment, "commit": commit, "versions": dict(versions)}
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()
