"""Budgets and deadlines as people write them, and as they are said."""

import contextlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from orchestrator.errors import RunError
from orchestrator.forecast.forecast import foresee
from orchestrator.forecast.outlook import RUNNABLE, Outlook
from orchestrator.forecast.slots import Slots
from orchestrator.forecast.words import cost_text
from orchestrator.ledger import TrialState
from orchestrator.running.limits import Budget, Limits, Unit, amount_text, clock_text
from orchestrator.running.selection import Cell
from trainables.errors import shown, unknown_name
from trainables.trial import JSON

HOUR = 3600.0
UNITS: dict[str, tuple[Unit, float]] = {
    "gpu-hours": ("gpu", HOUR),
    "gpu-days": ("gpu", 24 * HOUR),
    "cpu-hours": ("cpu", HOUR),
    "cpu-days": ("cpu", 24 * HOUR),
}
"""Of budgets: what is counted, and how many seconds one has."""
AFTER = {"min": 60.0, "h": HOUR, "d": 24 * HOUR}
"""Units of times from now, in seconds."""
FEW = 10
"""Cells that are named."""
FARTHEST = timedelta(days=3650)
_AMOUNT = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*([a-z-]*)\s*", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)")


def read_budget(text: str) -> Budget:
    """Return the budget that `3gpu-days` or `40 cpu-hours` says. Raises: RunError, UnknownName."""
    found = _AMOUNT.fullmatch(text)
    if found is None or not found[2]:
        raise RunError(f"--budget {shown(text)}: write a number and its unit, {_listed(UNITS)}, as in 3gpu-days")
    amount, name = float(found[1]), found[2].lower()
    unit = UNITS.get(name) or UNITS.get(f"{name}s")
    if unit is None:
        raise unknown_name("unit of --budget", found[2], UNITS)
    if not amount:
        raise RunError(f"--budget {shown(text)}: with nothing to spend nothing runs; sharptune plan shows what would")
    return Budget(seconds=amount * unit[1], unit=unit[0])


def read_until(text: str, now: datetime) -> datetime:
    """Return the moment that `18:00`, `2026-12-01 08:00` or `+6h` says; a time of day is the next such.

    Args:
        now: as the clock on the wall has it, which is how the moment is returned, too.

    Raises: RunError.
    """
    moment = _moment(text.strip(), now)
    if moment is None:
        raise RunError(
            f"--until {shown(text)}: write a time of day (18:00), a date with its time (2026-12-01T08:00), "
            f"or a time from now (+6h; {_listed(AFTER)})"
        )
    if moment - now > FARTHEST:
        raise RunError(f"--until {shown(text)}: that is in more than ten years")
    if moment.year < now.year or moment.timestamp() <= now.timestamp():  # the first of years have no timestamps
        raise RunError(f"--until {shown(text)}: that is over; it is {now:%Y-%m-%d %H:%M}")
    return moment


def _moment(text: str, now: datetime) -> datetime | None:
    if text.startswith("+"):
        found = _AMOUNT.fullmatch(text[1:])
        seconds = AFTER.get(found[2].lower()) if found else None
        if found is None or seconds is None:
            return None
        return datetime.fromtimestamp(now.timestamp() + min(float(found[1]) * seconds, 2 * FARTHEST.total_seconds()))
    if clock := _CLOCK.fullmatch(text):
        hours, minutes = int(clock[1]), int(clock[2])
        if hours > 23 or minutes > 59:
            return None
        today = now.replace(hour=hours, minute=minutes, second=0, microsecond=0, fold=0)
        times = today, today.replace(fold=1), today + timedelta(days=1)  # one hour comes twice when clocks are put back
        return next(each for each in times if each.timestamp() > now.timestamp())
    if len(text) < len("2026-12-01T08:00"):  # a date alone is the beginning of its day, which few mean
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    with contextlib.suppress(OverflowError):  # of the first and the last day that there is
        moment = moment.astimezone() if moment.tzinfo else moment
    return moment.replace(tzinfo=None)


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"


def limits_text(limits: Limits) -> str:
    """Return what limits a run: `3 GPU days, until 18:00`."""
    until = "" if limits.until is None else f"until {clock_text(limits.until, limits.clock())}"
    return ", ".join(filter(None, [str(limits.budget or ""), until]))


def cells_lines(cells: Sequence[Cell], done: Collection[str]) -> list[str]:
    """Return how many cells are complete with some trials, and what the others have."""
    counts = [(cell, sum(trial in done for trial in cell.trials)) for cell in cells]
    parts = [f"{cell.name} ({count} of {len(cell.trials)})" for cell, count in counts if count < len(cell.trials)]
    more = [f"and {len(parts) - FEW} more"] if len(parts) > FEW else []
    lines = [f"  complete: {len(cells) - len(parts)} of {len(cells)} cells"] if cells else []
    return [*lines, *(f"  not complete: {each}" for each in [*parts[:FEW], *more])]


def left_lines(
    limits: Limits, outlook: Outlook, slots: Slots, states: Mapping[str, TrialState], reached: str
) -> list[str]:
    """Return what a run within limits has spent and left, as trials stand at its end."""
    done = {trial_id for trial_id, state in states.items() if state.state == "done"}
    rest = foresee(outlook, slots)
    to_do = "" if rest is None else f", still to do: {cost_text(rest)}"
    trials = "1 trial" if len(outlook.open) == 1 else f"{len(outlook.open)} trials"
    lines = [f"left out ({limits_text(limits)}): {trials}{to_do}", *cells_lines(limits.cells, done)]
    stopped = [f"Stopped, as {reached}; trials at work were saved."] if reached else []
    return [*stopped, *_spent(limits), *lines, "Nothing is lost. The same command goes on from here."]


def interrupted_lines(limits: Limits | None) -> list[str]:
    """Return what there is to say at the end of a run that somebody interrupted."""
    return [*_spent(limits), "Interrupted; nothing is lost. The same command goes on from here."]


def _spent(limits: Limits | None) -> list[str]:
    """Return what a run has spent of its budget; nothing where it has none."""
    if limits is None or limits.budget is None:
        return []
    return [f"spent: {amount_text(limits.spent, limits.budget.unit)} of {limits.budget}"]


def limits_json(limits: Limits, states: Mapping[str, TrialState], reached: str) -> dict[str, JSON]:
    """Return what a run was limited by, what it spent, and what it left."""
    done = {trial_id for trial_id, state in states.items() if state.state == "done"}
    until = None if limits.until is None else datetime.fromtimestamp(limits.until, UTC).isoformat(timespec="seconds")
    return {
        "budget": None if limits.budget is None else asdict(limits.budget),
        "until": until,
        "spent_seconds": limits.spent,
        "reached": reached,
        "left_out": [trial_id for trial_id, state in states.items() if state.state in RUNNABLE],
        "cells": [
            {"name": cell.name, "trials": len(cell.trials), "done": sum(each in done for each in cell.trials)}
            for cell in limits.cells
        ],
    }
