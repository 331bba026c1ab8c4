"""`sharptune why`: the reasons of trials, those of one reason together."""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import click

from orchestrator.cli.options import (
    Catalog,
    json_option,
    open_ledger,
    pass_catalog,
    set_option,
    states_of,
    states_of_specs,
    storage_option,
)
from orchestrator.cli.output import say, say_json
from orchestrator.cli.reports import called, called_in, count_text, counts_text
from orchestrator.cli.upkeep.asking import chosen_of, filter_option, planned_of
from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from orchestrator.upkeep.family import Family
from orchestrator.upkeep.why import Reason, Why
from orchestrator.words import shown_line
from trainables.trial import JSON, TrialSpec

MOST_NAMED = 3
"""Of the trials of one reason."""


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
    setting, seed, version or ancestor in which the two differ is the reason. Of one that takes over another's row it
    says whose.
    """
    ledger = open_ledger(storage, to_read=True)
    planned = None if ledger.ids(what) else planned_of(what, ledger, catalog, overrides)
    if planned is None:
        if filters:
            raise click.UsageError(f"--filter goes with an EXPERIMENT; {what} is a trial")
        trial_id = ledger.find(what)
        asked = {trial_id: called_in(ledger, trial_id)}
        states = states_of_specs([*_ancestors(ledger, trial_id), ledger.spec(trial_id)], ledger)
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
    """Return the trials that are not done, or done by taking a row over, those of one reason together."""
    groups: dict[tuple[str, str], list[Reason]] = {}
    for reason in reasons:
        if reason.state.state != "done" or reason.state.twin:
            groups.setdefault((reason.state.state, str(reason)), []).append(reason)
    return list(groups.values())


def _reason_lines(group: Sequence[Reason], asked: Mapping[str, str], ledger: Ledger) -> list[str]:
    first = group[0]
    lines = [f"{len(group)} {first.state.state}: {first}"]
    for reason in group[:MOST_NAMED]:
        beside = ""
        if reason.nearest is not None:
            beside = f"  beside {called_in(ledger, reason.nearest.row.trial_id)}, done"
        elif reason.state.twin:
            gone = "" if ledger.row(reason.state.twin) or reason.state.state != "done" else ", which is no more here"
            beside = f"  beside {called_in(ledger, reason.state.twin)}{gone}"
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
        **({"twin": reason.state.twin} if reason.state.twin else {}),
        "nearest": near and near.row.trial_id,
        "differences": [asdict(each) for each in near.differences] if near else [],
    }
