"""The commands that read the record of an experiment, or set a failed row aside: plan, status, retry."""

import contextlib

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
from orchestrator.cli.reports import (
    plan_json,
    plan_lines,
    state_lines,
    storage_json,
    storage_label,
    storage_summary,
    summary,
)
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
@click.argument("experiment", required=False)
@set_option
@storage_option
@json_option
@pass_catalog
def status(catalog: Catalog, experiment: str | None, overrides: tuple[str, ...], storage: str, as_json: bool) -> int:
    """Show where the trials stand: those of EXPERIMENT, or all in the storage. Exit code 1 if one has failed."""
    if experiment is None and overrides:
        raise click.UsageError("--set goes with an EXPERIMENT")
    ledger = open_ledger(storage, to_read=True)
    if experiment is not None:
        planned = load_plan(experiment, catalog, overrides, ledger)
        states = states_of(planned, ledger)
        data = plan_json(planned, states)
        labels = [(trial.trial_id, f"{trial.stage} {trial.label}") for trial in planned.trials]
        closing = summary(planned, states)
    else:
        specs = {}
        for trial_id in ledger.ids():
            with contextlib.suppress(LedgerError):
                specs[trial_id] = ledger.spec(trial_id)
        states = ledger.states(specs.values())
        asked_by = {trial_id: ledger.asked_by(trial_id) for trial_id in specs}
        data = storage_json(specs, asked_by, states)
        labels = [(trial_id, storage_label(spec, asked_by[trial_id])) for trial_id, spec in specs.items()]
        closing = storage_summary(ledger.storage.uri, states)
    if as_json:
        say_json(data)
    else:
        say("\n".join([*state_lines(labels, states), closing]))
    return 1 if any(state.state == "failed" for state in states.values()) else 0


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
