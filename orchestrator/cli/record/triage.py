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
from orchestrator.upkeep.family import Family
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
        trial_id = ledger.find(what)
        asked = {trial_id: called_in(ledger, trial_id)}
        states = ledger.states([*_ancestors(ledger, trial_id), ledger.spec(trial_id)])
    else:
        asked = {trial.trial_id: called(trial) for trial in chosen_of(planned, filters)}
        states = states_of(planned, ledger)
    reasons = Why(ledger, catalog, planned.trials if planned else ()).explain(states)
    told = [reason for reason in reasons if reason.trial in asked]
    if as_json:
        say_json({"storage": ledger.storage.uri, "trials": [_reason_json(reason) for reason in told]})
        return
    counts = Counter(reason.state.state for reason in told)
    lines = [line for group in _groups(told) for line in _reason_lines(group, asked, ledger)]
    say("\n".join([*lines, shown_line(f"{what}: {count_text(len(told), 'trial')}; {counts_text(counts)}")]))


def _ancestors(ledger: Ledger, trial_id: str) -> list[TrialSpec]:
    """Return what the storage knows of a trial's ancestors, parents first."""
    family = Family(ledger)
    specs = []
    for each in family.parents_first(family.with_ancestors([trial_id])):
        with contextlib.suppress(LedgerError):
            specs.append(ledger.spec(each))
    return [spec for spec in specs if spec.trial_id != trial_id]


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
