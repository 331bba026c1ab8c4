"""`sharptune prune`: what nobody needs, shown, asked about and deleted."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby

import click

from orchestrator.cli.options import (
    Catalog,
    json_option,
    load_plan,
    open_ledger,
    pass_catalog,
    storage_option,
)
from orchestrator.cli.output import say, say_json
from orchestrator.cli.reports import called_in, count_text
from orchestrator.cli.table import of_version
from orchestrator.cli.upkeep.asking import watched
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan
from orchestrator.upkeep.prune import PHRASES, Useless, asked_for, delete, useless
from orchestrator.words import shown_line, size
from trainables.trial import JSON


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
    gone = watched("deleting", found, lambda progress: [each for each in delete(ledger, found) if not progress(1)])
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
