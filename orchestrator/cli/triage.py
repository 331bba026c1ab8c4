"""The commands that ask why, and let failed trials run again: why, retry."""

from collections.abc import Sequence

import click

from orchestrator.cli.options import (
    Catalog,
    load_plan,
    open_ledger,
    pass_catalog,
    set_option,
    states_of,
    storage_option,
)
from orchestrator.cli.output import say
from orchestrator.cli.reports import count_text
from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.planning.selection import select
from orchestrator.words import shown_line
from trainables.errors import UnknownName

filter_option = click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only trials of an EXPERIMENT with this setting, as in the filter of a table; several are all met.",
)


@click.command()
@click.argument("what", metavar="TRIAL|EXPERIMENT", nargs=-1, required=True)
@filter_option
@click.option("--dry-run", is_flag=True, help="Say which trials would run again, and stop.")
@set_option
@storage_option
@pass_catalog
def retry(
    catalog: Catalog,
    what: tuple[str, ...],
    filters: tuple[str, ...],
    dry_run: bool,
    overrides: tuple[str, ...],
    storage: str,
) -> None:
    """Let failed trials run again at the next `run`: one TRIAL, or all that failed of an EXPERIMENT.

    The failed row is kept under another name; the trial goes on from its last checkpoint. A TRIAL that is done but
    whose files are missing or damaged is computed anew.
    """
    ledger = open_ledger(storage, to_read=True)
    chosen = [(item, _failed_of(item, ledger, catalog, overrides, filters)) for item in what]
    for item, ids in chosen:
        for trial_id in ids:
            _let_run_again(trial_id, ledger, dry_run=dry_run)
        if not ids:
            which = f" with {' and '.join(filters)}" if filters else ""
            say(shown_line(f"{item}: no trial{which} has failed"))


def _let_run_again(trial_id: str, ledger: Ledger, *, dry_run: bool) -> None:
    state = ledger.state(ledger.spec(trial_id))
    if dry_run:
        damage = "" if state.row is None or state.state == "failed" else ledger.folder(trial_id).damage(state.row)
        if state.state != "failed" and not damage:
            say(f"{trial_id} would not run again: it has not failed")
            return
        say(shown_line(f"{trial_id} would run again: {state.state}, {damage or state.reason}"))
    else:
        say(f"{trial_id} will run again; its row is kept as {ledger.retry(trial_id)}")
    if state.recurs:
        say(f"note: {trial_id} will fail in the same way, unless code, data or machine are others now", err=True)


def _failed_of(
    item: str, ledger: Ledger, catalog: Catalog, overrides: Sequence[str], filters: Sequence[str]
) -> list[str]:
    """Return the trials that `retry` means: an id or its beginning, else an experiment's failed ones."""
    if ledger.ids(item):
        if filters:
            raise click.UsageError(f"--filter goes with an EXPERIMENT; {item} is a trial")
        return [ledger.find(item)]
    try:
        planned = load_plan(item, catalog, overrides, ledger)
    except UnknownName as error:
        raise LedgerError(f"no trial in {ledger.storage.uri} begins with {item!r}, and: {error}") from error
    states = states_of(planned, ledger)
    met = chosen_of(planned, filters)
    return list(dict.fromkeys(trial.trial_id for trial in met if states[trial.trial_id].state == "failed"))


def chosen_of(plan: Plan, filters: Sequence[str]) -> list[PlannedTrial]:
    """Return the trials that a command is about. Raises: LedgerError where the filters leave none; SpecError."""
    if not (chosen := select(plan, filters)):
        trials = count_text(len(plan.trials), "trial")
        raise LedgerError(f"none of the {trials} of {plan.experiment} has {' and '.join(filters)}")
    return chosen
