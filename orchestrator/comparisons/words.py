"""What a comparison says, in sentences that a reviewer can check: who, how many, by how much, how sure."""

import math
from collections.abc import Mapping
from typing import Any

from orchestrator.comparisons.arms import Arm
from orchestrator.comparisons.comparison import Comparison, Comparisons
from orchestrator.comparisons.permutation import ALPHA, Verdict, fewest_runs
from orchestrator.tables.grouping import plural
from orchestrator.tables.quantities import number_text, quantity_of, unit_for
from orchestrator.tables.statistics import decimal_of, variance_split

LEVEL = f"{100 * ALPHA:g} %"


def sentences(found: Comparisons) -> list[str]:
    """Return what is said of a table: its arms, then each comparison, then what holds for all."""
    family = sum(one.adjusted is not None or _testable(one) for one in found.comparisons)
    lines = [f"{found.title}: {quantity_of(_metric(found)).title}"]
    lines += [f"  {_arm(arm, found)}" for arm in found.arms]
    lines += [f"{_who(one)}: {_what(one, found, max(1, family))}" for one in found.comparisons]
    return [*lines, *_notes(found, family)]


def as_json(found: Comparisons) -> dict[str, Any]:
    """Return the same as data."""
    return {
        "table": found.table,
        "metric": found.metric,
        "arms": [_arm_json(arm) for arm in found.arms],
        "comparisons": [_comparison_json(one) for one in found.comparisons],
    }


def _metric(found: Comparisons) -> str:
    return found.metric.rpartition(".")[2].partition(":")[0]


def _testable(one: Comparison) -> bool:
    return one.verdict is not None and one.verdict.p is not None


def _arm(arm: Arm, found: Comparisons) -> str:
    count = len(arm.runs)
    noun = arm.stage if count == 1 else plural(arm.stage)
    text = f"{arm.label}: {count} {noun}"
    if arm.runs:
        text += f", mean {_number(sum(arm.runs.values()) / count, found)}"
    each = {len(trials) for trials in arm.trials.values()}
    if arm.measured != arm.stage and each:
        span = str(min(each)) if len(each) == 1 else f"{min(each)} to {max(each)}"
        text += f", each the mean of {span} {plural(arm.measured)}"
    split = variance_split(arm.values.values())
    if split is not None:
        deviations = [_number(math.sqrt(part), found) for part in (split.between, split.within)]
        text += f" (standard deviations: {deviations[0]} between {plural(arm.stage)}, {deviations[1]} within one)"
    if arm.missing:
        text += f"; not all done of seed {', '.join(arm.missing)}, left out"
    return text


def _who(one: Comparison) -> str:
    return f"{one.second.label} against {one.first.label}"


def _what(one: Comparison, found: Comparisons, family: int) -> str:
    verdict = one.verdict
    if verdict is None:
        return "nothing to compare yet: " + ("no seed is done in both" if not one.unpaired else "an arm has no run")
    size = f"{_signed(verdict.difference, found)} ({_n(one, verdict)})"
    if verdict.p is None:
        return f"{size}; one run says nothing of how much runs vary{_wanted(one, verdict, family)}"
    p = f"p = {verdict.p:.2g}"
    if family > 1 and one.adjusted is not None:
        p += f", {one.adjusted:.2g} among {family} comparisons"
    if one.decided:
        return f"{size}, {p}: they differ, at {LEVEL}"
    if family * verdict.smallest_p > ALPHA:
        least = fewest_runs(verdict.paired, ALPHA / family)
        why = f"so few cannot decide anything at {LEVEL}: it takes {least} of each at least"
        return f"{size}, {p}; {why}{_wanted(one, verdict, family)}"
    return f"{size}, {p}: not decided at {LEVEL}{_wanted(one, verdict, family)}"


def _n(one: Comparison, verdict: Verdict) -> str:
    if verdict.paired:
        return f"mean of {verdict.n[0]} pair{'s' if verdict.n[0] > 1 else ''}, by seed"
    return f"{verdict.n[0]} and {verdict.n[1]} runs, not paired: {one.unpaired}"


def _wanted(one: Comparison, verdict: Verdict, family: int) -> str:
    if one.needed is None:
        return ""
    return f"; {one.needed} of each would settle a difference of this size (power 80 %)"


def _notes(found: Comparisons, family: int) -> list[str]:
    lines = [
        "p: exact permutation test of the mean difference, two-sided"
        + (f"; adjusted by Holm's method for {family} comparisons" if family > 1 else "")
    ]
    fixed = {(arm.fixed, arm.stage) for arm in found.arms if arm.fixed and arm.runs}
    for stages, drawn in sorted(fixed):
        lines.append(
            f"Only {plural(drawn)} were drawn more than once, so this holds for what one {stages[-1]} found each, "
            f"and says nothing of other {plural(stages[-1])}."
        )
    return lines


def _number(value: float, found: Comparisons) -> str:
    unit = unit_for(quantity_of(_metric(found)), [run for arm in found.arms for run in arm.runs.values()])
    return f"{number_text(value, unit)}{unit.symbol and ' ' + unit.symbol}"


def _signed(value: float, found: Comparisons) -> str:
    sign = "−" if value < 0 else "+" if decimal_of(value) else ""
    return sign + _number(abs(value), found)


def _arm_json(arm: Arm) -> Mapping[str, Any]:
    return {
        "label": arm.label,
        "drawn": arm.stage,
        "runs": arm.runs,
        "standard_deviations": _split_json(arm),
        "trials": {seed: list(trials) for seed, trials in arm.trials.items()},
        "missing": list(arm.missing),
        "one_each_of": list(arm.fixed),
    }


def _split_json(arm: Arm) -> Mapping[str, float] | None:
    split = variance_split(arm.values.values())
    return split and {"between": math.sqrt(split.between), "within": math.sqrt(split.within)}


def _comparison_json(one: Comparison) -> Mapping[str, Any]:
    verdict = one.verdict
    return {
        "first": one.first.label,
        "second": one.second.label,
        "paired": not one.unpaired,
        "why_not_paired": one.unpaired,
        "seeds": list(one.seeds),
        "difference": verdict and verdict.difference,
        "p": verdict and verdict.p,
        "adjusted_p": one.adjusted,
        "smallest_p": verdict and verdict.smallest_p,
        "decided": one.decided,
        "runs_to_settle": one.needed,
    }
