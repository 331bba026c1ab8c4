"""`sharptune bundle`: an experiment, packed for somebody else."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.options import Catalog, json_option, load_plan, open_ledger, pass_catalog, storage_option
from orchestrator.cli.output import say, say_json
from orchestrator.cli.reports import count_text
from orchestrator.cli.table import tables_of
from orchestrator.document.experiment import STDIN, find_source, load_experiment
from orchestrator.exports.trials import Exported
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan
from orchestrator.tables.formats.catalog import FORMATS, render
from orchestrator.upkeep.archive import ENDINGS, is_archive
from orchestrator.upkeep.bundle import Packed, about, named_files, pack
from orchestrator.upkeep.parquet import pack_parquet
from orchestrator.upkeep.parquet_members import ENDING as PARQUET
from orchestrator.words import shown_line, size
from trainables.record.provenance import commit, versions

SUFFIXES = {"text": "txt", "markdown": "md", "latex": "tex"}
"""Of tables, where it is not the format's name."""


@click.command()
@click.argument("experiment")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--with-weights", is_flag=True, help="Also the weights of networks, which are large.")
@storage_option
@json_option
@pass_catalog
def bundle(catalog: Catalog, experiment: str, file: Path, with_weights: bool, storage: str, as_json: bool) -> None:
    """Pack what a colleague needs for the tables of EXPERIMENT into FILE (.zip, .tar.gz or .parquet).

    That is its file, its rows with what they name, but for weights, and its tables. `sharptune merge FILE` opens it.
    A Parquet file has a line for each trial, with its numbers in columns, and no logs.
    """
    if with_weights and file.name.endswith(PARQUET):
        raise click.UsageError(f"{file} is for rows and curves: with weights, a bundle ends in .zip or .tar.gz")
    if not is_archive(file.name):
        raise click.UsageError(f"{file} must end in {' or '.join(ENDINGS)}")
    if file.exists():
        raise click.UsageError(f"{file} is there already")
    if find_source(experiment) == STDIN:
        raise click.UsageError("an experiment from standard input has no file to pack: write it to one")
    ledger = open_ledger(storage, to_read=True)
    plan = load_plan(experiment, catalog, (), ledger)
    loaded = load_experiment(experiment)
    named, missing = named_files(loaded.document.value, loaded.base)
    if file.name.endswith(PARQUET):
        beside = {**named, f"{plan.experiment}.yaml": plan.source.read_bytes()}
        packed, binary = pack_parquet(file, ledger, _lines(plan, ledger), plan.experiment, beside)
        packed.without_row = len({trial.trial_id for trial in plan.trials}) - packed.trials
        missing += binary
    else:
        beside = {
            **named,
            f"{plan.experiment}.yaml": plan.source.read_bytes(),
            "bundle.json": about(plan.experiment, versions(), commit()),
            **_tables(plan, ledger),
        }
        packed = pack(file, ledger, {trial.trial_id for trial in plan.trials}, beside, weights=with_weights)
    for name in missing:
        say(shown_line(f"note: {plan.experiment} names {name}, which is not in the bundle: send it as well"), err=True)
    if as_json:
        say_json({"file": str(file), **asdict(packed), "missing": missing})
    else:
        say(shown_line(_sentence(file, packed)))


def _lines(plan: Plan, ledger: Ledger) -> Any:
    """Return a table with a line for each trial that has a row, in the plan's order."""
    from orchestrator.exports.parquet import rows_table

    trials = {trial.trial_id: trial for trial in plan.trials}
    rows = ledger.rows(trials)
    return rows_table(
        [
            replace(
                Exported.of_row(rows[trial_id]),
                experiment=plan.experiment,
                stage=trial.stage,
                label=trial.label,
                axes=trial.coordinates,
            )
            for trial_id, trial in trials.items()
            if trial_id in rows
        ]
    )


def _tables(plan: Plan, ledger: Ledger) -> dict[str, bytes]:
    """Return the experiment's tables in every format, as files."""
    return {
        f"tables/{table.name}.{SUFFIXES.get(form, form)}": (render(table, form).rstrip("\n") + "\n").encode()
        for table in tables_of(plan, ledger)
        for form in FORMATS
    }


def _sentence(file: Path, packed: Packed) -> str:
    held = f"{file}: {count_text(packed.trials, 'trial')}, {count_text(packed.files, 'file')}, {size(packed.bytes)}"
    lacks = f"; {count_text(packed.without_row, 'trial')} without a row" if packed.without_row else ""
    takes = "" if file.name.endswith(PARQUET) else " (--with-weights takes them)"
    weights = f"; {count_text(packed.left_out, 'file')} left out{takes}" if packed.left_out else ""
    return f"{held}{weights}{lacks}. To open it: sharptune merge {file.name}"
