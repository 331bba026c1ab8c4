"""`sharptune verify`: what is wrong in a storage, what it means, and what to do about it."""

import click

from orchestrator.cli.options import (
    Catalog,
    json_option,
    load_plan,
    open_ledger,
    pass_catalog,
    storage_option,
)
from orchestrator.cli.output import say, say_json
from orchestrator.cli.reports import count_text
from orchestrator.cli.upkeep.asking import watched
from orchestrator.ledger import Ledger
from orchestrator.upkeep.verify import Report, Wrong
from orchestrator.upkeep.verify import verify as verify_trials
from orchestrator.words import shown_line, size


@click.command()
@click.argument("experiment", required=False)
@storage_option
@json_option
@pass_catalog
def verify(catalog: Catalog, experiment: str | None, storage: str, as_json: bool) -> int:
    """Hold every row and file against its digests: those of EXPERIMENT, or all in the storage. Changes nothing.

    What is wrong is named, with what it means and what to do; exit code 1 if anything is. Tables are made of rows anew
    each time, and are as sound as these.
    """
    ledger = open_ledger(storage, to_read=True)
    ids = ledger.ids()
    if experiment is not None:
        planned = {trial.trial_id for trial in load_plan(experiment, catalog, (), ledger).trials}
        ids = [trial_id for trial_id in ids if trial_id in planned]
    report = watched("verifying", ids, lambda progress: verify_trials(ledger, ids, progress))
    if as_json:
        say_json({"storage": ledger.storage.uri, **report.to_json()})
    else:
        say("\n".join([*(line for wrong in report.wrong for line in _wrong_lines(wrong)), _verified(ledger, report)]))
    return 1 if report.wrong else 0


def _wrong_lines(wrong: Wrong) -> list[str]:
    indent = " " * len(wrong.trial)
    lines = [
        f"{wrong.trial}  {wrong.file}: {wrong.what}",
        *(f"{indent}  {text}" for text in (wrong.means, wrong.do) if text),
    ]
    return [shown_line(line) for line in lines]


def _verified(ledger: Ledger, report: Report) -> str:
    """Return what was checked, in a sentence."""
    counts = [
        (report.rows, "row"),
        (report.files, "file"),
        (report.checkpoints, "checkpoint"),
        (report.claims, "claim"),
        *([(report.segments, "index segment")] if report.segments else []),
    ]
    checked = ", ".join(count_text(count, what) for count, what in counts)
    left_out = f"; {count_text(report.left_out, 'file')} not here (left out of the bundle)" if report.left_out else ""
    found = len(report.wrong)
    verdict = "nothing is wrong" if not found else f"{found} thing{'s are' if found > 1 else ' is'} wrong"
    of = count_text(report.trials, "trial")
    return f"{ledger.storage.uri}: {of}: {checked}, {size(report.bytes)}{left_out}; {verdict}"
