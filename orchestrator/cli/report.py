"""The command that writes an experiment's report: one HTML file to read, to send and to print."""

from collections.abc import Sequence
from pathlib import Path

import click

from orchestrator.cli.figure import epochs_reader
from orchestrator.cli.options import (
    Catalog,
    experiment_options,
    json_option,
    open_ledger,
    pass_catalog,
    plan_of,
    states_of,
)
from orchestrator.cli.output import replace_file, say, say_json
from orchestrator.cli.reports import count_text, counts_json, counts_text
from orchestrator.document.experiment import STDIN, load_experiment, parse_experiment
from orchestrator.errors import RunError
from orchestrator.planning.plan import Plan
from orchestrator.report.page import page
from orchestrator.report.report import Asked, report_of
from orchestrator.report.results import Sources
from orchestrator.words import shown_line
from orchestrator.words import size as size_text


@click.command()
@experiment_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; by default <experiment>-report.html, here.",
)
@json_option
@pass_catalog
def report(
    catalog: Catalog,
    experiment: str,
    overrides: tuple[str, ...],
    storage: str,
    max_trials: int | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Write all there is of EXPERIMENT into one HTML file: what was asked, what came out, and from which runs.

    It fetches nothing and can be sent as it is; it also tells what is not done, what failed and why.
    """
    ledger = open_ledger(storage, to_read=True)
    loaded = load_experiment(experiment, overrides=overrides)
    plan = plan_of(loaded, catalog, ledger, max_trials)
    path = output or Path(f"{plan.experiment}-report.html")
    if not path.parent.is_dir():
        raise RunError(f"{path} cannot be written: there is no folder {path.parent}")
    rows = ledger.rows(trial.trial_id for trial in plan.trials)
    states = states_of(plan, ledger)

    def grow(more: Sequence[str]) -> Plan:
        file, source = loaded.document.file, loaded.source
        grown = parse_experiment(loaded.text, file=file, source=source, overrides=(*overrides, *more))
        return plan_of(grown, catalog, ledger)

    asked = Asked(
        experiment=loaded,
        plan=plan,
        name=f"{loaded.name}.yaml" if experiment == str(STDIN) else experiment,
        overrides=overrides,
        storage=storage,
        folder=ledger.storage.uri,
    )
    sources = Sources(
        read_epochs=epochs_reader(ledger),
        read_file=lambda trial_id, name: ledger.folder(trial_id).read_file(rows[trial_id], name),
        grow=grow,
    )
    written = report_of(asked, rows, states, sources)
    content = page(written).encode()
    replace_file(path, content)
    counts = counts_json(state.state for state in states.values())
    if as_json:
        say_json({"file": str(path), "bytes": len(content), "digest": written.digest, "counts": counts})
    else:
        trials = f"{count_text(len(plan.trials), 'trial')}; {counts_text(counts)}"
        say(shown_line(f"{path}: {size_text(len(content))}, {trials}"))
