"""`sharptune export`: the network of a trial as a file; rows, epochs and curves for other tools."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.evaluate import network
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
from orchestrator.cli.reports import count_text
from orchestrator.exports.files import beside, is_parquet, write_file
from orchestrator.exports.trials import Curve, Exported, curves
from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.plan import PlannedTrial
from orchestrator.words import shown_line, size


class _OrTrial(click.Group):
    """`export TRIAL` is `export network TRIAL`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asked = bool(args) and args[0] not in (*self.commands, *ctx.help_option_names)
        return super().parse_args(ctx, [network.name or "", *args] if asked else args)


@click.group(cls=_OrTrial)
def export() -> None:
    """Take results elsewhere: TRIAL's network as one file, or the trials of an EXPERIMENT for other tools.

    `export TRIAL` is short for `export network TRIAL`.
    """


export.add_command(network)


def _what(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what each export of many trials takes."""
    for add in (
        json_option,
        storage_option,
        set_option,
        click.option("--all", "everything", is_flag=True, help="All rows in the storage, whoever ran them."),
        click.argument("experiment", required=False),
    ):
        command = add(command)
    return pass_catalog(command)


@export.command()
@_what
@click.option("-o", "--output", default="rows.parquet", show_default=True, help="A path, or s3://bucket/rows.parquet.")
@click.option("--epochs", "with_epochs", is_flag=True, help="Also a line per epoch, in rows-epochs.parquet beside it.")
def rows(catalog: Catalog, output: str, with_epochs: bool, storage: str, as_json: bool, **asked: Any) -> None:
    """Write the trials of EXPERIMENT, or all rows, to one Parquet file of one line per trial.

    Those that have no row yet are lines too, with nulls.
    """
    from orchestrator.exports.parquet import epochs_parquet, rows_parquet

    if not is_parquet(output):
        raise click.UsageError(f"-o must end in .parquet, got {output!r}")
    ledger = open_ledger(storage, to_read=True)
    trials = _trials(catalog, ledger, **asked)
    data = rows_parquet(trials)
    write_file(output, data)
    written = [{"file": output, "lines": len(trials), "bytes": len(data)}]
    if with_epochs:
        data, lines = epochs_parquet(trials, ledger, _note)
        write_file(beside(output, "epochs"), data)
        written.append({"file": beside(output, "epochs"), "lines": lines, "bytes": len(data)})
    if as_json:
        say_json({"files": written, "trials": len(trials), "rows": sum(trial.row is not None for trial in trials)})
        return
    for each, what in zip(written, ("trial", "epoch"), strict=False):
        say(shown_line(f"{each['file']}: {count_text(each['lines'], what)}, {size(each['bytes'])}"))


@export.command()
@_what
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), default="tensorboard", show_default=True,
    help="A folder.",
)  # fmt: skip
def tensorboard(catalog: Catalog, output: Path, storage: str, as_json: bool, **asked: Any) -> None:
    """Write the curves of EXPERIMENT's trials, or of all, as runs of TensorBoard: tensorboard --logdir FOLDER."""
    from orchestrator.exports import tensorboard_runs

    found = _tracked(catalog, storage, lambda some: tensorboard_runs.export(some, output), **asked)
    _report(found, str(output), as_json)


@export.command()
@_what
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=".", show_default=True,
    help="The folder in which wandb/ is.",
)  # fmt: skip
def wandb(catalog: Catalog, output: Path, storage: str, as_json: bool, **asked: Any) -> None:
    """Write the curves of EXPERIMENT's trials, or of all, as offline runs of Weights & Biases.

    `wandb sync --sync-all` sends them. Where WANDB_MODE is set, it decides.
    """
    from orchestrator.exports import wandb_runs

    found = _tracked(catalog, storage, lambda some: wandb_runs.export(some, output), **asked)
    _report(found, str(output / "wandb"), as_json)


@export.command()
@_what
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="A database file; by default where MLFLOW_TRACKING_URI says, or mlflow.db.",
)  # fmt: skip
def mlflow(catalog: Catalog, output: Path | None, storage: str, as_json: bool, **asked: Any) -> None:
    """Write the curves of EXPERIMENT's trials, or of all, as runs of MLflow.

    `mlflow ui --backend-store-uri sqlite:///mlflow.db` shows them.
    """
    from orchestrator.exports import mlflow_runs

    address = mlflow_runs.address_of(output)
    found = _tracked(catalog, storage, lambda some: mlflow_runs.export(some, address), **asked)
    _report(found, address, as_json)


def _trials(
    catalog: Catalog, ledger: Ledger, *, experiment: str | None, overrides: Sequence[str], everything: bool
) -> list[Exported]:
    """Return what is exported, in the plan's order, or in that of ids."""
    if everything == (experiment is not None):
        raise click.UsageError("name an EXPERIMENT, or say --all")
    if experiment is None:
        if overrides:
            raise click.UsageError("--set goes with an EXPERIMENT")
        return [Exported.of_row(row) for row in ledger.rows().values()]
    plan = load_plan(experiment, catalog, overrides, ledger)
    states = states_of(plan, ledger)
    ledger.read(states)
    return [_planned(plan.experiment, trial, states[trial.trial_id]) for trial in plan.trials]


def _planned(experiment: str, trial: PlannedTrial, at: TrialState) -> Exported:
    return Exported(
        spec=trial.spec,
        state=at.state,
        error=at.reason if at.state in ("failed", "blocked") else None,
        row=at.row,
        experiment=experiment,
        stage=trial.stage,
        label=trial.label,
        axes=trial.coordinates,
    )


def _tracked(catalog: Catalog, storage: str, write: Callable[[Any], Sequence[object]], **asked: Any) -> dict[str, str]:
    """Write what a tracker shows; return trial -> run."""
    ledger = open_ledger(storage, to_read=True)
    trials = _trials(catalog, ledger, **asked)
    written: list[Curve] = []

    def told():
        for curve in curves(trials, ledger, _note):
            written.append(curve)
            yield curve

    runs = write(told())
    without = len(trials) - len(written)
    if without:
        _note(f"{count_text(without, 'trial')} without a row left out")
    return {curve.trial.trial_id: str(run) for curve, run in zip(written, runs, strict=True)}


def _report(runs: dict[str, str], place: str, as_json: bool) -> None:
    if as_json:
        say_json({"place": place, "runs": runs})
    else:
        say(shown_line(f"{place}: {count_text(len(runs), 'run')}"))


def _note(sentence: str) -> None:
    say(shown_line(f"note: {sentence}"), err=True)
