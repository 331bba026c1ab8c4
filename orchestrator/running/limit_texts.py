"""Budgets and deadlines as people write them, and as they are said."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from orchestrator.errors import RunError
from orchestrator.running.limits import Budget, Unit
from trainables.errors import shown, unknown_name

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
    if moment <= now:
        raise RunError(f"--until {shown(text)}: that is over; it is {now:%Y-%m-%d %H:%M}")
    if moment - now > FARTHEST:
        raise RunError(f"--until {shown(text)}: that is in more than ten years")
    return moment


def _moment(text: str, now: datetime) -> datetime | None:
    if text.startswith("+"):
        found = _AMOUNT.fullmatch(text[1:])
        seconds = AFTER.get(found[2].lower()) if found else None
        if found is None or seconds is None:
            return None
        return datetime.fromtimestamp(now.timestamp() + min(float(found[1]), 1e4) * seconds)
    if clock := _CLOCK.fullmatch(text):
        hours, minutes = int(clock[1]), int(clock[2])
        if hours > 23 or minutes > 59:
            return None
        today = now.replace(hour=hours, minute=minutes, second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)
    if len(text) < len("2026-12-01T08:00"):  # a date alone is the beginning of its day, which few mean
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone().replace(tzinfo=None) if moment.tzinfo else moment


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"
