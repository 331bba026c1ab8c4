"""Forecasts of a plan, for the commands that show one."""

from collections.abc import Iterable, Mapping, Sequence

import click

from orchestrator.forecast.forecast import Forecast, foresee
from orchestrator.forecast.outlook import Outlook
from orchestrator.forecast.slots import Slots
from orchestrator.ledger import TrialState
from orchestrator.planning.plan import PlannedTrial


def forecasts_of(
    trials: Sequence[PlannedTrial], states: Mapping[str, TrialState], gpus: Iterable[int] = ()
) -> list[Forecast]:
    """Return the forecast of what is still to do, on each of so many GPUs, else here; empty where nothing is.

    Raises: UsageError where GPUs are named and no trial asks for one.
    """
    outlook = Outlook.of(trials, states)
    counts = list(gpus)
    if counts and outlook.open and not any(trial.resources.gpus for trial in outlook.open):
        raise click.UsageError("--gpus: no trial that is still to do asks for a GPU")
    slots = [Slots.of_gpus(count, outlook.open) for count in counts] or [Slots.here()]
    found = (foresee(outlook, each) for each in slots)
    return [each for each in found if each is not None]


def counts_of(context: click.Context, option: click.Parameter, texts: Sequence[str]) -> list[int]:
    """Return the counts that `1,8` and the like name. Raises: BadParameter."""
    counts: list[int] = []
    for text in ",".join(texts).split(",") if texts else []:
        if not (text.strip().isdigit() and 1 <= int(text) <= 100_000):
            raise click.BadParameter(f"{text!r} is no number of GPUs: say 8, or 1,8,64")
        counts.append(int(text))
    return list(dict.fromkeys(counts))
