"""Where exports go: a folder of this machine or an object store, a file replaced whole or not at all."""

import errno
import os
from pathlib import Path

from trainables.record.addresses import folder_of
from trainables.record.storage import open_storage


def write_file(address: str, data: bytes) -> None:
    """Write a file of this path, or of this address in an object store.

    Raises: SharptuneError for an address that is none; FileNotFoundError where its folder is not there; OSError.
    """
    place, mark, parameters = address.partition("?") if "://" in address else (address, "", "")
    folder, _, name = place.rpartition("/")
    if (here := folder_of(address)) is not None:
        folder, mark, parameters, name = str(here.parent), "", "", here.name
        if not Path(folder).is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), address)
    try:
        open_storage(f"{folder}{mark}{parameters}").write(name, data)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, address) from error


def beside(address: str, word: str) -> str:
    """Return the address of a file beside another: `rows.parquet` and `epochs` give `rows-epochs.parquet`."""
    place, mark, parameters = address.partition("?") if "://" in address else (address, "", "")
    stem, dot, ending = place.rpartition(".")
    return f"{stem}-{word}{dot}{ending}{mark}{parameters}"


def is_parquet(address: str) -> bool:
    """Say whether an address is that of a Parquet file."""
    place = address.partition("?")[0] if "://" in address else address
    return place.endswith(".parquet") and place.rpartition("/")[2] != ".parquet"
