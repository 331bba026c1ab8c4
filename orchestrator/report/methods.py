"""What a paper says of how it was done: a paragraph, and a table of every setting, the data and the total compute."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.planning.grids.planned_trial import identity
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.report.runs import Environment
from orchestrator.tables.formats.latex import escape
from orchestrator.tables.layout import key_text
from orchestrator.words import duration
from orchestrator.words import size as size_text
from trainables.data.datasets import describe
from trainables.errors import SharptuneError
from trainables.trial import JSON, TrialRow

MOST_VALUES = 8
"""Values of a setting that are named one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Appendix:
    """A table for an appendix: a line for each setting, a column for each stage."""

    stages: tuple[str, ...]
    sections: tuple[tuple[str, tuple[tuple[str, tuple[str, ...]], ...]], ...]
    """(heading, lines); a line is a name and a value for each stage."""

    def text(self) -> str:
        """Return values between tabs, as spreadsheets take them."""
        lines = [["", *self.stages]]
        for heading, found in self.sections:
            lines += [[heading], *([name, *values] for name, values in found)]
        return "\n".join("\t".join(line) for line in lines) + "\n"

    def latex(self) -> str:
        r"""Return a `table` environment; the document needs `\usepackage{booktabs}`."""
        width = len(self.stages) + 1
        lines = [
            r"% needs \usepackage{booktabs}",
            r"\begin{table}",
            r"\centering\footnotesize",
            r"\caption{Settings, data and compute.}",
            rf"\begin{{tabular}}{{{'l' * width}}}",
            r"\toprule",
            " & ".join(["", *map(escape, self.stages)]) + r" \\",
        ]
        for heading, found in self.sections:
            lines += [r"\midrule", rf"\multicolumn{{{width}}}{{l}}{{\textit{{{escape(heading)}}}}} \\"]
            lines += [" & ".join(map(escape, [name, *values])) + r" \\" for name, values in found]
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def appendix_of(plan: Plan, rows: Mapping[str, TrialRow]) -> Appendix:
    """Return every setting of every stage, the data they were given, and what they took."""
    stages = [stage for stage in plan.stages if any(True for _ in plan.of_stage(stage))]
    trials = {stage: list(plan.of_stage(stage)) for stage in stages}
    names = dict.fromkeys(name for stage in stages for name in trials[stage][0].values[stage])
    settings = tuple((name, tuple(_values_text(trials[stage], name) for stage in stages)) for name in names)
    data = {stage: dict(_data(trials[stage])) for stage in stages}
    compute = {stage: dict(_compute([rows.get(trial.trial_id) for trial in trials[stage]])) for stage in stages}
    return Appendix(
        stages=tuple(stages),
        sections=(("Settings", settings), ("Data", _lines(stages, data)), ("Compute", _lines(stages, compute))),
    )


def _lines(stages: Sequence[str], told: Mapping[str, Mapping[str, str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    names = dict.fromkeys(name for stage in stages for name in told[stage])
    return tuple((name, tuple(told[stage].get(name, "") for stage in stages)) for name in names)


def _values_of(trials: Sequence[PlannedTrial], name: str) -> list[JSON]:
    stage = trials[0].stage
    return list({identity(value): value for value in (t.values[stage].get(name) for t in trials)}.values())


def _values_text(trials: Sequence[PlannedTrial], name: str) -> str:
    if name not in trials[0].values[trials[0].stage]:
        return ""
    values = _values_of(trials, name)
    words = ["–" if value is None else key_text(value) for value in values]
    if len(words) <= MOST_VALUES:
        return ", ".join(words)
    return f"{', '.join(words[:3])}, … {words[-1]} ({len(words)})"


def _data(trials: Sequence[PlannedTrial]) -> Iterable[tuple[str, str]]:
    """Yield what is known of the datasets of a stage, by name of what is said."""
    for name in _values_of(trials, "dataset"):
        try:
            told = describe(str(name))
        except SharptuneError:
            continue  # it is not on this machine; its name stands among the settings
        yield "dataset", told.title
        yield "classes", str(told.classes)
        if told.train_counts:
            yield "training images there", f"{sum(told.train_counts):,}"
        if told.test_counts:
            yield "test images there", f"{sum(told.test_counts):,}"
        if digest := told.sha256.get("train"):
            yield "sha256 of the training pixels", digest[:12]
        if digest := told.sha256.get("test"):
            yield "sha256 of the test pixels", digest[:12]


def _compute(rows: Sequence[TrialRow | None]) -> Iterable[tuple[str, str]]:
    done = [row for row in rows if row is not None and row.state == "done"]
    yield "runs", f"{len(done)} of {len(rows)}"
    if not done:
        return
    yield from ((words, amount) for amount, words in compute_of(done))
    yield "wall time of all runs", duration(sum(float(row.timing.get("wall_seconds", 0)) for row in done))
    peak = max(int(row.timing.get("peak_memory_bytes", 0)) for row in done)
    if peak:
        yield "most memory held by a run", size_text(peak)


def compute_of(rows: Iterable[TrialRow]) -> Iterable[tuple[str, str]]:
    """Yield what runs took together, work that several stand for once: (`0.06`, `CPU hours`).

    Days from the first whole one on.
    """
    held = {row.computed_by: row for row in rows}.values()
    for name, device in (("gpu_days", "GPU"), ("cpu_days", "CPU")):
        if total := sum(float(row.timing.get(name, 0)) for row in held):
            yield (f"{total:.3g}", f"{device} days") if total >= 1 else (f"{24 * total:.2g}", f"{device} hours")


def paragraph_of(plan: Plan, rows: Mapping[str, TrialRow], environments: Sequence[Environment], compared: bool) -> str:
    """Return the methods paragraph."""
    stages = [stage for stage in plan.stages if any(True for _ in plan.of_stage(stage))]
    words = [f"We ran {_listed([_counted(plan, stage) for stage in stages])}."]
    if adopted := sum(bool(rows[each].adopted_from) for each in {t.trial_id for t in plan.trials} & rows.keys()):
        words.append(f"Of these, {adopted:,} took over the result of an identical run, which counts once.")
    words += [_stage_words(plan, stage) for stage in stages]
    if len(stages) > 1:
        words.append("Every setting stands in the appendix.")
    words.append("Numbers are the median ± half the range, (max − min)/2, over independent runs.")
    if compared:
        words.append(
            "Arms were compared by exact two-sided permutation tests of the mean difference, paired by seed where arms "
            "share seeds, with Holm's adjustment over all comparisons of a table."
        )
    words += _compute_words(rows, environments)
    return " ".join(words)


def _counted(plan: Plan, stage: str) -> str:
    count = len(list(plan.of_stage(stage)))
    return f"{count:,} {stage} {'run' if count == 1 else 'runs'}"


def _stage_words(plan: Plan, stage: str) -> str:
    """Return a sentence on a stage: what it varies, from what it starts, and its main settings."""
    trials = list(plan.of_stage(stage))
    held = trials[0].values[stage]
    axes = [axis for axis in plan.axes[stage] if axis != "seed"]
    varied = [f"{axis} ({_axis_values(trials, axis)})" for axis in axes]
    seeds = len(_values_of(trials, "seed"))
    parts = [f"vary {_listed(varied)}" if varied else "", f"have {seeds} {'seed' if seeds == 1 else 'seeds'} each"]
    if trials[0].ancestors:
        parts.append(f"start from each {next(iter(trials[0].ancestors))}")
    named = [name for name in MAIN if held.get(name) is not None and name not in axes]
    main = "; ".join(f"{name.replace('_', ' ')} {_values_text(trials, name)}" for name in named)
    return f"The {stage} runs {_listed([part for part in parts if part])}" + (f" ({main})." if main else ".")


MAIN = ("dataset", "space", "train_images", "epochs", "batch_size", "learning_rate", "channels", "layers")
"""Settings that a sentence names, where a stage has them."""


def _axis_values(trials: Sequence[PlannedTrial], axis: str) -> str:
    stage = trials[0].stage
    values = {identity(v): v for v in (trial.coordinates.get(f"{stage}.{axis}") for trial in trials)}
    words = [key_text(value) for value in values.values()]
    return ", ".join(words) if len(words) <= MOST_VALUES else f"{len(words)} values"


def _compute_words(rows: Mapping[str, TrialRow], environments: Sequence[Environment]) -> Iterable[str]:
    done = [row for row in rows.values() if row.state == "done"]
    if not done:
        return
    machines = list(dict.fromkeys(each.hardware for each in environments))
    versions = list(dict.fromkeys(each.versions for each in environments))
    days = [" ".join(each) for each in compute_of(done)]
    took = f", {_listed(days)} in all" if days else ""
    yield f"Everything was computed on {_listed(machines)}{took}."
    yield f"Versions: {'; or '.join(versions)}."


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
