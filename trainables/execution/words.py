"""What an attempt says in its log and in its row, in words."""

from collections.abc import Mapping

from pydantic import ValidationError

from trainables.errors import SharptuneError
from trainables.trial import Step

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def sentence(error: Exception) -> str:
    """Return what went wrong in one line; our own sentences speak for themselves."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'config'}: {e['msg']}" for e in error.errors())
    text = " ".join(str(error).split()).encode(errors="backslashreplace").decode()  # file names may be any bytes
    return text if isinstance(error, SharptuneError) else f"{type(error).__name__}: {text}"


def duration(seconds: float) -> str:
    """Return a duration as an experiment says it."""
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0 or size == 1)
    return f"{seconds / size:g} {unit}"


def numbers(metrics: Mapping[str, float]) -> str:
    return " ".join(f"{name}={value:.6g}" for name, value in metrics.items())


def epoch_line(step: Step) -> str:
    return f"epoch {step.epoch}: {numbers(step.metrics or {})}"
