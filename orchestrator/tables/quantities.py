"""How a measured number is written: its title, its unit, how many digits.

Rounding starts from the shortest decimal text of a float and rounds halves up (away from zero), so 2.345 becomes 2.35
whatever its binary form is; a median of two CIFAR errors often ends in exactly half a digit.

What is printed says something: a number that is not 0 never looks like 0. Where the decimals of its unit do not show
it, all numbers of the cell have more; where MOST_DECIMALS do not either, it is written as 2.0e-7.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from orchestrator.tables.statistics import decimal_of
from orchestrator.words import with_minus

Kind = Literal["error", "regret", "accuracy", "size", "time", "count", "other"]
JUDGING: tuple[Kind, ...] = ("error", "regret", "accuracy")
"""Those that say how good something is: of errors and regrets the lowest is best, of accuracies the highest."""
SIGNIFICANT = 2
"""Digits shown of a number whose unit fixes no decimals."""
MOST_DECIMALS = 6
"""A number that shows nothing within these is written with a power of ten."""
LARGEST = Decimal(10**9)
"""Numbers from this on are written with a power of ten."""


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
    short: str = ""
    """The title where there is little room; "" where it is short already."""
    kind: Kind = "other"
    units: tuple[Unit, ...] = (Unit(symbol=""),)

    @property
    def judges(self) -> bool:
        """Whether it says how good something is, so that one can be the best."""
        return self.kind in JUDGING

    @property
    def rising(self) -> bool:
        """Whether the highest is the best."""
        return self.kind == "accuracy"


PERCENT = (Unit(symbol="%", digits=2),)
WHOLE = (Unit(symbol="", digits=0),)
DAYS = (Unit(symbol=""),)
SECONDS = (Unit(symbol="s"),)
MILLIONS = (Unit(symbol="M", scale=10**6, digits=2), Unit(symbol="k", scale=10**3, digits=1))
BILLIONS = (
    Unit(symbol="B", scale=10**9, digits=3),
    Unit(symbol="M", scale=10**6, digits=1),
    Unit(symbol="k", scale=10**3, digits=1),
)
BYTES = (Unit(symbol="GiB", scale=2**30, digits=1), Unit(symbol="MiB", scale=2**20, digits=0))

_BENCHMARKED = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16_120": "ImageNet16-120"}
"""The datasets of NAS-Bench-201, whose numbers are validation accuracies."""


def _of_the_benchmark() -> Iterator[tuple[str, Quantity]]:
    """Yield what is looked up of a cell of NAS-Bench-201, by metric."""
    for dataset, name in _BENCHMARKED.items():
        short = name.replace("CIFAR", "C").replace("ImageNet", "IN")
        yield (
            f"benchmark_{dataset}",
            Quantity(title=f"benchmark val. accuracy, {name}", short=f"{short} val.", kind="accuracy", units=PERCENT),
        )
        yield (
            f"benchmark_regret_{dataset}",
            Quantity(title=f"benchmark regret, {name}", short=f"{short} regret", kind="regret", units=PERCENT),
        )
        yield (
            f"benchmark_rank_{dataset}",
            Quantity(title=f"benchmark rank, {name}", short=f"{short} rank", kind="count", units=WHOLE),
        )
    yield "benchmark_marked", Quantity(title="marked in the benchmark", short="marked", kind="count", units=WHOLE)


HUNDREDTHS = (Unit(symbol="", digits=2),)

QUANTITIES: Mapping[str, Quantity] = {
    "test_error": Quantity(title="test error, last epoch", short="test err., last", kind="error", units=PERCENT),
    "test_error_best": Quantity(title="test error, best epoch", short="test err., best", kind="error", units=PERCENT),
    "test_error_selected": Quantity(
        title="test error, selected epoch", short="test err., sel.", kind="error", units=PERCENT
    ),
    "test_error_top5": Quantity(
        title="top-5 test error, last epoch", short="top-5 err., last", kind="error", units=PERCENT
    ),
    "test_error_top5_best": Quantity(
        title="top-5 test error, best epoch", short="top-5 err., best", kind="error", units=PERCENT
    ),
    "test_error_top5_selected": Quantity(
        title="top-5 test error, selected epoch", short="top-5 err., sel.", kind="error", units=PERCENT
    ),
    "validation_error": Quantity(
        title="validation error, last epoch", short="val. err., last", kind="error", units=PERCENT
    ),
    "validation_error_best": Quantity(
        title="validation error, selected epoch", short="val. err., sel.", kind="error", units=PERCENT
    ),
    "train_error": Quantity(title="train error", short="train err.", kind="error", units=PERCENT),
    "cifar10_1_error": Quantity(
        title="CIFAR-10.1 error, last epoch", short="C-10.1 err., last", kind="error", units=PERCENT
    ),
    "cifar10_1_error_best": Quantity(
        title="CIFAR-10.1 error, best epoch", short="C-10.1 err., best", kind="error", units=PERCENT
    ),
    "cifar10_1_error_selected": Quantity(
        title="CIFAR-10.1 error, selected epoch", short="C-10.1 err., sel.", kind="error", units=PERCENT
    ),
    "search_val_error": Quantity(
        title="search val. error, last epoch", short="search err., last", kind="error", units=PERCENT
    ),
    "search_val_error_best": Quantity(
        title="search val. error, best epoch", short="search err., best", kind="error", units=PERCENT
    ),
    "discretisation_gap": Quantity(
        title="discretisation gap", short="discr. gap", units=(Unit(symbol="nats", digits=3),)
    ),
    "hessian_eigenvalue": Quantity(title="largest eigenvalue of the Hessian", short="λ max"),
    "kendall_tau": Quantity(title="Kendall's τ of the supernet", short="τ", units=HUNDREDTHS),
    "kendall_tau_params": Quantity(title="Kendall's τ of params", short="τ of Par.", units=HUNDREDTHS),
    "kendall_tau_addmult": Quantity(title="Kendall's τ of +×", short="τ of +×", units=HUNDREDTHS),
    "best_epoch": Quantity(title="best epoch", short="best ep.", kind="count", units=WHOLE),
    "selected_epoch": Quantity(title="selected epoch", short="sel. ep.", kind="count", units=WHOLE),
    "pools": Quantity(title="pools", kind="count", units=WHOLE),
    "skips": Quantity(title="skips", kind="count", units=WHOLE),
    "corrupt_images": Quantity(title="unreadable images", short="unread. im.", kind="count", units=WHOLE),
    "params": Quantity(title="params", short="Par.", kind="size", units=MILLIONS),
    "params_with_auxiliary": Quantity(
        title="params with auxiliary head", short="Par. + aux.", kind="size", units=MILLIONS
    ),
    "addmult": Quantity(title="+×", kind="size", units=BILLIONS),
    "macs": Quantity(title="MACs", kind="size", units=BILLIONS),
    "gpu_days": Quantity(title="GPU days", short="GPU d", kind="time", units=DAYS),
    "cpu_days": Quantity(title="CPU days", short="CPU d", kind="time", units=DAYS),
    "gpu_days_total": Quantity(title="GPU days with search", short="GPU d + search", kind="time", units=DAYS),
    "cpu_days_total": Quantity(title="CPU days with search", short="CPU d + search", kind="time", units=DAYS),
    "wall_seconds": Quantity(title="wall time", short="wall", kind="time", units=SECONDS),
    "device_seconds": Quantity(title="device time", short="device", kind="time", units=SECONDS),
    "peak_memory_bytes": Quantity(title="peak memory", short="memory", kind="other", units=BYTES),
    **dict(_of_the_benchmark()),
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


def named_unit(quantity: Quantity, symbol: str, scale: int, values: Iterable[float]) -> Unit:
    """Return the unit that an author asks for, with the quantity's own digits where it has that unit."""
    own = next((unit for unit in quantity.units if unit.symbol == symbol), Unit(symbol=symbol, scale=scale))
    return in_unit(own, values)


def in_unit(unit: Unit, values: Iterable[float]) -> Unit:
    """Return a given unit, with SIGNIFICANT digits of each number where one of a column's would look like nothing."""
    small = any(value and abs(value) / unit.scale < SMALLEST_SHOWN for value in values)
    return replace(unit, digits=None) if small else unit


def with_halves(unit: Unit, numbers: Iterable[float]) -> Unit:
    """Return the unit of a column of whole numbers: with a decimal where a median or a ± among them ends in a half."""
    plain = unit.scale == 1 and not unit.digits
    return replace(unit, digits=1) if plain and not all(float(number).is_integer() for number in numbers) else unit


def by_spread(unit: Unit, half_range: float) -> Unit:
    """Return a unit with the decimals that a ± gives: to its first significant digit, to two where that is a 1.

    Digits before the point are never rounded away. Source: Particle Data Group, Review of Particle Physics, 5.3, whose
    rule this shortens.
    """
    spread = decimal_of(half_range) / unit.scale
    if not spread:
        return unit
    rounded = spread.quantize(Decimal(1).scaleb(spread.adjusted() - 1), rounding=ROUND_HALF_UP)
    decimals = -rounded.adjusted() + (rounded.as_tuple().digits[0] == 1)
    return replace(unit, digits=min(MOST_DECIMALS, max(0, decimals)))


def number_texts(values: Sequence[float], unit: Unit) -> tuple[str, ...]:
    """Return numbers that stand together, as a median and its ± do, in a unit and with the same decimals."""
    return tuple(map(with_minus, _in(unit, values)))


def printed_value(values: Sequence[float], unit: Unit) -> Decimal:
    """Return the first of numbers that stand together, rounded as it is written."""
    return Decimal(_in(unit, values)[0])


def number_text(value: float, unit: Unit) -> str:
    """Return one number in its unit, without the unit's symbol."""
    (text,) = number_texts([value], unit)
    return text


def change_text(value: Decimal, baseline: Decimal) -> str:
    """Return the change of a printed number relative to another, in percent with its sign: `−13.4%`, `+2.0%`, `0.0%`.

    Raises: ZeroDivisionError for a baseline of 0.
    """
    change = 100 * (value - baseline) / abs(baseline)
    (text,) = _texts([abs(change)], 1)
    return f"{'−' if change < 0 else '+' if change else ''}{text}%"


def _in(unit: Unit, values: Sequence[float]) -> tuple[str, ...]:
    return _texts([decimal_of(value) / unit.scale for value in values], unit.digits)


def _texts(numbers: Sequence[Decimal], digits: int | None) -> tuple[str, ...]:
    if digits is None:
        digits = _significant(next((number for number in numbers if number), Decimal(0)))
    wanted = (-number.adjusted() for number in numbers if not _shows(number, digits))
    decimals = max((digits, *(first for first in wanted if first <= MOST_DECIMALS)))
    return tuple(_rounded(number, decimals) if _fits(number, decimals) else _alone(number) for number in numbers)


def _significant(number: Decimal) -> int:
    """Return the decimals that show SIGNIFICANT digits of a number, and all of its whole part."""
    return max(0, SIGNIFICANT - 1 - number.adjusted()) if number else 0


def _shows(number: Decimal, decimals: int) -> bool:
    """Say whether a number that is not 0 does not look like 0 either."""
    return not number or abs(number) >= Decimal(5).scaleb(-decimals - 1)


def _fits(number: Decimal, decimals: int) -> bool:
    return decimals <= MOST_DECIMALS and abs(number) < LARGEST and _shows(number, decimals)


def _alone(number: Decimal) -> str:
    """Return a number that decimals shared with others do not suit: SIGNIFICANT digits, `45` or `2.0e-7`."""
    decimals = SIGNIFICANT - 1 - number.adjusted() if number else 0
    if _fits(number, decimals):
        return _rounded(number, max(0, decimals))
    rounded = number.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return f"{rounded:.{SIGNIFICANT - 1}e}".replace("e+", "e")


def _rounded(number: Decimal, decimals: int) -> str:
    rounded = number.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return format(abs(rounded) if rounded == 0 else rounded, "f")
