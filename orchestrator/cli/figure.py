"""The command that draws an experiment's figures."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import click

from orchestrator.cli.options import Catalog, experiment_options, load_plan, open_ledger, pass_catalog
from orchestrator.cli.output import replace_file, say, say_json
from orchestrator.document.spec import FigureKind, FigureSpec
from orchestrator.errors import LedgerError
from orchestrator.figures.figure import Epochs, Figure
from orchestrator.figures.files import FORMATS, draw_figure
from orchestrator.figures.fonts import missing_letters
from orchestrator.figures.kinds import build, default_figures
from orchestrator.figures.style import WIDTHS
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan
from trainables.errors import DamagedFile, unknown_name
from trainables.record.trial_folder import read_epochs as read_epochs_file
from trainables.trial import TrialRow

KINDS: tuple[FigureKind, ...] = get_args(FigureKind)


@click.command()
@experiment_options
@click.argument("name", required=False)
@click.option("--kind", type=click.Choice(KINDS), help="Draw figures of this kind, also where the file asks for none.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file of the one figure; its ending says which format. By default <experiment>-<figure>.svg, here.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="The format of files that have their default names.")
@click.option(
    "--width", type=click.Choice(list(WIDTHS)), default="page", show_default=True, help="How wide it stands in a paper."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the numbers of the one figure to this CSV file, too.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers and their trials; draw nothing.")
@pass_catalog
def figure(
    catalog: Catalog,
    experiment: str,
    name: str | None,
    kind: FigureKind | None,
    overrides: tuple[str, ...],
    storage: str,
    max_trials: int | None,
    output: Path | None,
    form: str | None,
    width: str,
    data: Path | None,
    as_json: bool,
) -> None:
    """Draw the figures of EXPERIMENT, or the one called NAME, from the rows there are.

    Learning rates need no rows: they follow from the settings.
    """
    form = _form(output, form)
    ledger = open_ledger(storage)
    plan = load_plan(experiment, catalog, overrides, ledger, max_trials)
    figures = figures_of(plan, ledger, name, kind)
    if any(each.missing for each in figures):
        ledger.must_exist()
    for option, given in (("-o", output), ("--data", data)):
        if given and len(figures) > 1:
            names = ", ".join(each.name for each in figures)
            raise click.UsageError(f"{option} is for one figure; name one of {names}")
    for note in dict.fromkeys(note for each in figures for note in each.notes):
        say(f"note: {note}", err=True)
    if data:
        replace_file(data, figures[0].to_csv().encode())
    if as_json:
        values = [each.to_json() for each in figures]
        say_json(values[0] if len(values) == 1 else values)
        return
    for each in figures:
        path = output or Path(f"{plan.experiment}-{each.name}.{form}")
        replace_file(path, draw_figure(each, form, width=width))
        if form != "svg" and (letters := missing_letters(each)):
            say(f"note: no installed font has {letters}, boxes in {path}; an SVG keeps them as text", err=True)
        say(f"{path}: {each.title}" + f" ({each.missing})" * bool(each.missing))


def figures_of(plan: Plan, ledger: Ledger, name: str | None = None, kind: FigureKind | None = None) -> list[Figure]:
    """Return the figures of a plan from the rows there are, or the one of that name, or those of that kind.

    Raises: UnknownName, LedgerError.
    """
    rows = ledger.rows(trial.trial_id for trial in plan.trials)
    read = epochs_reader(ledger)
    specs = _specs(plan, kind)
    if name is None or name in (spec.name for spec in specs):
        return [each for spec in specs if name in (None, spec.name) for each in build(plan, rows, spec, read)]
    figures = [each for spec in specs if name.startswith(f"{spec.name}-") for each in build(plan, rows, spec, read)]
    known = [*(spec.name for spec in specs), *(each.name for each in figures)]
    if found := [each for each in figures if each.name == name]:
        return found
    raise unknown_name("figure", name, dict.fromkeys(known))


def epochs_reader(ledger: Ledger) -> Callable[[TrialRow], Epochs]:
    """Return what reads the epochs of a finished trial; what it reads may be missing (LedgerError) or damaged."""

    def read_epochs(row: TrialRow) -> Epochs:
        try:
            data = ledger.folder(row.trial_id).read_file(row, "epochs.parquet")
        except FileNotFoundError as error:
            raise LedgerError(
                f"the curves need the epochs of trial {row.trial_id}, and {error.filename or 'epochs.parquet'} is not "
                "in its folder; copy it there too"
            ) from error
        try:
            return read_epochs_file(data)
        except DamagedFile as error:
            raise DamagedFile(
                f"trial {row.trial_id}: {error}; sharptune retry {row.trial_id} computes it anew"
            ) from error

    return read_epochs


def _specs(plan: Plan, kind: FigureKind | None) -> tuple[FigureSpec, ...]:
    """Return what the experiment's file asks for, or what there is of a kind without it. Raises: LedgerError."""
    if kind is None:
        if plan.figures:
            return plan.figures
        possible = ", ".join(each for each in KINDS if default_figures(plan, each))
        raise LedgerError(f"{plan.experiment} asks for no figure; --kind draws one: {possible}")
    asked = tuple(spec for spec in plan.figures if spec.kind == kind) or default_figures(plan, kind)
    if not asked:
        raise LedgerError(f"{plan.experiment} has nothing that a figure of kind {kind} could show")
    return asked


def _form(output: Path | None, form: str | None) -> str:
    """Return the format of the files. Raises: UsageError."""
    if output is None:
        return form or "svg"
    ending = output.suffix[1:].lower()
    if ending not in FORMATS:
        raise click.UsageError(f"-o needs a name that ends in .{', .'.join(FORMATS)}, got {output}")
    if form and form != ending:
        raise click.UsageError(f"-o {output} and --format {form} contradict each other; give one of them")
    return ending
