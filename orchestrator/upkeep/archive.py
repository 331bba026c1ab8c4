"""A record in an archive, opened: what somebody sent, who may be anybody.

Only regular files are taken, of names that lead nowhere else, up to a size that such an archive can have.
"""

import contextlib
import gzip
import re
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import IO, TypeAlias

from orchestrator.errors import LedgerError
from orchestrator.upkeep.parquet_members import ENDING as PARQUET
from orchestrator.upkeep.parquet_members import members as parquet_members
from trainables.record.trial_folder import TRIALS

Member: TypeAlias = tuple[str, int, IO[bytes]]
"""A file's name, its bytes as the archive has them, and its content."""
ENDINGS = (".zip", ".tar.gz", ".tgz", PARQUET)
MOST_FILES = 1_000_000
ALWAYS_BYTES = 100_000_000
"""Of content: as much is taken out of an archive of any size."""
MOST_TIMES = 100
"""How many times the size of the archive its content may have beyond that."""
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=-]{0,200}")
"""A name of a file or folder that means the same on every system."""


def is_archive(name: str) -> bool:
    """Say whether a name is that of an archive."""
    return name.endswith(ENDINGS) and "://" not in name


def unpack(archive: Path, folder: Path) -> None:
    """Write the trials of an archive into an empty folder.

    Raises: LedgerError, with nothing written outside of the folder, for an archive that cannot be read, or holds what
    no record has.
    """
    try:
        most = ALWAYS_BYTES + MOST_TIMES * archive.stat().st_size
        with contextlib.closing(_members(archive, most)) as members:
            _write(members, folder, most)
    except LedgerError as error:
        raise LedgerError(f"{archive}: {error}") from error
    except FileNotFoundError as error:
        raise LedgerError(f"there is no file {archive}") from error
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        raise LedgerError(f"{archive}: it cannot be read: {error}") from error
    except (NotImplementedError, RuntimeError) as error:  # of zipfile: encrypted, or packed in an unusual way
        raise LedgerError(f"{archive}: it cannot be read: {error}") from error


def _write(members: Iterable[Member], folder: Path, most: int) -> None:
    seen: set[str] = set()
    total = 0
    for name, size, stream in members:
        total += size
        if name.lower() in seen:
            raise LedgerError(f"it holds {name!r} twice")
        seen.add(name.lower())
        if total > most or len(seen) > MOST_FILES:
            raise LedgerError(
                f"it holds more than {most:,} bytes or {MOST_FILES:,} files, which no bundle of its size does"
            )
        if name.partition("/")[0] != TRIALS:
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        data = stream.read(size + 1)
        if len(data) != size:
            raise LedgerError(f"its {name!r} is not as long as it says")
        target.write_bytes(data)


def _members(archive: Path, most: int) -> Generator[Member, None, None]:
    if archive.name.endswith(PARQUET):
        for name, size, stream in parquet_members(archive, most):
            yield _proper(name), size, stream
    else:
        yield from _zip(archive) if archive.name.endswith(".zip") else _tar(archive)


def _zip(archive: Path) -> Generator[Member, None, None]:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            kind = member.external_attr >> 28
            if member.is_dir():
                continue
            if kind not in (0, 0o10):  # neither unsaid nor a regular file
                raise LedgerError(f"its {member.filename!r} is no file")
            with opened.open(member) as stream:
                yield _proper(member.filename), member.file_size, stream


def _tar(archive: Path) -> Generator[Member, None, None]:
    with tarfile.open(archive, "r:gz") as opened:
        for member in opened:
            if member.isdir():
                continue
            stream = opened.extractfile(member) if member.isreg() else None
            if stream is None:
                raise LedgerError(f"its {member.name!r} is no file")
            yield _proper(member.name), member.size, stream


def _proper(name: str) -> str:
    """Return the name of a member, if it leads nowhere else. Raises: LedgerError."""
    if not is_proper(name):
        raise LedgerError(f"its {name!r} leads elsewhere, or is a name that no bundle has")
    return name


def is_proper(name: str) -> bool:
    """Say whether a bundle may have a member of that name."""
    return all(_PART.fullmatch(part) for part in name.split("/"))
