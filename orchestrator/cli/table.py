"""The command that prints tables, walks their numbers back to their runs, and writes them as macros."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from orchestrator.cli.explain import cell_json, cell_text, explanation
from orchestrator.cli.options import Catalog, experiment_options, load_plan, open_ledger, pass_catalog, terminal_width
from orchestrator.cli.output import replace_file, say, say_json, spelled
from orchestrator.comparisons.in_tables import with_comparison
from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan
from orchestrator.tables.formats.catalog import FORMATS, render
from orchestrator.tables.formats.comments import Source
from orchestrator.tables.formats.data import json_value
from orchestrator.tables.formats.html import html_page
from orchestrator.tables.formats.latex import too_wide
from orchestrator.tables.formats.latex_widths import ROOM
from orchestrator.tables.formats.macros import macros_of, macros_text
from orchestrator.tables.pick import pick_column, pick_row
from orchestrator.tables.table import Table, build
from orchestrator.words import shown_line
from trainables.errors import unknown_name


@click.command()
@experiment_options
@click.argument("names", metavar="[NAME] [ROW COLUMN]", nargs=-1)
@click.option("--format", "format_", type=click.Choice(sorted(FORMATS)), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json; with --explain, its runs as JSON.")
@click.option(
    "--width", "latex_width", type=click.Choice(list(ROOM)), help="What LaTeX fits into, whatever the table says."
)
@click.option(
    "--explain",
    "explained",
    is_flag=True,
    help="Show the runs that each number was made from; with ROW and COLUMN all there is to know of one number.",
)
@click.option(
    "--macros",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write one LaTeX macro for each number into FILE.",
)
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
    names: tuple[str, ...],
    overrides: tuple[str, ...],
    storage: str,
    max_trials: int | None,
    format_: str,
    as_json: bool,
    latex_width: str | None,
    explained: bool,
    macros: Path | None,
    trial_version: int | None,
) -> None:
    """Print the tables of EXPERIMENT, or the one called NAME, from the rows there are.

    As JSON, one table is an object, several are a list of them. With --explain, ROW and COLUMN are labels as they are
    printed, or numbers from 1: rows from the top, columns of numbers from the left.
    """
    form = "json" if as_json else format_
    name, cell = _asked(names, explained=explained)
    if explained and format_ != "text":
        raise click.UsageError("--explain is text, or JSON with --json")
    if latex_width and form != "latex":
        raise click.UsageError(f"--width is for --format latex, not for {form}")
    if macros and (explained or format_ != "text" or latex_width):
        raise click.UsageError("--macros writes a file of macros: it goes with no format and not with --explain")
    ledger = open_ledger(storage, to_read=bool(macros))
    made_by = of_version(catalog, trial_version) if trial_version else catalog
    tables = tables_of(load_plan(experiment, made_by, overrides, ledger, max_trials), ledger, name)
    _say_where_none_ran(tables, ledger)
    source = Source(experiment=experiment, storage=storage, overrides=overrides, version=trial_version)
    if macros:
        _write_macros(tables, source, macros, as_json=as_json)
    elif not tables and form != "json":
        say(f"{experiment} asks for no table", err=True)
    elif cell:
        _explain_cell(tables, cell, ledger, as_json=as_json)
    elif explained and not as_json:
        say("\n\n".join(explanation(each, ledger) for each in tables))
    else:
        tables = [replace(each, width=latex_width or each.width) for each in tables]
        for sentence in filter(None, map(too_wide, tables) if form == "latex" else ()):
            say(f"note: {sentence}", err=True)
        say(tables_text(tables, form, source))


def _say_where_none_ran(tables: Sequence[Table], ledger: Ledger) -> None:
    """Say that there is no storage, where tables have sizes nevertheless. Raises: LedgerError where they have none."""
    try:
        ledger.must_exist()
    except LedgerError as error:
        if not any(cell.computed for table in tables for row in table.rows for cell in row.cells.values()):
            raise
        say(shown_line(f"note: {error}"), err=True)


def _asked(names: Sequence[str], *, explained: bool) -> tuple[str | None, tuple[str, str] | None]:
    """Return the table that is named, and the (row, column) that are to be explained. Raises: UsageError."""
    if len(names) > (3 if explained else 1):
        more = "a NAME, a ROW and a COLUMN" if explained else "one NAME; with --explain, a ROW and a COLUMN, too"
        raise click.UsageError(f"table takes an EXPERIMENT and {more}; got {' '.join(map(repr, names))}")
    name = names[0] if len(names) in (1, 3) else None
    return name, (names[-2], names[-1]) if len(names) > 1 else None


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


def tables_text(tables: Sequence[Table], form: str, source: Source | None = None) -> str:
    """Return tables in one of FORMATS, without a newline at the end; text fits the terminal, where there is one."""
    if form == "json":
        values = [json_value(table) for table in tables]
        return json.dumps(values[0] if len(values) == 1 else values, indent=1, allow_nan=False)
    if form == "html":
        return html_page(tables).rstrip("\n")
    width = terminal_width()
    return "\n\n".join(
        render(table, form, width=width, spelled=spelled, source=source).rstrip("\n") for table in tables
    )


def _explain_cell(tables: Sequence[Table], cell: tuple[str, str], ledger: Ledger, *, as_json: bool) -> None:
    """Print all there is to know of one number. Raises: UsageError, UnknownName."""
    if len(tables) > 1:
        names = ", ".join(each.name for each in tables)
        raise click.UsageError(f"name the table, too: NAME ROW COLUMN; there are {names}")
    (one,) = tables
    row, column = pick_row(one, cell[0]), pick_column(one, cell[1])
    if as_json:
        say_json(cell_json(one, row, column, ledger))
    else:
        say(cell_text(one, row, column, ledger))


def _write_macros(tables: Sequence[Table], source: Source, path: Path, *, as_json: bool) -> None:
    """Write a file of macros, and say what is in it."""
    found = macros_of(tables)
    replace_file(path, macros_text(tables, found, source).encode())
    if as_json:
        say_json({"file": str(path), "macros": [each.to_json() for each in found]})
        return
    clashing = [each.name for each in found if each.clashes]
    if clashing:
        words = f"{len(clashing)} macros end in letters of a digest, since others would have had their names"
        say(shown_line(f"note: {words}: \\{clashing[0]}"), err=True)
    say(shown_line(f"{path}: {len(found)} macros of {', '.join(each.name for each in tables)}"))
