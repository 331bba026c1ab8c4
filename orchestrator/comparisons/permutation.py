"""Whether two arms differ: exact permutation tests of a mean difference, and how many runs would settle it.

A p-value says how often a difference at least as large would come out if the arms were the same; of n pairs none is
smaller than 2/2ⁿ, so below six pairs nothing can be decided at 5 %.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Literal

ALPHA = 0.05
"""The level at which a difference counts as decided."""
POWER = 0.8
"""With which more runs should find a difference of the size that was seen."""
EXACT = 200_000
"""Rearrangements that are gone through one by one; of more than these, as many are drawn, always the same."""
FEW_REARRANGEMENTS = 4_000
"""Up to so many, the power of a test is found by carrying it out."""
TRIES = 2_000
"""How often."""
SMALLEST = 1e-300
"""Numbers of less are nothing."""
MOST_RUNS = 1_000
"""Nobody trains more; a difference that would need them is called too small."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a test says of one difference."""

    difference: float
    """Mean of the second arm less that of the first."""
    p: float | None
    """Two-sided; None where an arm has a single run."""
    smallest_p: float
    """The smallest that a test of so many runs can give."""
    n: tuple[int, int]
    """Independent runs of each arm; of pairs, twice their number."""
    paired: bool
    deviation: float
    """Of the paired differences, or of a single run within its arm; NaN where it cannot be known."""

    @property
    def possible(self) -> bool:
        """Whether so few runs can decide anything."""
        return self.smallest_p <= ALPHA


def paired(first: Sequence[float], second: Sequence[float]) -> Verdict:
    """Test the mean of paired differences by flipping their signs: 2ⁿ ways.

    Raises: ValueError without a pair, or for arms of unlike lengths.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"pairs need as many values of both arms, at least one: got {len(first)} and {len(second)}")
    differences = [theirs - ours for ours, theirs in zip(first, second, strict=True)]
    n, (whole, unit) = len(differences), _whole(differences, largest=max(map(abs, (*first, *second))))
    return Verdict(
        difference=statistics.fmean(differences) if sum(whole) else 0.0,
        p=_p_value([0] * n, whole, "samples"),
        smallest_p=min(1.0, 2 / 2**n),
        n=(n, n),
        paired=True,
        deviation=statistics.stdev(whole) * unit if n > 1 else math.nan,
    )


def unpaired(first: Sequence[float], second: Sequence[float]) -> Verdict:
    """Test the difference of two means by dealing the runs out anew: (n+m choose n) ways.

    Raises: ValueError where an arm has no run.
    """
    if not first or not second:
        raise ValueError("both arms need a run")
    n, m = len(first), len(second)
    whole, unit = _whole((*first, *second), largest=max(map(abs, (*first, *second))))
    arms = whole[:n], whole[n:]
    spread = [statistics.variance(arm) * (len(arm) - 1) for arm in arms if len(arm) > 1]
    return Verdict(
        difference=statistics.fmean(second) - statistics.fmean(first) if n * sum(arms[1]) != m * sum(arms[0]) else 0.0,
        p=_p_value(*arms, "independent"),
        smallest_p=min(1.0, 2 / math.comb(n + m, n)),
        n=(n, m),
        paired=False,
        deviation=math.sqrt(sum(spread) / (n + m - 2)) * unit if n + m > 2 else math.nan,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for having looked at all of them (Holm 1979), in the same order."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def runs_to_settle(verdict: Verdict, *, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """Return the runs of each arm that would find a difference of this size at this level with this power.

    For normal noise of the spread that was seen; never fewer than can decide anything. None where the spread is not
    known, or more than `MOST_RUNS` would be needed.
    """
    if not verdict.deviation > 0 or verdict.difference == 0:
        return None
    effect = abs(verdict.difference) / verdict.deviation
    low, high = fewest_runs(verdict.paired, alpha), MOST_RUNS
    if power_of(high, effect, is_paired=verdict.paired, alpha=alpha) < power:
        return None
    while low < high and rearrangements(low, verdict.paired) <= FEW_REARRANGEMENTS:
        if power_of(low, effect, is_paired=verdict.paired, alpha=alpha) >= power:
            return low
        low += 1
    while low < high:
        middle = (low + high) // 2
        enough = power_of(middle, effect, is_paired=verdict.paired, alpha=alpha) >= power
        low, high = (low, middle) if enough else (middle + 1, high)
    return low


def rearrangements(n: int, is_paired: bool) -> int:
    """Return the ways in which a test rearranges n runs of each arm."""
    return 2**n if is_paired else math.comb(2 * n, n)


def fewest_runs(is_paired: bool, alpha: float = ALPHA) -> int:
    """Return the fewest runs of each arm whose smallest p reaches a level."""
    n = 1
    while 2 / rearrangements(n, is_paired) > alpha:
        n += 1
    return n


def power_of(n: int, effect: float, *, is_paired: bool, alpha: float = ALPHA) -> float:
    """Return how often the test of n runs of each arm finds an effect: the difference over the deviation.

    Of few runs by carrying the test out on drawn normal numbers, always the same; of more by Student's t-test at the
    level that the permutation test can reach, which it comes close to.
    """
    ways = rearrangements(n, is_paired)
    allowed = math.floor(alpha / 2 * min(ways, EXACT) + 1e-9)
    if not allowed:
        return 0.0
    if ways <= FEW_REARRANGEMENTS:
        return _tried_power(n, effect, is_paired, allowed)
    from scipy.special import stdtrit  # scipy.stats takes a second to load
    from scipy.stats import nct

    freedom = n - 1 if is_paired else 2 * (n - 1)
    centre = effect * math.sqrt(n if is_paired else n / 2)
    limit = float(stdtrit(freedom, 1 - allowed / min(ways, EXACT)))
    return float(nct.sf(limit, freedom, centre))  # the other tail is nothing where the power is much


def _tried_power(n: int, effect: float, is_paired: bool, allowed: int) -> float:
    """Return the share of TRIES in which no more rearrangements than are allowed lie as far out as what was drawn."""
    import numpy as np

    rng = np.random.default_rng(0)
    if is_paired:
        signs_RN = np.array(list(product((1.0, -1.0), repeat=n)))
        drawn_NT = rng.normal(effect, 1.0, (n, TRIES))
    else:
        signs_RN = np.full((math.comb(2 * n, n), 2 * n), -1.0)
        for row_N, hand in zip(signs_RN, combinations(range(2 * n), n), strict=True):
            row_N[list(hand)] = 1.0
        drawn_NT = rng.normal(0.0, 1.0, (2 * n, TRIES))
        drawn_NT[:n] += effect
    sums_RT = signs_RN @ drawn_NT  # the first row is what was drawn
    return float(np.mean((sums_RT >= sums_RT[0] - 1e-9).sum(axis=0) <= allowed))


def _whole(numbers: Sequence[float], *, largest: float) -> tuple[list[int], float]:
    """Return numbers as multiples of a unit, a power of ten that is 10 digits below the largest that was measured.

    So equal differences of decimal numbers are equal, and sums are exact, whatever the last digits of their floats.
    """
    unit = max(10.0 ** (math.floor(math.log10(largest)) - 9), SMALLEST) if largest > 0 else 1.0
    return [round(number / unit) for number in numbers], unit


def _p_value(first: Sequence[int], second: Sequence[int], kind: Literal["samples", "independent"]) -> float | None:
    """Return twice the smaller tail over all rearrangements, or over EXACT that are drawn where there are more."""
    if min(len(first), len(second)) < 2:
        return None
    import numpy as np
    from scipy.stats import permutation_test  # takes a second to load

    n, m = len(first), len(second)
    found = permutation_test(
        (np.asarray(second, float), np.asarray(first, float)),
        lambda ours, theirs, axis: n * np.sum(ours, axis=axis) - m * np.sum(theirs, axis=axis),
        permutation_type=kind,
        n_resamples=EXACT,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(min(1.0, found.pvalue))
