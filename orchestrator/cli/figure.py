"""The command that draws an experiment's figures."""

from pathlib import Path

import click

from orchestrator.cli.options import Catalog, experiment_options, load_plan, open_ledger, pass_catalog
from orchestrator.cli.output import say, say_json
from orchestrator.errors import LedgerError
from orchestrator.figures.curves import Epochs, Figure, build_figure
from orchestrator.figures.files import FORMATS, draw_figure
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan
from trainables.errors import DamagedFile, unknown_name
from trainables.record.trial_folder import read_epochs as read_epochs_file
from trainables.trial import TrialRow


@click.command()
@experiment_options
@click.argument("name", required=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file of the one figure; its ending says which format. By default <experiment>-<figure>.svg, here.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers and their trials; draw nothing.")
@pass_catalog
def figure(
    catalog: Catalog,
    experiment: str,
    name: str | None,
    overrides: tuple[str, ...],
    storage: str,
    max_trials: int | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Draw the figures of EXPERIMENT, or the one called NAME, from the rows there are.

    Learning rates need no rows: they follow from the settings.
    """
    form = output.suffix[1:].lower() if output else "svg"
    if form not in FORMATS:
        raise click.UsageError(f"-o needs a name that ends in .{', .'.join(FORMATS)}, got {output}")
    ledger = open_ledger(storage)
    plan = load_plan(experiment, catalog, overrides, ledger, max_trials)
    figures = figures_of(plan, ledger, name)
    if any(map(_lacking, figures)):
        ledger.must_exist()
    if output and len(figures) > 1:
        raise click.UsageError(f"-o is for one figure; name one of {', '.join(each.name for each in figures)}")
    for note in dict.fromkeys(note for each in figures for note in each.notes):
        say(f"note: {note}", err=True)
    if as_json:
        values = [each.to_json() for each in figures]
        say_json(values[0] if len(values) == 1 else values)
        return
    for each in figures:
        path = output or Path(f"{plan.experiment}-{each.name}.svg")
        path.write_bytes(draw_figure(each, form))
        say(f"{path}: {each.title}{_lacking(each)}")


def figures_of(plan: Plan, ledger: Ledger, name: str | None = None) -> list[Figure]:
    """Return the figures of a plan from the rows there are, or the one of that name.

    Raises: UnknownName, LedgerError.
    """
    names = [spec.name for spec in plan.figures]
    if not names:
        raise LedgerError(f"{plan.experiment} asks for no figure")
    if name is not None and name not in names:
        raise unknown_name("figure", name, names)
    rows = ledger.rows(trial.trial_id for trial in plan.trials)

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

    return [build_figure(plan, rows, spec, read_epochs) for spec in plan.figures if name in (None, spec.name)]


def _lacking(figure: Figure) -> str:
    """Return what is not in the figure yet."""
    expected = sum(curve.expected for panel in figure.panels for curve in panel.curves)
    there = sum(len(curve.trials) for panel in figure.panels for curve in panel.curves)
    return "" if there == expected else " (some of its runs are not in yet)"
