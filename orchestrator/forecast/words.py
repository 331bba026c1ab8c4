"""A forecast in words: `still to do: 41 GPU hours (30 to 60); on 2 GPUs here done in 21 h (16 to 30 h, 80 %)`."""

from collections.abc import Sequence

from orchestrator.forecast.forecast import Forecast, Range
from orchestrator.words import duration, size


def lines(forecasts: Sequence[Forecast]) -> list[str]:
    """Return what the same trials cost, then a line for each of several slots; what it rests on at the end."""
    if not forecasts:
        return []
    first = forecasts[0]
    head = f"still to do: {cost_text(first)}"
    if len(forecasts) == 1:
        return [f"{head}; {finish_text(first)}", f"  ({basis_text(first)})"]
    return [head, *(f"  {finish_text(each)}" for each in forecasts), f"  ({basis_text(first)})"]


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
    """Return `on 2 GPUs here done in 21 h (16 to 30, 80 %)`."""
    if forecast.finish is None:
        return f"on {forecast.slots.name} never done: {forecast.stranded} of these trials fit nowhere"
    finish = forecast.finish
    between = f"{duration(finish.low)} to {duration(finish.high)}"
    return f"on {forecast.slots.name} done in {duration(finish.median)} ({between}, 80 %)"


def basis_text(forecast: Forecast) -> str:
    """Return what the forecast rests on: `from 12 done trials`."""
    rough = [stage for stage, rest in forecast.stages.items() if rest.basis == "rough"]
    if len(rough) == len(forecast.stages):
        return "from the cost model alone"
    seen = (
        f"from {forecast.done} done trial{'' if forecast.done == 1 else 's'}"
        if forecast.done
        else "from trials of others"
    )
    return f"{seen}; {', '.join(rough)} from the cost model alone" if rough else seen


def _hours(hours: Range, what: str) -> str:
    return f"{number(hours.median)} {what} hours ({number(hours.low)} to {number(hours.high)})"


def number(value: float) -> str:
    """Return a quantity with two digits that count: `0.42`, `4.2`, `42`, `4,200`."""
    if value >= 10:
        digits = 10 ** max(0, len(str(round(value))) - 2)
        return f"{round(value / digits) * digits:,}"
    return f"{value:.2g}"
