"""The command that prints tables, and walks their numbers back to the runs they were made from."""

import json
from collections.abc import Sequence
from dataclasses import replace

import click

from orchestrator.cli.options import Catalog, experiment_options, load_plan, open_ledger, pass_catalog, terminal_width
from orchestrator.cli.output import say
from orchestrator.comparisons.in_tables import with_comparison
from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan
from orchestrator.tables.cells import Cell, Column
from orchestrator.tables.evidence import Evidence
from orchestrator.tables.formats.catalog import FORMATS, render
from orchestrator.tables.formats.data import json_value
from orchestrator.tables.formats.html import html_page
from orchestrator.tables.table import Table, build, explain
from orchestrator.words import shown_line
from trainables.errors import unknown_name


@click.command()
@experiment_options
@click.argument("name", required=False)
@click.option("--format", "format_", type=click.Choice(sorted(FORMATS)), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--explain", "explained", is_flag=True, help="Show the runs that each number was made from.")
@click.option(
    "--trial-version",
    type=click.IntRange(1),
    metavar="N",
    help="Tabulate the trials that version N of the trainables made, instead of today's.",
)
@pass_catalog
def table(
    catalog: Catalog,
    experiment: str,
    name: str | None,
    overrides: tuple[str, ...],
    storage: str,
    max_trials: int | None,
    format_: str,
    as_json: bool,
    explained: bool,
    trial_version: int | None,
) -> None:
    """Print the tables of EXPERIMENT, or the one called NAME, from the rows there are.

    As JSON, one table is an object, several are a list of them.
    """
    form = "json" if as_json else format_
    if explained and form != "text":
        raise click.UsageError("--explain is text; the JSON of a table names the trials and values of every cell")
    ledger = open_ledger(storage, to_read=True)
    made_by = of_version(catalog, trial_version) if trial_version else catalog
    tables = tables_of(load_plan(experiment, made_by, overrides, ledger, max_trials), ledger, name)
    if not tables and form != "json":
        say(f"{experiment} asks for no table", err=True)
        return
    if explained:
        say("\n\n".join(explanation(each, ledger) for each in tables))
    else:
        say(tables_text(tables, form))


def of_version(catalog: Catalog, version: int) -> Catalog:
    """Return the catalog as it was: trials of another version have other ids, and never stand in one table."""
    return {name: replace(entry, version=min(entry.version, version)) for name, entry in catalog.items()}


def tables_of(plan: Plan, ledger: Ledger, name: str | None = None) -> list[Table]:
    """Return the tables of a plan from the rows there are, or the one of that name.

    Raises: UnknownName, LedgerError.
    """
    names = [spec.name for spec in plan.tables]
    if name is not None and name not in names:
        if not names:
            raise LedgerError(f"{plan.experiment} asks for no table")
        raise unknown_name("table", name, names)
    rows = ledger.rows(trial.trial_id for trial in plan.trials)
    asked = (spec for spec in plan.tables if name in (None, spec.name))
    return [with_comparison(plan, build(plan, rows, spec)) for spec in asked]


def tables_text(tables: Sequence[Table], form: str) -> str:
    """Return tables in one of FORMATS, without a newline at the end; text fits the terminal, where there is one."""
    if form == "json":
        values = [json_value(table) for table in tables]
        return json.dumps(values[0] if len(values) == 1 else values, indent=1, allow_nan=False)
    if form == "html":
        return html_page(tables).rstrip("\n")
    return "\n\n".join(render(table, form, width=terminal_width()).rstrip("\n") for table in tables)


def explanation(table: Table, ledger: Ledger) -> str:
    """Return, for each number of a table, its runs: id, value, label, commit, hardware, share of it and folder."""
    blocks = [table.title]
    for index, row in enumerate(table.rows):
        keys = " ".join(
            f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in row.keys.items()
        )
        for column in table.columns:
            evidence = explain(table, index, column.name)
            if evidence:
                lines = [f"{keys}  {column.name}  {_number(column, row.cells[column.name])}".strip()]
                blocks.append("\n".join(lines + [_origin(one, ledger) for one in evidence]))
    return "\n\n".join(blocks)


def _number(column: Column, cell: Cell) -> str:
    """Return the number that stands in the table, unrounded: `median 68.1`, `best 66.8`."""
    value = column.value(cell)
    return "no number yet" if value is None else f"{'best' if column.best else 'median'} {value:.10g}"


def _origin(one: Evidence, ledger: Ledger) -> str:
    """Return what one run says, and all that is needed to look it up."""
    value = f"{one.value:.10g}" if one.value is not None else f"{one.state}: {one.reason}"
    row = ledger.row(one.trial_id) if one.state == "done" else None
    seed = f"seed {row.spec.seed}" if row is not None else ""
    commit = f"commit {one.source}" if one.commit else ""
    folder = f"{ledger.storage.uri}/{ledger.folder(one.trial_id).path}" if row is not None else ""
    parts = (one.trial_id, value, one.label, seed, commit, one.hardware, one.share, folder)
    return shown_line("  " + "  ".join(part for part in parts if part))
