"""Forecasts of a plan, and what it may spend, for the commands that show one or ask for it."""

import copy
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import click

from orchestrator.cli.options import Catalog
from orchestrator.cli.output import say
from orchestrator.cli.reports import count_text
from orchestrator.errors import RunError
from orchestrator.forecast import words
from orchestrator.forecast.durations import Durations, group_of
from orchestrator.forecast.elsewhere import is_worth_it, seen_elsewhere
from orchestrator.forecast.forecast import Forecast, foresee
from orchestrator.forecast.outlook import RUNNABLE, Outlook
from orchestrator.forecast.slots import Slots
from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.running.foresight import Foresight
from orchestrator.running.limit_texts import cells_lines, limits_json, limits_text, read_budget, read_until
from orchestrator.running.limits import Limits
from orchestrator.running.selection import Cell
from orchestrator.tables.wanted import wanted
from orchestrator.words import size
from trainables.trial import JSON


def outlook_of(
    trials: Sequence[PlannedTrial], states: Mapping[str, TrialState], ledger: Ledger, catalog: Catalog
) -> Outlook:
    """Return what is still to do, and what is known of how long it takes.

    Where nothing of a kind is done, other experiments of the storage tell how fast this machine is.
    """
    outlook = Outlook.of(trials, states)
    if is_worth_it({group_of(trial) for trial in outlook.open}, outlook.durations.groups):
        outlook = replace(outlook, elsewhere=seen_elsewhere(ledger, catalog, trials))
    return outlook


def forecasts_of(
    trials: Sequence[PlannedTrial],
    states: Mapping[str, TrialState],
    ledger: Ledger,
    catalog: Catalog,
    gpus: Iterable[int] = (),
) -> list[Forecast]:
    """Return the forecast of what is still to do, on each of so many GPUs, else here; empty where nothing is.

    Raises: UsageError where GPUs are named and no trial asks for one.
    """
    outlook = outlook_of(trials, states, ledger, catalog)
    counts = list(gpus)
    if counts and outlook.open and not any(trial.resources.gpus for trial in outlook.open):
        raise click.UsageError("--gpus: no trial that is still to do asks for a GPU")
    slots = [Slots.of_gpus(count, outlook.open) for count in counts] or [Slots.here()]
    found = (foresee(outlook, each) for each in slots)
    return [each for each in found if each is not None]


def lack_of_space(ledger: Ledger, forecast: Forecast | None) -> str:
    """Return what to say where the disk of the storage has no room for what is still to do; empty where it has."""
    if forecast is None or ledger.storage.remote:
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
        if not (text.strip().isdecimal() and 1 <= int(text) <= 100_000):
            raise click.BadParameter(f"{text!r} is no number of GPUs: say 8, or 1,8,64")
        counts.append(int(text))
    return list(dict.fromkeys(counts))


Command = TypeVar("Command", bound=Callable[..., Any])
NOBODY_ANSWERS = ("CI", "SLURM_JOB_ID")
"""Where one of these is set in the environment, nobody is asked, terminal or not."""
ENDLESS = Slots(nodes=({},), name="the cluster", others=math.inf)
"""Of a cluster that is not joined yet."""


def limit_options(command: Command) -> Command:
    """Add what a run may take."""
    budget = click.option(
        "--budget", metavar="AMOUNT", help="Run what fits, whole cells of the tables first: 3gpu-days, 40cpu-hours."
    )
    until = click.option("--until", metavar="TIME", help="Likewise what is done by then: 18:00, 2026-12-01T08:00, +6h.")
    return budget(until(command))


def slots_of(runner: str, address: str | None) -> Slots:
    """Return what runs at a time; of a cluster nobody knows before it is joined."""
    if runner == "local":
        return Slots.local()
    return Slots.here() if address is None else ENDLESS


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What a run is to do: all that can run, or what fits into what it may take."""

    outlook: Outlook
    """Of the trials that it is to do, and of those that others have at work."""
    slots: Slots
    limits: Limits | None

    @classmethod
    def of(
        cls,
        plan: Plan,
        states: Mapping[str, TrialState],
        ledger: Ledger,
        catalog: Catalog,
        slots: Slots,
        budget: str | None,
        until: str | None,
    ) -> "Intent":
        """Return the intent of a run that is told its budget and its end so; None where it is told none.

        Raises: RunError, UnknownName for what is none; TableError where the tables of the plan cannot be made.
        """
        to_do = any(state.state in RUNNABLE for state in states.values())
        nothing = Outlook(open=(), durations=Durations())
        outlook = outlook_of(plan.trials, states, ledger, catalog) if to_do else nothing
        if budget is None and until is None:
            return cls(outlook=outlook, slots=slots, limits=None)
        amount = None if budget is None else read_budget(budget)
        if amount and amount.unit == "gpu" and outlook.open and not any(each.resources.gpus for each in outlook.open):
            raise RunError(f"--budget {budget}: no trial that is still to do asks for a GPU; say cpu-hours or cpu-days")
        limits = Limits(
            budget=amount,
            until=None if until is None else read_until(until, datetime.now()).timestamp(),
            cells=[Cell(name=cell.name, trials=cell.trials) for cell in wanted(plan)],
            trials=plan.trials,
            lost={trial_id for trial_id, state in states.items() if state.state in ("failed", "blocked")},
            slots=slots,
            durations=copy.deepcopy(outlook.durations),
            share=outlook.share,
            twins=outlook.twins,
            elsewhere=outlook.elsewhere,
        )
        chosen = limits.choice([trial for trial in outlook.open if trial.trial_id not in outlook.at_work])
        mine = [trial for trial in outlook.open if trial.trial_id in chosen or trial.trial_id in outlook.at_work]
        return cls(outlook=replace(outlook, open=mine), slots=slots, limits=limits)

    @cached_property
    def foresight(self) -> Foresight:
        limits = self.limits
        return Foresight(self.outlook, self.slots, chosen=lambda: None if limits is None else limits.chosen)

    @property
    def joined(self) -> bool:
        """Whether it is known what runs at a time."""
        return self.slots is not ENDLESS

    @cached_property
    def trials(self) -> frozenset[str]:
        """Those that it is to do, and those that others have at work."""
        return frozenset(trial.trial_id for trial in self.outlook.open)

    @property
    def fits(self) -> dict[str, JSON]:
        """What of it fits into what a run may take, for scripts."""
        return {} if self.limits is None else {"fits": sorted(self.trials)}

    def facts(self, states: Mapping[str, TrialState], reached: str = "") -> dict[str, JSON]:
        """Return, for scripts, what a run was limited by and what it left, as trials stand at its end."""
        return {} if self.limits is None else {"limits": limits_json(self.limits, states, reached)}

    def would(self, trial: PlannedTrial, state: TrialState) -> str:
        """Return what a run would do about a trial that is not done."""
        if state.state == "running":
            return "at work"
        return "would run" if trial.trial_id in self.trials else "left out"

    def lines(self, states: Mapping[str, TrialState]) -> list[str]:
        """Return what fits into what a run may take: how many trials, and which cells are whole with them."""
        if self.limits is None:
            return []
        todo = sum(state.state in RUNNABLE for state in states.values())
        done = {trial_id for trial_id, state in states.items() if state.state == "done"} | self.trials
        fit = f"{limits_text(self.limits)}: {len(self.trials):,} of {count_text(todo, 'open trial')} fit"
        return [fit, *cells_lines(self.limits.cells, done)]

    def agreed(self, above: float, *, yes: bool, as_json: bool) -> bool:
        """Say whether a run may go on: of more than so many hours a person is asked, where there is one."""
        forecast = self.foresight.first
        if forecast is None:
            return True
        hours = forecast.gpu_hours if forecast.gpu_hours.high else forecast.cpu_hours
        if hours.median <= above:
            return True
        shown = words.lines([forecast]) if self.joined else [f"still to do: {words.cost_text(forecast)}"]
        say("\n".join(shown), err=as_json)
        answers = sys.stdin.isatty() and sys.stdout.isatty() and not any(map(os.environ.get, NOBODY_ANSWERS))
        return yes or as_json or not answers or click.confirm("Proceed?")
