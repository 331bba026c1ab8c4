"""The command that shows a plan."""

import click

from orchestrator.cli.missing_data import missing_data
from orchestrator.cli.options import (
    Catalog,
    experiment_options,
    json_option,
    load_plan,
    open_ledger,
    pass_catalog,
    states_of,
)
from orchestrator.cli.output import say, say_json
from orchestrator.cli.reports import plan_json, plan_lines, summary


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
