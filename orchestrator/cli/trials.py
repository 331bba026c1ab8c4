"""The commands that show a plan, or set a failed row aside: plan, retry."""

import click

from orchestrator.cli.missing_data import missing_data
from orchestrator.cli.options import (
    Catalog,
    experiment_options,
    json_option,
    load_plan,
    open_ledger,
    pass_catalog,
    set_option,
    states_of,
    storage_option,
)
from orchestrator.cli.output import say, say_json
from orchestrator.cli.reports import plan_json, plan_lines, summary
from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from trainables.errors import UnknownName


@click.command()
@experiment_options
@json_option
@pass_catalog
def plan(
    catalog: Catalog, experiment: str, overrides: tuple[str, ...], storage: str, max_trials: int | None, as_json: bool
) -> None:
    """Show every trial of EXPERIMENT, and for each why it will run or not. Runs nothing."""
    ledger = open_ledger(storage)
    planned = load_plan(experiment, catalog, overrides, ledger, max_trials)
    states = states_of(planned, ledger)
    for sentence in missing_data(planned, states):
        say(f"note: {sentence}", err=True)
    if as_json:
        say_json(plan_json(planned, states))
        return
    say("\n".join([*plan_lines(planned, states), summary(planned, states)]))


@click.command()
@click.argument("what", metavar="TRIAL|EXPERIMENT", nargs=-1, required=True)
@set_option
@storage_option
@pass_catalog
def retry(catalog: Catalog, what: tuple[str, ...], overrides: tuple[str, ...], storage: str) -> None:
    """Let failed trials run again at the next `run`: one TRIAL, or all that failed of an EXPERIMENT.

    The failed row is kept under another name; the trial goes on from its last checkpoint. A TRIAL that is done but
    whose files are missing or damaged is computed anew.
    """
    ledger = open_ledger(storage, to_read=True)
    for item in what:
        ids = _failed_of(item, ledger, catalog, overrides)
        for trial_id in ids:
            recurs = ledger.state(ledger.spec(trial_id)).recurs
            say(f"{trial_id} will run again; its row is kept as {ledger.retry(trial_id)}")
            if recurs:
                say(
                    f"note: {trial_id} will fail in the same way, unless code, data or machine are others now", err=True
                )
        if not ids:
            say(f"{item}: no trial has failed")


def _failed_of(item: str, ledger: Ledger, catalog: Catalog, overrides: tuple[str, ...]) -> list[str]:
    """Return the trials that `retry` means: an id or its beginning, else an experiment's failed ones."""
    if ledger.ids(item):
        return [ledger.find(item)]
    try:
        planned = load_plan(item, catalog, overrides, ledger)
    except UnknownName as error:
        raise LedgerError(f"no trial in {ledger.storage.uri} begins with {item!r}, and: {error}") from error
    states = states_of(planned, ledger)
    return list(dict.fromkeys(trial.trial_id for trial in planned.trials if states[trial.trial_id].state == "failed"))
