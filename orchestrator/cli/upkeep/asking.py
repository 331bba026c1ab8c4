"""What these commands share: which trials are meant, and how far they are with them."""

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import click

from orchestrator.cli.options import (
    Catalog,
    load_plan,
)
from orchestrator.cli.reports import count_text
from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.planning.selection import select
from trainables.errors import UnknownName

Result = TypeVar("Result")
filter_option = click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only trials of an EXPERIMENT with this setting, as in the filter of a table; several are all met.",
)


def planned_of(item: str, ledger: Ledger, catalog: Catalog, overrides: Sequence[str]) -> Plan:
    """Return the plan of what is no trial. Raises: LedgerError where it is no experiment, either; SpecError."""
    try:
        return load_plan(item, catalog, overrides, ledger)
    except UnknownName as error:
        raise LedgerError(f"no trial in {ledger.storage.uri} begins with {item!r}, and: {error}") from error


def chosen_of(plan: Plan, filters: Sequence[str]) -> list[PlannedTrial]:
    """Return the trials that a command is about. Raises: LedgerError where the filters leave none; SpecError."""
    if not (chosen := select(plan, filters)):
        trials = count_text(len(plan.trials), "trial")
        raise LedgerError(f"none of the {trials} of {plan.experiment} has {' and '.join(filters)}")
    return chosen


def watched(label: str, items: Sequence[object], work: Callable[[Callable[[int], object]], Result]) -> Result:
    """Do some work on items, with a bar on stderr where somebody is looking."""
    if not sys.stderr.isatty():
        return work(lambda count: None)
    with click.progressbar(length=len(items), label=label, file=sys.stderr) as bar:
        return work(bar.update)
