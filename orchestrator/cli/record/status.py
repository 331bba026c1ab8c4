"""The command that shows where trials stand, once or again and again."""

import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import click

from orchestrator.cli.options import (
    Catalog,
    NumberRange,
    json_option,
    load_plan,
    open_ledger,
    pass_catalog,
    set_option,
    states_of,
    states_of_specs,
    storage_option,
    terminal_width,
)
from orchestrator.cli.output import redraw, say, say_json
from orchestrator.cli.reports import (
    drivers_json,
    drivers_lines,
    plan_json,
    state_lines,
    storage_json,
    storage_label,
    storage_summary,
    summary,
)
from orchestrator.errors import LedgerError
from orchestrator.forecast.outlook import RUNNABLE
from orchestrator.ledger import Ledger, TrialState
from trainables.trial import JSON

WATCH_SECONDS = 5.0
MOST_SECONDS = 24 * 3600.0
"""Between two looks."""


class Seconds(NumberRange):
    """Seconds, after an option that may stand without them."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(f"{error.message} EXPERIMENT goes before it: sharptune status EXPERIMENT --watch", param, ctx)


@click.command()
@click.argument("experiment", required=False)
@set_option
@storage_option
@click.option(
    "--watch",
    type=Seconds(min=0.1, max=MOST_SECONDS),
    is_flag=False,
    flag_value=WATCH_SECONDS,
    metavar="[SECONDS]",
    help=f"Show it anew every so many seconds ({WATCH_SECONDS:g}), until all trials are done, failed or blocked.",
)
@json_option
@pass_catalog
def status(
    catalog: Catalog,
    experiment: str | None,
    overrides: tuple[str, ...],
    storage: str,
    watch: float | None,
    as_json: bool,
) -> int:
    """Show where the trials stand: those of EXPERIMENT, or all in the storage. Exit code 1 if one has failed.

    Of a running trial: how far it is, how long it may still take, its node, since when it runs, and when its run was
    last heard of.
    """
    if experiment is None and overrides:
        raise click.UsageError("--set goes with an EXPERIMENT")
    if watch is not None and as_json:
        raise click.UsageError("--watch is for people; --json shows where the trials stand now")
    ledger = open_ledger(storage, to_read=True)
    look = _of_plan(experiment, catalog, overrides, ledger) if experiment is not None else lambda: _of_all(ledger)
    while True:
        states, data, lines = look()
        if as_json:
            say_json({**data, "drivers": drivers_json(states)})
        elif watch is None:
            say("\n".join(lines))
        else:
            redraw(f"{datetime.now():%H:%M:%S}", lines)
        if watch is None or not any(state.state in RUNNABLE for state in states.values()):
            return 1 if any(state.state == "failed" for state in states.values()) else 0
        time.sleep(watch)


Look = tuple[Mapping[str, TrialState], dict[str, JSON], list[str]]
"""The states, and the same as JSON and as lines."""


def _of_plan(experiment: str, catalog: Catalog, overrides: tuple[str, ...], ledger: Ledger) -> Callable[[], Look]:
    """Return what looks where the trials of an experiment stand."""
    planned = load_plan(experiment, catalog, overrides, ledger)
    labels = [(trial.trial_id, f"{trial.stage} {trial.label}") for trial in planned.trials]

    def look() -> Look:
        states = states_of(planned, ledger)
        closing = [*drivers_lines(states), summary(planned, states)]
        return states, plan_json(planned, states), [*state_lines(labels, states, terminal_width()), *closing]

    return look


def _of_all(ledger: Ledger) -> Look:
    """Return where all trials of a storage stand, those of experiments that nobody names included."""
    specs = {}
    ledger.rows()  # many at a time, out of few files where there is an index
    for trial_id in ledger.ids():
        with contextlib.suppress(LedgerError):
            specs[trial_id] = ledger.spec(trial_id)
    states = states_of_specs(specs.values(), ledger)
    asked_by = {trial_id: ledger.asked_by(trial_id) for trial_id in specs}
    labels = [(trial_id, storage_label(spec, asked_by[trial_id])) for trial_id, spec in specs.items()]
    closing = [*drivers_lines(states), storage_summary(ledger.storage.uri, states)]
    lines = [*state_lines(labels, states, terminal_width()), *closing]
    return states, storage_json(specs, asked_by, states), lines
