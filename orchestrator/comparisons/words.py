"""What a comparison says, in sentences that a reviewer can check: who, how many, by how much, how sure."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.comparisons.arms import Arm
from orchestrator.comparisons.comparison import Comparison, Comparisons
from orchestrator.comparisons.permutation import ALPHA, MOST_RUNS, Verdict
from orchestrator.tables.grouping import plural
from orchestrator.tables.layout import Entry, Heading, Layout
from orchestrator.tables.quantities import number_text, quantity_of, unit_for, with_halves
from orchestrator.tables.statistics import decimal_of, variance_split

LEVEL = f"{100 * ALPHA:g} %"


def sentences(found: Comparisons) -> list[str]:
    """Return what is said of a table: its arms, then each comparison, then what holds for all."""
    lines = [f"{found.title}: {metric_title(found)}"]
    lines += [f"  {_arm(arm, found)}" for arm in found.arms]
    return [*lines, *conclusions(found)]


def conclusions(found: Comparisons) -> list[str]:
    """Return what is said of each comparison, then what holds for all."""
    return [*(f"{_who(one)}: {_what(one, found)}" for one in found.comparisons), *_notes(found)]


def grid(found: Comparisons) -> Layout:
    """Return the comparisons as a table of text."""
    heads = ("", "difference", "runs", "p", "p, Holm", f"at {LEVEL}", "to settle")
    wanted = (True, True, True, True, found.family > 1, True, True)

    def line(one: Comparison) -> tuple[str, ...]:
        verdict = one.verdict
        if verdict is None:
            return (_who(one), "–", "0", "–", "–", "open", "–")
        n, m = verdict.n
        runs = f"{n} pair{'s' * (n != 1)}" if verdict.paired else f"{m}, {n}"
        p_values = (_p(value) if value is not None else "–" for value in (verdict.p, one.adjusted))
        state = "they differ" if one.decided else "too few" if _too_few(one) else "open"
        needed = str(one.needed) if one.needed else "–"
        return (_who(one), _signed(verdict.difference, found), runs, *p_values, state, needed)

    return Layout(
        title=found.title,
        headings=tuple(
            Heading(title=head, numeric=place in (1, 3, 4, 6)) for place, head in enumerate(heads) if wanted[place]
        ),
        lines=tuple(
            tuple(Entry(text=text) for text, shown in zip(line(one), wanted, strict=True) if shown)
            for one in found.comparisons
        ),
        blocks={},
        footnotes=(),
        notes=(),
    )


def paragraph(found: Comparisons) -> str:
    """Return the same as running text, for a paper."""
    tested = [one for one in found.comparisons if one.verdict is not None]
    if not tested:
        return ""
    drawn = sorted({plural(arm.noun) for arm in found.arms if arm.runs})
    averaged = any(arm.measured != arm.stage for arm in found.arms if arm.runs)
    said = [
        f"Arms are compared by {metric_title(found)}. Independent runs are {' or '.join(drawn)}"
        + ("; what was measured several times within one is averaged first." * averaged or ".")
    ]
    if any(not one.unpaired for one in tested):
        said.append("Runs of the same seed are paired.")
    method = "p-values are of the exact two-sided permutation test of the mean difference"
    said.append(method + (f", adjusted by Holm's method for {found.family} comparisons." * (found.family > 1) or "."))
    said += [_in_prose(one, found) for one in tested]
    return " ".join(said)


def _in_prose(one: Comparison, found: Comparisons) -> str:
    verdict = one.verdict
    if verdict is None:
        return ""
    runs = f"{verdict.n[0]} pairs" if verdict.paired else f"{verdict.n[1]} against {verdict.n[0]} runs, not paired"
    side = "below" if verdict.difference < 0 else "above"
    distance = f"{_number(abs(verdict.difference), found)} {side} {one.first.label}"
    start = f"{one.second.label} was {'equal to ' + one.first.label if not verdict.difference else distance}"
    if one.adjusted is None:
        return f"{start} in a single pair of runs, which decides nothing."
    p = f"({runs}, p = {_p(one.adjusted)})"
    if one.decided:
        return f"{start} {p}."
    why = f", and so few runs cannot decide it at {LEVEL}" * _too_few(one)
    return f"{start} {p}: no difference is shown{why}."


def as_json(found: Comparisons) -> dict[str, Any]:
    """Return the same as data."""
    return {
        "table": found.table,
        "metric": found.metric,
        "arms": [_arm_json(arm) for arm in found.arms],
        "comparisons": [_comparison_json(one) for one in found.comparisons],
        "sentences": conclusions(found),
        "paragraph": paragraph(found),
    }


def metric_title(found: Comparisons) -> str:
    """Return what is compared: `test error, best epoch`."""
    return quantity_of(_metric(found)).title


def _metric(found: Comparisons) -> str:
    return found.metric.rpartition(".")[2].partition(":")[0]


def _arm(arm: Arm, found: Comparisons) -> str:
    count = len(arm.runs)
    noun = arm.noun if count == 1 else plural(arm.noun)
    text = f"{arm.label}: {count} {noun}"
    if arm.runs:
        text += f", mean {_number(arm.mean, found)}"
    each = {len(trials) for trials in arm.trials.values()}
    if arm.measured != arm.stage and each:
        span = str(min(each)) if len(each) == 1 else f"{min(each)} to {max(each)}"
        several = f"each the mean of {span} {plural(arm.measured_noun)}"
        text += f", {several if each != {1} else f'of one {arm.measured_noun} each'}"
    split = variance_split(arm.values.values())
    if split is not None:
        deviations = [_number(math.sqrt(part), found) for part in (split.between, split.within)]
        text += f" (standard deviations: {deviations[0]} between {plural(arm.noun)}, {deviations[1]} within one)"
    if arm.missing:
        seeds = f"seed{'s' * (len(arm.missing) > 1)} {', '.join(arm.missing)}"
        text += f"; {seeds} left out, of which not all is done"
    if arm.alike:
        nouns = f"{arm.measured_noun} left out that shares its result" if arm.alike == 1 else ""
        nouns = nouns or f"{plural(arm.measured_noun)} left out that share their results"
        text += f"; {arm.alike} {nouns} with another one here, which is alike and counts once"
    return text


def _who(one: Comparison) -> str:
    return f"{one.second.label} against {one.first.label}"


def _what(one: Comparison, found: Comparisons) -> str:
    verdict = one.verdict
    if verdict is None:
        return "nothing to compare yet: " + ("no seed is done in both" if not one.unpaired else "an arm has no run")
    size = f"{_signed(verdict.difference, found)} ({_n(one, verdict)})"
    if verdict.p is None:
        return f"{size}; one run says nothing of how much runs vary{_wanted(one, verdict)}"
    p = f"p = {_p(verdict.p)}"
    if found.family > 1 and one.adjusted is not None:
        p += f", {_p(one.adjusted)} among {found.family} comparisons"
    if one.decided:
        return f"{size}, {p}: they differ, at {LEVEL}"
    if _too_few(one):
        which = "p" if found.family == 1 else f"p among {found.family}"
        smallest = f"{which} cannot be smaller than {_p(one.best_adjusted or verdict.smallest_p)} here"
        why = f"so few cannot decide anything at {LEVEL}: {smallest}, and it takes {one.fewest} of each at least"
        return f"{size}, {p}; {why}{_wanted(one, verdict)}"
    return f"{size}, {p}: not decided at {LEVEL}{_wanted(one, verdict)}"


def _too_few(one: Comparison) -> bool:
    """Say whether no outcome of so many runs could have decided it."""
    if one.verdict is None or one.verdict.p is None or one.best_adjusted is None:
        return True
    return one.best_adjusted > ALPHA


def _n(one: Comparison, verdict: Verdict) -> str:
    if not verdict.paired:
        return f"{verdict.n[1]} and {verdict.n[0]} runs, not paired: {one.unpaired}"
    pairs = f"mean of {verdict.n[0]} pair{'s' * (verdict.n[0] > 1)}, by seed"
    left = f"; seed{'s' * (len(one.single) > 1)} {', '.join(one.single)} in one of them only, left out"
    return pairs + left * bool(one.single)


def _wanted(one: Comparison, verdict: Verdict) -> str:
    """Return how many runs would settle a difference, or why that cannot be said."""
    if one.needed is not None:
        return f"; {one.needed} of each would settle a difference of this size (power 80 %)"
    if verdict.difference == 0 or math.isnan(verdict.deviation):
        return ""
    if verdict.deviation == 0:
        return "; how many would settle it cannot be said, as all pairs differ by the same" * verdict.paired
    return f"; not even {MOST_RUNS:,} of each would settle a difference of this size"


def _notes(found: Comparisons) -> Iterator[str]:
    holm = f"; adjusted by Holm's method for {found.family} comparisons" * (found.family > 1)
    yield f"p: exact permutation test of the mean difference, two-sided{holm}"
    for one in found.comparisons:
        if one.relative_improvement is not None and quantity_of(_metric(found)).kind in ("error", "accuracy"):
            drawn, searched = (one.first, one.second) if one.first.random else (one.second, one.first)
            sign = "−" if one.relative_improvement < 0 else "+"
            yield (
                f"{searched.label}: relative improvement {sign}{abs(one.relative_improvement):.2f} % over the random "
                f"{drawn.label}: 100·(accuracy − random)/random, of mean accuracies (arXiv:1912.12522)"
            )
    for one, drawn in sorted({(arm.fixed_noun, arm.noun) for arm in found.arms if arm.fixed and arm.runs}):
        yield (
            f"Only {plural(drawn)} were drawn more than once, so this holds for what one {one} found in each arm, and "
            f"says nothing of other {plural(one)}."
        )


def _p(value: float) -> str:
    """Return a p-value, never so rounded that it would fall on the other side of the level."""
    text = f"{value:.2g}"
    return f"{value:.3g}" if (float(text) <= ALPHA) != (value <= ALPHA) else text


def _number(value: float, found: Comparisons) -> str:
    """Return a mean, a difference of means or a deviation; of whole numbers, with a decimal where any has one."""
    quantity = quantity_of(_metric(found))
    unit = unit_for(quantity, [run for arm in found.arms for run in arm.runs.values()])
    if quantity.kind == "count":
        differences = [one.verdict.difference for one in found.comparisons if one.verdict is not None]
        unit = with_halves(unit, [*(arm.mean for arm in found.arms if arm.runs), *differences, value])
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
        **({"alike": arm.alike} if arm.alike else {}),
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
        "left_out": list(one.single),
        "difference": verdict and verdict.difference,
        "p": verdict and verdict.p,
        "adjusted_p": one.adjusted,
        "smallest_p": verdict and verdict.smallest_p,
        "smallest_adjusted_p": one.best_adjusted,
        "decided": one.decided,
        "fewest_runs": one.fewest,
        "runs_to_settle": one.needed,
        "relative_improvement": one.relative_improvement,
    }
