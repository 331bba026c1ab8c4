"""The commands that keep a record in order: verify, prune, merge."""

import contextlib
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import click

from orchestrator.cli.options import (
    Catalog,
    json_option,
    load_plan,
    open_ledger,
    pass_catalog,
    prove_writable,
    storage_option,
)
from orchestrator.cli.output import say, say_json
from orchestrator.cli.reports import called_in, count_text
from orchestrator.cli.table import of_version
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan
from orchestrator.upkeep.archive import is_archive, unpack
from orchestrator.upkeep.merge import BAD, Merged
from orchestrator.upkeep.merge import merge as merge_into
from orchestrator.upkeep.prune import PHRASES, Useless, asked_for, delete, useless
from orchestrator.upkeep.verify import Report, Wrong
from orchestrator.upkeep.verify import verify as verify_trials
from orchestrator.words import shown_line, size
from trainables.trial import JSON

Result = TypeVar("Result")


@click.command()
@click.argument("experiment", required=False)
@storage_option
@json_option
@pass_catalog
def verify(catalog: Catalog, experiment: str | None, storage: str, as_json: bool) -> int:
    """Hold every row and file against its digests: those of EXPERIMENT, or all in the storage. Changes nothing.

    What is wrong is named, with what it means and what to do; exit code 1 if anything is. Tables are made of rows anew
    each time, and are as sound as these.
    """
    ledger = open_ledger(storage, to_read=True)
    ids = ledger.ids()
    if experiment is not None:
        planned = {trial.trial_id for trial in load_plan(experiment, catalog, (), ledger).trials}
        ids = [trial_id for trial_id in ids if trial_id in planned]
    report = _watched("verifying", ids, lambda progress: verify_trials(ledger, ids, progress))
    if as_json:
        say_json({"storage": ledger.storage.uri, **report.to_json()})
    else:
        say("\n".join([*(line for wrong in report.wrong for line in _wrong_lines(wrong)), _verified(ledger, report)]))
    return 1 if report.wrong else 0


@click.command()
@click.argument("experiments", metavar="[EXPERIMENT]...", nargs=-1)
@storage_option
@click.option("--archived", is_flag=True, help="Delete rows that were set aside, too: failed ones that ran again.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and stop.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@json_option
@pass_catalog
def prune(
    catalog: Catalog,
    experiments: tuple[str, ...],
    storage: str,
    archived: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete what nobody needs: checkpoints of trials that are done, refused ones, and what was left by the killed.

    With EXPERIMENTs also all trials that none of them asks for, but never a row that one does, in whichever version of
    the trainables, nor what that row came from, nor anything that somebody works on. Without one, no row is deleted.
    """
    ledger = open_ledger(storage, to_read=True)
    plans = [plan for name in experiments for plan in _plans(name, catalog, ledger)]
    found = useless(ledger, asked_for(plans, ledger) if experiments else None, archived=archived)
    ends = dry_run or not found
    if as_json and (ends or not yes):
        say_json(_pruned_json(ledger, found, deleted=False))
    elif not as_json:
        say("\n".join([*_useless_lines(ledger, found), _sum(ledger, found, "can be deleted")]))
    if ends or not (yes or _agreed()):
        return
    gone = _watched("deleting", found, lambda progress: [each for each in delete(ledger, found) if not progress(1)])
    if as_json:
        say_json(_pruned_json(ledger, gone, deleted=True))
    else:
        say(_sum(ledger, gone, "deleted"))


def _plans(experiment: str, catalog: Catalog, ledger: Ledger) -> Iterator[Plan]:
    """Yield the plan of an experiment, and those that it was for earlier versions of the trainables."""
    for version in range(1, max(entry.version for entry in catalog.values()) + 1):
        yield load_plan(experiment, of_version(catalog, version), (), ledger)


def _agreed() -> bool:
    """Ask on a terminal whether to go on. Raises: UsageError where there is none."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("nothing is deleted: --yes deletes this, --dry-run only shows it")
    return click.confirm("Delete this?")


def _useless_lines(ledger: Ledger, found: Sequence[Useless]) -> list[str]:
    """Return a line for each trial and reason: what can go, and how large it is."""
    lines = []
    for (trial_id, why), files in groupby(found, key=lambda each: (each.trial, each.why)):
        sizes = [each.bytes for each in files]
        what = f"{count_text(len(sizes), 'file')} {why}" if why in PHRASES else count_text(len(sizes), why)
        lines.append(shown_line(f"{called_in(ledger, trial_id)}  {what}, {size(sum(sizes))}"))
    return lines


def _sum(ledger: Ledger, found: Sequence[Useless], verb: str) -> str:
    if not found:
        return f"{ledger.storage.uri}: nothing to prune"
    trials = len({each.trial for each in found if each.trial})
    of = f" of {count_text(trials, 'trial')}" if trials else ""
    what = f"{count_text(len(found), 'file')}{of}, {size(sum(each.bytes for each in found))}"
    return f"{ledger.storage.uri}: {what} {verb}"


def _pruned_json(ledger: Ledger, found: Sequence[Useless], *, deleted: bool) -> dict[str, JSON]:
    return {
        "storage": ledger.storage.uri,
        "deleted": deleted,
        "files": [asdict(each) for each in found],
        "bytes": sum(each.bytes for each in found),
    }


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
            found[name] = _watched(f"merging {name}", ids, lambda tell, each=trials: [m for m in each if not tell(1)])
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


def _wrong_lines(wrong: Wrong) -> list[str]:
    indent = " " * len(wrong.trial)
    lines = [
        f"{wrong.trial}  {wrong.file}: {wrong.what}",
        *(f"{indent}  {text}" for text in (wrong.means, wrong.do) if text),
    ]
    return [shown_line(line) for line in lines]


def _verified(ledger: Ledger, report: Report) -> str:
    """Return what was checked, in a sentence."""
    counts = [
        (report.rows, "row"),
        (report.files, "file"),
        (report.checkpoints, "checkpoint"),
        (report.claims, "claim"),
    ]
    checked = ", ".join(count_text(count, what) for count, what in counts)
    left_out = f"; {count_text(report.left_out, 'file')} not here (left out of the bundle)" if report.left_out else ""
    found = len(report.wrong)
    verdict = "nothing is wrong" if not found else f"{found} thing{'s are' if found > 1 else ' is'} wrong"
    of = count_text(report.trials, "trial")
    return f"{ledger.storage.uri}: {of}: {checked}, {size(report.bytes)}{left_out}; {verdict}"


def _watched(label: str, items: Sequence[object], work: Callable[[Callable[[int], object]], Result]) -> Result:
    """Do some work on items, with a bar on stderr where somebody is looking."""
    if not sys.stderr.isatty():
        return work(lambda count: None)
    with click.progressbar(length=len(items), label=label, file=sys.stderr) as bar:
        return work(bar.update)
