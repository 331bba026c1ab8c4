"""Forecasts of a plan, for the commands that show one."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from orchestrator.cli.options import Catalog
from orchestrator.forecast.durations import group_of
from orchestrator.forecast.elsewhere import is_worth_it, seen_elsewhere
from orchestrator.forecast.forecast import Forecast, foresee
from orchestrator.forecast.outlook import Outlook
from orchestrator.forecast.slots import Slots
from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.plan import PlannedTrial
from orchestrator.words import size


def forecasts_of(
    trials: Sequence[PlannedTrial],
    states: Mapping[str, TrialState],
    ledger: Ledger,
    catalog: Catalog,
    gpus: Iterable[int] = (),
) -> list[Forecast]:
    """Return the forecast of what is still to do, on each of so many GPUs, else here; empty where nothing is.

    Where nothing of a kind is done, other experiments of the storage tell how fast this machine is.

    Raises: UsageError where GPUs are named and no trial asks for one.
    """
    outlook = Outlook.of(trials, states)
    if is_worth_it({group_of(trial) for trial in outlook.open}, outlook.durations.groups):
        outlook = replace(outlook, elsewhere=seen_elsewhere(ledger, catalog, trials))
    counts = list(gpus)
    if counts and outlook.open and not any(trial.resources.gpus for trial in outlook.open):
        raise click.UsageError("--gpus: no trial that is still to do asks for a GPU")
    slots = [Slots.of_gpus(count, outlook.open) for count in counts] or [Slots.here()]
    found = (foresee(outlook, each) for each in slots)
    return [each for each in found if each is not None]


def lack_of_space(ledger: Ledger, forecast: Forecast) -> str:
    """Return what to say where the disk of the storage has no room for what is still to do; empty where it has."""
    if ledger.storage.remote:
        return ""
    folder = Path(ledger.storage.uri)
    free = shutil.disk_usage(next(path for path in (folder, *folder.absolute().parents) if path.exists())).free
    if forecast.disk_bytes <= free:
        return ""
    need = size(round(forecast.disk_bytes))
    return f"what is still to do takes some {need} on disk, and where {ledger.storage.uri} lies {size(free)} are free"


def counts_of(context: click.Context, option: click.Parameter, texts: Sequence[str]) -> list[int]:
    """Return the counts that `1,8` and the like name. Raises: BadParameter."""
    counts: list[int] = []
    for text in ",".join(texts).split(",") if texts else []:
        if not (text.strip().isdigit() and 1 <= int(text) <= 100_000):
            raise click.BadParameter(f"{text!r} is no number of GPUs: say 8, or 1,8,64")
        counts.append(int(text))
    return list(dict.fromkeys(counts))
