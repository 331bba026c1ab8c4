"""The numbers a table is made of: pure functions of a handful of measurements.

Medians and ranges are those of the decimal numbers that floats stand for: of 5.4 and 5.45 they are 5.425 and 0.025, not
5.425000000000001 and 0.02499999999999991.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class MedianRange:
    """Several runs of one thing, as the paper reports them: median ± range/2 (arXiv:1903.09900, caption of Table 2)."""

    median: float
    low: float
    high: float
    n: int


def decimal_of(value: float) -> Decimal:
    """Return the shortest decimal number that a float stands for: 2.675 for what is a little less in binary."""
    return Decimal(repr(float(value)))


def half_range(low: float, high: float) -> float:
    """Return (high − low)/2, the paper's ±; 0 for a single run."""
    return float((decimal_of(high) - decimal_of(low)) / 2)


def median_range(values: Iterable[float]) -> MedianRange:
    """Return the median and the extremes of finite values. Raises: ValueError when there is none, or one is NaN."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("a median needs at least one value")
    if not all(map(math.isfinite, ordered)):
        raise ValueError("a median needs finite values")
    middle = len(ordered) // 2
    median = float(ordered[middle]) if len(ordered) % 2 else _between(ordered[middle - 1], ordered[middle])
    return MedianRange(median=median, low=float(ordered[0]), high=float(ordered[-1]), n=len(ordered))


def _between(low: float, high: float) -> float:
    """Return the number in the middle of two."""
    return float((decimal_of(low) + decimal_of(high)) / 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A confidence interval, both ends included."""

    low: float
    high: float


def clopper_pearson(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Return the exact (conservative) interval of a proportion, as fractions in [0, 1].

    Source: Clopper and Pearson 1934; used for CIFAR-10.1 by arXiv:1806.00451, quoted in arXiv:1903.09900, section 2.
    Raises: ValueError for counts or a confidence out of range.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"successes must lie in 0..n with n > 0, got {successes} of {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    from scipy.special import betaincinv  # import time that most commands do not need; scipy.stats takes a second

    tail = (1 - confidence) / 2
    low = float(betaincinv(successes, n - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, n - successes, 1 - tail)) if successes < n else 1.0
    return Interval(low=low, high=high)


@dataclass(frozen=True, kw_only=True, slots=True)
class VarianceSplit:
    """How much runs vary, and between what: estimates of variances, in the square of their unit."""

    between: float
    """Of what the groups are themselves, were each measured without noise; 0 where nothing speaks for any."""
    within: float
    """Of the members of one group."""


def variance_split(groups: Iterable[Sequence[float]]) -> VarianceSplit | None:
    """Return the variance between groups and within them, by the method of moments of a one-way random-effects model.

    None unless two groups and two members of one are there. Groups may be of unlike sizes.

    Source: Searle, Casella and McCulloch, Variance Components, 1992, section 3.6.
    """
    members = [[float(value) for value in group] for group in groups if group]
    total, k = sum(map(len, members)), len(members)
    if k < 2 or total == k:
        return None
    means = [math.fsum(group) / len(group) for group in members]
    grand = math.fsum(value for group in members for value in group) / total
    within = math.fsum((value - mean) ** 2 for group, mean in zip(members, means, strict=True) for value in group) / (
        total - k
    )
    of_means = math.fsum(len(group) * (mean - grand) ** 2 for group, mean in zip(members, means, strict=True)) / (k - 1)
    size = (total - sum(len(group) ** 2 for group in members) / total) / (k - 1)
    return VarianceSplit(between=max(0.0, (of_means - within) / size), within=within)


def relative_change(value: float, baseline: float) -> float:
    """Return (value − baseline)/|baseline|: −0.1 is an error 10 % lower. Raises: ValueError for a baseline of 0."""
    if baseline == 0:
        raise ValueError("a change relative to 0 has no meaning")
    return (value - baseline) / abs(baseline)
