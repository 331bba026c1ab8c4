"""The command that shows a plan."""

from collections.abc import Sequence

import click

from orchestrator.cli.foresight import Intent, counts_of, forecasts_of, lack_of_space, limit_options
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
from orchestrator.forecast import words
from orchestrator.forecast.slots import Slots
from orchestrator.running.near import near
from orchestrator.words import shown_line
from trainables.trial import JSON


@click.command()
@experiment_options
@click.option(
    "--gpus",
    multiple=True,
    metavar="N[,N...]",
    callback=counts_of,
    help="Say when all is done on so many GPUs like those that trials ask for, instead of on this machine.",
)
@limit_options
@json_option
@pass_catalog
def plan(
    catalog: Catalog,
    experiment: str,
    overrides: tuple[str, ...],
    storage: str,
    max_trials: int | None,
    gpus: Sequence[int],
    budget: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Show every trial of EXPERIMENT, and for each why it will run or not. Runs nothing.

    The end says what is still to do, when that is done here or on other GPUs, and what of it fits into what a run may
    take.
    """
    ledger = open_ledger(storage)
    planned = load_plan(experiment, catalog, overrides, ledger, max_trials)
    states = states_of(planned, ledger)
    for sentence in missing_data(planned, states):
        say(f"note: {sentence}", err=True)
    nearly = near(planned, states, ledger)
    for each in nearly:
        say(shown_line(f"note: {each}"), err=True)
    forecasts = forecasts_of(planned.trials, states, ledger, catalog, gpus)
    if forecasts and (lack := lack_of_space(ledger, forecasts[0])):
        say(shown_line(f"note: {lack}"), err=True)
    slots = forecasts[0].slots if forecasts else Slots.here()
    intent = Intent.of(planned, states, ledger, catalog, slots, budget, until)
    if as_json:
        foreseen: dict[str, JSON] = {"forecast": [each.to_json() for each in forecasts]} if forecasts else {}
        nearby: dict[str, JSON] = {"near": [each.to_json() for each in nearly]} if nearly else {}
        say_json({**plan_json(planned, states), **foreseen, **nearby, **intent.fits})
        return
    closing = [summary(planned, states), *words.lines(forecasts), *intent.lines(states)]
    say("\n".join([*plan_lines(planned, states), *closing]))
