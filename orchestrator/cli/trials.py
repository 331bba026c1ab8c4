"""The commands that read the record of an experiment: plan, status, logs."""

import contextlib
import time

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

FOLLOW_SECONDS = 1.0


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
@click.argument("trial")
@storage_option
@click.option("--follow", "-f", is_flag=True, help="Keep printing what is added, until the trial ends.")
def logs(trial: str, storage: str, follow: bool) -> None:
    """Print the log of TRIAL (an id, or its beginning)."""
    ledger = open_ledger(storage, to_read=True)
    folder = ledger.folder(ledger.find(trial))
    shown = ""
    while True:
        ended = not follow or ledger.row(folder.trial_id) is not None
        text = folder.read_log()
        if ended and not text:
            raise LedgerError(f"there is no log.txt in the folder of trial {folder.trial_id}")
        say(text[len(shown) :], end="")
        shown = text
        if ended:
            return
        time.sleep(FOLLOW_SECONDS)
