"""`sharptune merge`: other storages and bundles, taken over into this one."""

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from orchestrator.cli.options import (
    json_option,
    open_ledger,
    prove_writable,
    storage_option,
)
from orchestrator.cli.output import say, say_json
from orchestrator.cli.reports import called_in
from orchestrator.cli.upkeep.asking import watched
from orchestrator.ledger import Ledger
from orchestrator.upkeep.archive import is_archive, unpack
from orchestrator.upkeep.merge import BAD, Merged
from orchestrator.upkeep.merge import merge as merge_into
from orchestrator.words import shown_line


@click.command()
@click.argument("sources", metavar="FROM...", nargs=-1, required=True)
@storage_option
@click.option("--checkpoints", is_flag=True, help="Also those of trials that are not done, so that they go on here.")
@click.option("--dry-run", is_flag=True, help="Say what would be taken, and write nothing.")
@json_option
def merge(sources: tuple[str, ...], storage: str, checkpoints: bool, dry_run: bool, as_json: bool) -> int:
    """Take the trials of other storages, or of bundles, over into this one; nothing that is done is replaced.

    FROM is a folder, s3://bucket/path, gs://bucket/path, or a bundle's file. All bytes are held against their digests
    on the way. Exit code 1 where something there is damaged, or where trials are done in both and differ.
    """
    target = open_ledger(storage)
    if not dry_run:
        prove_writable(target)
    found: dict[str, list[Merged]] = {}
    for name in sources:
        with _opened(name) as source:
            if source.storage.uri == target.storage.uri:
                raise click.UsageError(f"{name} is the storage itself")
            ids = source.ids()
            trials = merge_into(source, target, checkpoints=checkpoints, dry_run=dry_run)
            found[name] = watched(f"merging {name}", ids, lambda tell, each=trials: [m for m in each if not tell(1)])
            if not as_json:
                say("\n".join([*_merged_lines(source, found[name]), _merged(name, target, found[name], dry_run)]))
    if as_json:
        trials = [{"from": name, **asdict(each)} for name, merged in found.items() for each in merged]
        say_json({"storage": target.storage.uri, "written": not dry_run, "trials": trials})
    return 1 if any(each.verdict in BAD for merged in found.values() for each in merged) else 0


@contextlib.contextmanager
def _opened(name: str) -> Iterator[Ledger]:
    """Open a storage, or a bundle in a folder of its own for as long. Raises: LedgerError."""
    if not is_archive(name):
        yield open_ledger(name, to_read=True)
        return
    with tempfile.TemporaryDirectory(prefix="sharptune-") as folder:
        unpack(Path(name).expanduser(), Path(folder))
        yield open_ledger(folder, to_read=True)


def _merged_lines(source: Ledger, merged: Sequence[Merged]) -> list[str]:
    """Return a line for each trial that is more than taken, or here already."""
    told = [each for each in merged if each.verdict not in ("taken", "same", "unfinished")]
    return [shown_line(f"{called_in(source, each.trial)}  {each.verdict}: {each.reason}") for each in told]


def _merged(name: str, target: Ledger, merged: Sequence[Merged], dry_run: bool) -> str:
    counts = Counter(each.verdict for each in merged)
    found = ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "no trials"
    return shown_line(f"{name} into {target.storage.uri}: {found}{'; nothing is written' if dry_run else ''}")
