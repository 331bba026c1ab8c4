"""The command `doctor`: whether this machine is well."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from orchestrator.cli.options import json_option, open_ledger, prove_writable, storage_option
from orchestrator.cli.output import say, say_json
from trainables.data.catalog import DATASETS, EVALUATION_SETS, cache_root
from trainables.errors import SharptuneError
from trainables.record import provenance


@click.command()
@storage_option
@json_option
def doctor(storage: str, as_json: bool) -> int:
    """Check this machine: versions, processors, GPUs, storage, disk space, data."""
    checks = list(_checks(storage))
    if as_json:
        say_json([{"check": name, "ok": ok, "found": found} for name, ok, found in checks])
    else:
        for name, ok, found in checks:
            say(f"{'ok  ' if ok else 'FAIL'}  {name:<12} {found}")
    return 0 if all(ok for _, ok, _ in checks) else 1


def _checks(storage: str) -> Iterator[tuple[str, bool, str]]:
    """Yield (what, whether it is well, what was found)."""
    yield "sharptune", True, f"{provenance.commit()} on Python {sys.version.split()[0]}"
    versions = provenance.versions()
    missing = [name for name, version in versions.items() if version == "not installed"]
    yield "versions", not missing, ", ".join(f"{name} {version}" for name, version in versions.items())
    count, why = provenance.cpus()
    usable = " ".join(filter(None, [f"{count} CPU{'s' if count > 1 else ''}", why]))
    yield "processor", True, f"{usable}, {provenance.processor()}"
    yield _accelerator()
    yield _try_storage(storage)
    free = shutil.disk_usage(_existing(cache_root())).free
    yield "disk", free > 2 * 2**30, f"{free / 2**30:.1f} GiB free where the data cache is ({cache_root()})"
    from trainables.data.cache import present
    from trainables.data.store import remedy

    for name in sorted([*DATASETS, *EVALUATION_SETS]):
        yield "data", True, f"{name} {'is here' if present(name) else f'is not here yet: {remedy(name)}'}"


def _accelerator() -> tuple[str, bool, str]:
    from trainables.loops.devices import describe

    return "device", True, describe()


def _try_storage(uri: str) -> tuple[str, bool, str]:
    """Write and delete a small file where the rows go."""
    try:
        ledger = open_ledger(uri)
        lack = prove_writable(ledger)
    except (OSError, SharptuneError) as error:
        return "storage", False, str(error)
    return "storage", True, lack or f"{ledger.storage.uri} can be written"


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
