"""`sharptune retry`: failed trials, set free for the next run."""

from collections.abc import Mapping, Sequence

import click

from orchestrator.cli.options import (
    Catalog,
    json_option,
    open_ledger,
    pass_catalog,
    set_option,
    states_of,
    storage_option,
)
from orchestrator.cli.output import say, say_json
from orchestrator.cli.upkeep.asking import chosen_of, filter_option, planned_of
from orchestrator.ledger import Ledger
from orchestrator.words import shown_line
from trainables.trial import JSON


@click.command()
@click.argument("what", metavar="TRIAL|EXPERIMENT", nargs=-1, required=True)
@filter_option
@click.option("--dry-run", is_flag=True, help="Say which trials would run again, and stop.")
@set_option
@storage_option
@json_option
@pass_catalog
def retry(
    catalog: Catalog,
    what: tuple[str, ...],
    filters: tuple[str, ...],
    dry_run: bool,
    overrides: tuple[str, ...],
    storage: str,
    as_json: bool,
) -> None:
    """Let failed trials run again at the next `run`: one TRIAL, or all that failed of an EXPERIMENT.

    The failed row is kept under another name; the trial goes on from its last checkpoint. A TRIAL that is done but
    whose files are missing or damaged is computed anew.
    """
    ledger = open_ledger(storage, to_read=True)
    chosen = [(item, _failed_of(item, ledger, catalog, overrides, filters)) for item in what]
    again = [_let_run_again(trial_id, ledger, dry_run=dry_run) for _, ids in chosen for trial_id in ids]
    if as_json:
        say_json({"storage": ledger.storage.uri, "trials": again})
        return
    for each in again:
        say(shown_line(f"{each['id']} {_what_follows(each, dry_run=dry_run)}"))
    for item, ids in chosen:
        if not ids:
            which = f" with {' and '.join(filters)}" if filters else ""
            say(shown_line(f"{item}: no trial{which} has failed"))


def _let_run_again(trial_id: str, ledger: Ledger, *, dry_run: bool) -> dict[str, JSON]:
    """Set a trial's row aside, or only look; return its id, why it runs again, if it does, and its row's new name."""
    state = ledger.state(ledger.spec(trial_id))
    why = state.reason if state.state == "failed" else ""
    if dry_run and state.row is not None and not why:
        why = ledger.folder(trial_id).damage(state.row)
    kept = None if dry_run else ledger.retry(trial_id)
    if state.recurs:
        say(f"note: {trial_id} will fail in the same way, unless code, data or machine are others now", err=True)
    return {"id": trial_id, "state": state.state, "reason": why, "again": bool(why or kept), "kept": kept}


def _what_follows(told: Mapping[str, JSON], *, dry_run: bool) -> str:
    if not dry_run:
        return f"will run again; its row is kept as {told['kept']}"
    if not told["again"]:
        return "would not run again: it has not failed"
    return f"would run again: {told['state']}, {told['reason']}"


def _failed_of(
    item: str, ledger: Ledger, catalog: Catalog, overrides: Sequence[str], filters: Sequence[str]
) -> list[str]:
    """Return the trials that `retry` means: an id or its beginning, else an experiment's failed ones."""
    if ledger.ids(item):
        if filters:
            raise click.UsageError(f"--filter goes with an EXPERIMENT; {item} is a trial")
        return [ledger.find(item)]
    planned = planned_of(item, ledger, catalog, overrides)
    states = states_of(planned, ledger)
    met = chosen_of(planned, filters)
    return list(dict.fromkeys(trial.trial_id for trial in met if states[trial.trial_id].state == "failed"))
