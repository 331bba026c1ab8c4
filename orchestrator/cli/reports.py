"""What commands say of a plan and its states: JSON that scripts may rely on, and the same in words."""

import contextlib
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from orchestrator.cli.output import spelled
from orchestrator.errors import LedgerError
from orchestrator.ledger import STATES, Ledger, TrialState
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.rows import ASKED_BY
from orchestrator.tables.formats.widths import display_width, padded
from orchestrator.words import duration, shown_line, shown_lines
from trainables.record.beats import Beat, told
from trainables.trial import JSON, TrialSpec

States = Mapping[str, TrialState]
INDENT = " " * 14
"""As wide as an id, and what follows it."""


def plan_json(plan: Plan, states: States) -> dict[str, JSON]:
    """Return a plan and where it stands, as `plan`, `status` and `run` print it."""
    trials = [_trial_json(trial, states[trial.trial_id]) for trial in plan.trials]
    return {"experiment": plan.experiment, "trials": trials, "counts": counts_json(trial["state"] for trial in trials)}


def storage_json(
    specs: Mapping[str, TrialSpec], asked_by: Mapping[str, Mapping[str, str]], states: States
) -> dict[str, JSON]:
    """Return all that is in a storage, whatever experiment it belongs to."""
    trials = [
        {
            "id": trial_id,
            **{name: asked_by[trial_id].get(name) for name in ASKED_BY},
            "trainable": spec.trainable,
            "seed": spec.seed,
            "parents": list(spec.parents),
            "config": dict(spec.config),
            "state": states[trial_id].state,
            "reason": states[trial_id].reason,
            "work": _work_json(states[trial_id]),
            **_twin_json(states[trial_id]),
        }
        for trial_id, spec in specs.items()
    ]
    return {"trials": trials, "counts": counts_json(trial["state"] for trial in trials)}


def storage_label(spec: TrialSpec, asked_by: Mapping[str, str]) -> str:
    """Return what to call a trial of a storage: as the experiment does that ran it, where that is known."""
    if not asked_by.get("experiment"):
        return f"{spec.trainable} seed={spec.seed}"
    return f"{asked_by['experiment']}: {asked_by.get('stage', '')} {asked_by.get('label', '')}"


def called_in(ledger: Ledger, trial_id: str) -> str:
    """Return what to call a trial of a storage, its id first; its id alone where nothing says what it is."""
    with contextlib.suppress(LedgerError):
        return f"{trial_id}  {storage_label(ledger.spec(trial_id), ledger.asked_by(trial_id))}"
    return trial_id


def counts_json(states: Any) -> dict[str, int]:
    """Return how many trials are in each state, those that none is in included."""
    counts = Counter(states)
    return {name: counts[name] for name in STATES}


def plan_lines(plan: Plan, states: States) -> list[str]:
    """Return the trials stage by stage, each with its state and why."""
    width = _width(trial.label for trial in plan.trials)
    lines = []
    for stage in plan.stages:
        trials = list(plan.of_stage(stage))
        if not trials:
            lines.append(f"{stage}: no trials")
            continue
        lines.append(f"{stage}: {_count(trials)}, each on {trials[0].resources.text}")
        lines += [f"  {line}" for line in _lines([(t.trial_id, t.label) for t in trials], states, width)]
    return lines


def state_lines(labels: Sequence[tuple[str, str]], states: States, columns: int | None = None) -> list[str]:
    """Return one line per trial; `labels` are its id and what to call it.

    What does not fit into so many columns stands below, indented.
    """
    width = _width(label for _, label in labels)
    lines = _lines(labels, states, width)
    if columns is None or all(display_width(spelled(line)) <= columns for line in lines):
        return lines
    narrow = []
    for trial_id, label in labels:
        state = states[trial_id]
        reason = "" if state.state == "done" else shown_line(state.reason)
        narrow.append(shown_line(f"{trial_id}  {state.state:<9}  {label}"))
        narrow += textwrap.wrap(reason, columns, initial_indent=INDENT, subsequent_indent=INDENT)
    return narrow


def _width(labels: Iterable[str]) -> int:
    """Return how wide the widest is on this terminal."""
    return max((display_width(spelled(label)) for label in labels), default=0)


def _lines(labels: Sequence[tuple[str, str]], states: States, width: int) -> list[str]:
    """Return one line per trial, its label as wide as that."""
    return shown_lines(
        f"{trial_id}  {padded(spelled(label), width, False)}  {states[trial_id].state:<9}  {states[trial_id].reason}"
        for trial_id, label in labels
    )


def called(trial: PlannedTrial) -> str:
    """Return what a person calls a trial, its id first."""
    return f"{trial.trial_id}  {trial.stage} {trial.label}"


def summary(plan: Plan, states: States) -> str:
    """Return where an experiment stands, in a sentence."""
    counts = Counter(states[trial.trial_id].state for trial in plan.trials)
    if counts["done"] == len(plan.trials) > 1:
        return f"{plan.experiment}: all {len(plan.trials)} trials are done"
    return f"{plan.experiment}: {_count(plan.trials)}; {counts_text(counts)}{_twins(plan, states)}"


def _twins(plan: Plan, states: States) -> str:
    """Return how many of the trials that are to run will not work, as another one that is alike has done, or will."""
    count = sum(states[trial.trial_id].state != "done" and bool(states[trial.trial_id].twin) for trial in plan.trials)
    rows = "the row of another trial that is" if count == 1 else "the rows of other trials that are"
    return f"; {count} of them would take over {rows} alike" if count else ""


def storage_summary(uri: str, states: States) -> str:
    """Return what is in a storage, in a sentence."""
    if not states:
        return f"{uri}: no trials yet"
    counts = Counter(state.state for state in states.values())
    return f"{uri}: {_count(tuple(states))}; {counts_text(counts)}"


def counts_text(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in STATES if counts.get(name)) or "none"


def count_text(count: int, what: str) -> str:
    """Return how many there are of something: `1 trial`, `3 trials`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _trial_json(trial: PlannedTrial, state: TrialState) -> dict[str, JSON]:
    return {
        "id": trial.trial_id,
        "stage": trial.stage,
        "label": trial.label,
        "parents": list(trial.parents),
        "config": dict(trial.spec.config),
        "seed": trial.spec.seed,
        "resources": {"gpus": trial.resources.gpus, "cpus": trial.resources.cpus, **_asked_besides(trial)},
        "state": state.state,
        "reason": state.reason,
        "work": _work_json(state),
        **_twin_json(state),
    }


def _twin_json(state: TrialState) -> dict[str, JSON]:
    return {"twin": state.twin} if state.twin else {}


def _work_json(state: TrialState) -> dict[str, JSON] | None:
    """Return who works on a running trial, and how far it is, as far as its driver tells; None of any other."""
    if state.state != "running" or (work := state.work) is None:
        return None
    told: dict[str, JSON] = {} if work.at_work is None else asdict(work.at_work)
    left = told.pop("left", None)
    return {
        **told,
        "node": work.node,
        "attempt": work.claim.number,
        "seconds": work.seconds,
        "left_seconds": left,
        "driver": work.driver,
        "beat_seconds": None if work.beat is None else work.age,
    }


def drivers_json(states: States) -> list[dict[str, JSON]]:
    """Return the runs that work on these trials, as far as they tell."""
    return [
        {"driver": driver, **told(beat), "beat_seconds": age, "trials": count}
        for driver, (beat, age, count) in _drivers(states).items()
    ]


def drivers_lines(states: States) -> list[str]:
    """Return a line for each run that works on these trials: which, and how long it may still take."""
    lines = []
    for beat, age, count in _drivers(states).values():
        experiment = f" of {beat.experiment}" if beat.experiment else ""
        left = "" if beat.left is None else f", about {duration(beat.left)} left in all"
        if left and beat.between:
            low, high = beat.between
            left += f" ({duration(low)} to {duration(high)})"
        stopping = "; it is being stopped" if beat.stopping else ""
        since = duration(beat.seconds_since(beat.since) + (age or 0.0))
        trials = "1 trial" if count == 1 else f"{count} trials"
        lines.append(shown_line(f"run{experiment} in {beat.process}: {trials} at work, for {since}{left}{stopping}"))
    return lines


def _drivers(states: States) -> dict[str, tuple[Beat, float | None, int]]:
    """Return of each driver that works on these trials what it tells, how old that is, and how many it has of them."""
    works = [state.work for state in states.values() if state.work is not None]
    counts = Counter(work.driver for work in works)
    beats = {work.driver: (work.beat, work.age) for work in works}
    return {driver: (beat, age, counts[driver]) for driver, (beat, age) in beats.items() if beat is not None}


def _asked_besides(trial: PlannedTrial) -> dict[str, JSON]:
    """Return what else a trial asks of its node; memory in bytes."""
    return {name: asked for name, asked in asdict(trial.resources).items() if asked and name not in ("gpus", "cpus")}


def _count(trials: Sequence[object]) -> str:
    return "1 trial" if len(trials) == 1 else f"{len(trials)} trials"
