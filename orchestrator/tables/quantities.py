"""How a measured number is written: its title, its unit, how many digits.

Rounding starts from the shortest decimal text of a float and rounds halves up, so 2.345 becomes 2.35 whatever its
binary form is; a median of two CIFAR errors often ends in exactly half a digit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

Kind = Literal["error", "size", "time", "count", "other"]
SIGNIFICANT = 2
"""Digits shown of a number whose unit fixes no decimals."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One unit a quantity can be shown in."""

    symbol: str
    scale: int = 1
    """How many of the stored unit make one of this."""
    digits: int | None = None
    """Decimals; None shows two significant digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """One metric's look. `units` go from large to small."""

    title: str
    kind: Kind = "other"
    units: tuple[Unit, ...] = (Unit(symbol=""),)


PERCENT = (Unit(symbol="%", digits=2),)
DAYS = (Unit(symbol=""),)
SECONDS = (Unit(symbol="s"),)
MILLIONS = (Unit(symbol="M", scale=10**6, digits=2), Unit(symbol="k", scale=10**3, digits=1))
BILLIONS = (
    Unit(symbol="B", scale=10**9, digits=3),
    Unit(symbol="M", scale=10**6, digits=1),
    Unit(symbol="k", scale=10**3, digits=1),
)
BYTES = (Unit(symbol="GiB", scale=2**30, digits=1), Unit(symbol="MiB", scale=2**20, digits=0))

QUANTITIES: Mapping[str, Quantity] = {
    "test_error": Quantity(title="test error, last epoch", kind="error", units=PERCENT),
    "test_error_best": Quantity(title="test error, best epoch", kind="error", units=PERCENT),
    "test_error_selected": Quantity(title="test error, selected epoch", kind="error", units=PERCENT),
    "test_error_top5": Quantity(title="top-5 test error, last epoch", kind="error", units=PERCENT),
    "test_error_top5_best": Quantity(title="top-5 test error, best epoch", kind="error", units=PERCENT),
    "test_error_top5_selected": Quantity(title="top-5 test error, selected epoch", kind="error", units=PERCENT),
    "validation_error": Quantity(title="validation error, last epoch", kind="error", units=PERCENT),
    "validation_error_best": Quantity(title="validation error, selected epoch", kind="error", units=PERCENT),
    "train_error": Quantity(title="train error", kind="error", units=PERCENT),
    "cifar10_1_error": Quantity(title="CIFAR-10.1 error, last epoch", kind="error", units=PERCENT),
    "cifar10_1_error_best": Quantity(title="CIFAR-10.1 error, best epoch", kind="error", units=PERCENT),
    "cifar10_1_error_selected": Quantity(title="CIFAR-10.1 error, selected epoch", kind="error", units=PERCENT),
    "search_val_error": Quantity(title="search val. error, last epoch", kind="error", units=PERCENT),
    "search_val_error_best": Quantity(title="search val. error, best epoch", kind="error", units=PERCENT),
    "best_epoch": Quantity(title="best epoch", kind="count", units=(Unit(symbol="", digits=0),)),
    "selected_epoch": Quantity(title="selected epoch", kind="count", units=(Unit(symbol="", digits=0),)),
    "pools": Quantity(title="pools", kind="count", units=(Unit(symbol="", digits=0),)),
    "skips": Quantity(title="skips", kind="count", units=(Unit(symbol="", digits=0),)),
    "corrupt_images": Quantity(title="unreadable images", kind="count", units=(Unit(symbol="", digits=0),)),
    "params": Quantity(title="params", kind="size", units=MILLIONS),
    "params_with_auxiliary": Quantity(title="params with auxiliary head", kind="size", units=MILLIONS),
    "addmult": Quantity(title="+×", kind="size", units=BILLIONS),
    "macs": Quantity(title="MACs", kind="size", units=BILLIONS),
    "gpu_days": Quantity(title="GPU days", kind="time", units=DAYS),
    "cpu_days": Quantity(title="CPU days", kind="time", units=DAYS),
    "gpu_days_total": Quantity(title="GPU days with search", kind="time", units=DAYS),
    "cpu_days_total": Quantity(title="CPU days with search", kind="time", units=DAYS),
    "wall_seconds": Quantity(title="wall time", kind="time", units=SECONDS),
    "device_seconds": Quantity(title="device time", kind="time", units=SECONDS),
    "peak_memory_bytes": Quantity(title="peak memory", kind="other", units=BYTES),
}
SMALLEST_SHOWN = 0.1
"""A unit is too large for a column in which a number would be smaller than this."""


def quantity_of(metric: str) -> Quantity:
    """Return how a metric is written; an unknown one goes by its own name."""
    return QUANTITIES.get(metric, Quantity(title=metric))


def unit_for(quantity: Quantity, values: Iterable[float]) -> Unit:
    """Return the largest unit in which none of a column's values looks like nothing; the choice ignores order."""
    sizes = [abs(value) for value in values if value]
    smallest = min(sizes, default=None)
    for unit in quantity.units:
        if smallest is None or smallest / unit.scale >= SMALLEST_SHOWN:
            return unit
    return quantity.units[-1]


def in_unit(unit: Unit, values: Iterable[float]) -> Unit:
    """Return a given unit, with SIGNIFICANT digits of each number where one of a column's would look like nothing."""
    small = any(value and abs(value) / unit.scale < SMALLEST_SHOWN for value in values)
    return replace(unit, digits=None) if small else unit


def decimal_of(value: float) -> Decimal:
    """Return the short decimal number that a float stands for: 5.425 for 5.425000000000001."""
    return Decimal(f"{value:.12g}")


def number_text(value: float, unit: Unit) -> str:
    """Return one number in its unit, without the unit's symbol."""
    scaled = decimal_of(value) / unit.scale
    return _rounded(scaled, _decimals(scaled, unit))


def spread_text(median: float, half_range: float, unit: Unit) -> str:
    """Return `median±half_range` in a unit, both with the same decimals."""
    middle, spread = decimal_of(median) / unit.scale, decimal_of(half_range) / unit.scale
    decimals = _decimals(middle, unit)
    return f"{_rounded(middle, decimals)}±{_rounded(spread, decimals)}"


def change_text(change: float) -> str:
    """Return a relative change in percent with its sign: `−13.4%`, `+2.0%`, `0.0%`."""
    text = _rounded(decimal_of(100 * abs(change)), 1)
    sign = "" if float(text) == 0 else "−" if change < 0 else "+"
    return f"{sign}{text}%"


def _decimals(scaled: Decimal, unit: Unit) -> int:
    if unit.digits is not None:
        return unit.digits
    return max(0, SIGNIFICANT - 1 - scaled.adjusted()) if scaled else 0


def _rounded(value: Decimal, decimals: int) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return format(abs(rounded) if rounded == 0 else rounded, "f")
