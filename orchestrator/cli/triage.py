"""The commands that ask why, and let failed trials run again: why, retry."""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import click

from orchestrator.cli.options import (
    Catalog,
    json_option,
    load_plan,
    open_ledger,
    pass_catalog,
    set_option,
    states_of,
    storage_option,
)
from orchestrator.cli.output import say, say_json
from orchestrator.cli.reports import called, called_in, count_text, counts_text
from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.planning.selection import select
from orchestrator.upkeep.why import Reason, Why
from orchestrator.words import shown_line
from trainables.errors import UnknownName
from trainables.trial import JSON, TrialSpec

MOST_NAMED = 3
"""Of the trials of one reason."""

filter_option = click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only trials of an EXPERIMENT with this setting, as in the filter of a table; several are all met.",
)


@click.command()
@click.argument("what", metavar="TRIAL|EXPERIMENT")
@filter_option
@set_option
@storage_option
@json_option
@pass_catalog
def why(
    catalog: Catalog,
    what: str,
    filters: tuple[str, ...],
    overrides: tuple[str, ...],
    storage: str,
    as_json: bool,
) -> None:
    """Say why a TRIAL, or each of an EXPERIMENT, is new, failed or blocked.

    A trial is new because no row has its id. It is held against the nearest trial of its kind that is done: the
    setting, seed, version or ancestor in which the two differ is the reason.
    """
    ledger = open_ledger(storage, to_read=True)
    planned = None if ledger.ids(what) else _planned(what, ledger, catalog, overrides)
    if planned is None:
        if filters:
            raise click.UsageError(f"--filter goes with an EXPERIMENT; {what} is a trial")
        specs = _lineage(ledger, ledger.find(what))
        asked = {next(iter(specs)): called_in(ledger, next(iter(specs)))}
    else:
        specs = {trial.trial_id: trial.spec for trial in planned.trials}
        asked = {trial.trial_id: called(trial) for trial in chosen_of(planned, filters)}
    states = ledger.states(reversed(specs.values()) if planned is None else specs.values())
    reasons = Why(ledger, catalog, planned.trials if planned else ()).explain(states)
    told = [reason for reason in reasons if reason.trial in asked]
    if as_json:
        say_json({"storage": ledger.storage.uri, "trials": [_reason_json(reason) for reason in told]})
        return
    counts = Counter(reason.state.state for reason in told)
    lines = [line for group in _groups(told) for line in _reason_lines(group, asked, ledger)]
    say("\n".join([*lines, shown_line(f"{what}: {count_text(len(told), 'trial')}; {counts_text(counts)}")]))


def _lineage(ledger: Ledger, trial_id: str) -> dict[str, TrialSpec]:
    """Return a trial and all its ancestors that the storage knows, itself first. Raises: LedgerError."""
    found = {trial_id: ledger.spec(trial_id)}
    for parent in found[trial_id].parents:
        with contextlib.suppress(LedgerError):
            found |= _lineage(ledger, parent)
    return found


def _groups(reasons: Sequence[Reason]) -> list[list[Reason]]:
    """Return the trials that are not done, those of one reason together."""
    groups: dict[tuple[str, str], list[Reason]] = {}
    for reason in reasons:
        if reason.state.state != "done":
            groups.setdefault((reason.state.state, str(reason)), []).append(reason)
    return list(groups.values())


def _reason_lines(group: Sequence[Reason], asked: Mapping[str, str], ledger: Ledger) -> list[str]:
    first = group[0]
    lines = [f"{len(group)} {first.state.state}: {first}"]
    for reason in group[:MOST_NAMED]:
        beside = ""
        if reason.nearest is not None:
            beside = f"  beside {called_in(ledger, reason.nearest.row.trial_id)}, done"
        lines.append(f"  {asked[reason.trial]}{beside}")
    if len(group) > MOST_NAMED:
        lines.append(f"  and {len(group) - MOST_NAMED} more")
    return [shown_line(line) for line in lines]


def _reason_json(reason: Reason) -> dict[str, JSON]:
    near = reason.nearest
    return {
        "id": reason.trial,
        "state": reason.state.state,
        "reason": str(reason),
        "nearest": near and near.row.trial_id,
        "differences": [asdict(each) for each in near.differences] if near else [],
    }


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
    planned = _planned(item, ledger, catalog, overrides)
    states = states_of(planned, ledger)
    met = chosen_of(planned, filters)
    return list(dict.fromkeys(trial.trial_id for trial in met if states[trial.trial_id].state == "failed"))


def _planned(item: str, ledger: Ledger, catalog: Catalog, overrides: Sequence[str]) -> Plan:
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
