"""`sharptune index`: rows of many trials in few files, written or checked."""

from collections.abc import Iterator, Sequence
from functools import partial

import click

from orchestrator.cli.options import Catalog, json_option, load_plan, open_ledger, pass_catalog, storage_option
from orchestrator.cli.output import say, say_json
from orchestrator.cli.reports import count_text
from orchestrator.index.check import check_index
from orchestrator.ledger import Ledger
from orchestrator.words import shown_line
from trainables.execution.likeness import note_lacking
from trainables.trial import TrialRow

AT_ONCE = 5_000
"""So many rows are held at a time."""


@click.command()
@click.argument("experiment", required=False)
@click.option("--check", is_flag=True, help="Hold every row in the index against its row.json, and write nothing.")
@storage_option
@json_option
@pass_catalog
def index(catalog: Catalog, experiment: str | None, check: bool, storage: str, as_json: bool) -> int:
    """Put the rows of finished trials into few files, which are quick to read: those of EXPERIMENT, or all.

    `run` does so by itself. The index holds copies: row.json stays what counts, and a row that `retry` or `prune` took
    away since is never taken from the index. One that somebody deleted or replaced by hand is not either, but in an
    object store of more than 1,000 trials, where this command must be given then. Delete the folder whenever you like.

    It also lets rows of earlier versions, and those that `merge` brought, be found by trials that are alike and would
    take them over.
    """
    ledger = open_ledger(storage, to_read=True)
    ids = ledger.ids()
    if experiment is not None:
        planned = {trial.trial_id for trial in load_plan(experiment, catalog, (), ledger).trials}
        ids = [trial_id for trial_id in ids if trial_id in planned]
    if not check:
        added = ledger.index(ids)
        noted = note_lacking(ledger.storage, catalog, _some_at_a_time(ledger, ids), partial(_is_done, ledger))
        if as_json:
            say_json({"storage": ledger.storage.uri, "added": added, "noted": noted})
        else:
            found = f"; {count_text(noted, 'trial')} can now be found by others that are alike" if noted else ""
            say(f"{ledger.storage.uri}: {count_text(added, 'row')} added to the index{found}")
        return 0
    found = check_index(ledger.storage)
    if as_json:
        say_json({"storage": ledger.storage.uri, **found.to_json()})
        return 1 if found.wrong else 0
    for name, what in found.wrong:
        say(shown_line(f"{name}: {what}"))
    counts = f"{count_text(found.rows, 'row')} in {count_text(found.segments, 'segment')}"
    old = f", {found.old:,} of them of files that are no more, or others now" if found.old else ""
    verdict = f"{count_text(len(found.wrong), 'segment')} wrong" if found.wrong else "nothing is wrong"
    say(f"{ledger.storage.uri}: the index has {counts}{old}; {verdict}")
    return 1 if found.wrong else 0


def _some_at_a_time(ledger: Ledger, ids: Sequence[str]) -> Iterator[TrialRow]:
    """Yield the rows of these trials; of a hundred thousand whole ones at once are some gigabytes."""
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        yield from ledger.rows(some).values()
        ledger.forget(some)


def _is_done(ledger: Ledger, trial_id: str) -> bool:
    row = ledger.row(trial_id)
    return row is not None and row.state == "done"
