"""A forecast in words: `still to do: 41 GPU hours (30 to 60), from 12 done trials; on 2 GPUs here done in 21 h (…)`."""

from collections.abc import Sequence

from orchestrator.forecast.forecast import Forecast, Range
from orchestrator.words import size

UNITS = (("s", 90.0, 1.0), ("min", 5400.0, 60.0), ("h", 48 * 3600.0, 3600.0), ("d", float("inf"), 86400.0))
"""Name, up to how many seconds it is used, and the seconds it has."""
WHOLE = {"s": "seconds", "min": "minutes", "h": "hours", "d": "hours"}


def lines(forecasts: Sequence[Forecast]) -> list[str]:
    """Return what the open trials cost, and when they are done on each of several slots, a line each."""
    if not forecasts:
        return []
    head = f"still to do: {cost_text(forecasts[0])}, {basis_text(forecasts[0])}"
    if len(forecasts) == 1:
        return [f"{head}; {finish_text(forecasts[0])}"]
    return [head, *(f"  {finish_text(each)}" for each in forecasts)]


def cost_text(forecast: Forecast) -> str:
    """Return `41 GPU hours (30 to 60), 12 GB on disk`."""
    parts = []
    if forecast.gpu_hours.high:
        parts.append(_hours(forecast.gpu_hours, "GPU"))
    if forecast.cpu_hours.high and (not parts or forecast.cpu_hours.median > forecast.gpu_hours.median):
        parts.append(_hours(forecast.cpu_hours, "CPU"))
    if forecast.disk_bytes:
        parts.append(f"{size(round(forecast.disk_bytes))} on disk")
    return ", ".join(parts)


def finish_text(forecast: Forecast) -> str:
    """Return `on 2 GPUs here done in 21 h (16 to 30, 80 %)`; where that is never, why."""
    if forecast.finish is None:
        count = f"{forecast.stranded:,} of {forecast.trials:,} trials"
        return f"not on {forecast.slots.name}, which cannot hold {count} (--gpus N foresees other machines)"
    name, seconds = unit_of(forecast.finish.median)
    low, median, high = (number(each / seconds) for each in _in_order(forecast.finish))
    return f"on {forecast.slots.name} done in {median} {name} ({low} to {high}, 80 %)"


def basis_text(forecast: Forecast) -> str:
    """Return what the forecast rests on: `from 12 done trials`."""
    rough = [stage for stage, rest in forecast.stages.items() if rest.basis == "rough"]
    unseen = [stage for stage, rest in forecast.stages.items() if rest.basis != "done"]
    if len(rough) == len(forecast.stages):
        return f"from the cost model alone: a factor of {number(forecast.factor)} either way"
    if not forecast.done:
        return "from done trials of other experiments"
    seen = f"from {forecast.done:,} done trial{'' if forecast.done == 1 else 's'}"
    return f"{seen}, none of {' or '.join(unseen)}" if unseen else seen


def unit_of(seconds: float) -> tuple[str, float]:
    """Return the name and the seconds of the unit in which people say so many seconds."""
    return next((name, each) for name, most, each in UNITS if seconds < most)


def number(value: float) -> str:
    """Return a quantity with two digits that count: `0.42`, `4.2`, `42`, `4,200`."""
    if value < 9.95:
        return f"{value:.2g}"
    digits = 10 ** max(0, len(str(round(value))) - 2)
    return f"{round(value / digits) * digits:,}"


def _hours(hours: Range, device: str) -> str:
    """Return `41 GPU hours (30 to 60)`; fewer than one and a half as minutes or seconds."""
    name, seconds = unit_of(hours.median * 3600)
    each = min(seconds, 3600.0)
    low, median, high = (number(value * 3600 / each) for value in _in_order(hours))
    return f"{median} {device} {WHOLE[name]} ({low} to {high})"


def _in_order(found: Range) -> tuple[float, float, float]:
    return found.low, found.median, found.high
