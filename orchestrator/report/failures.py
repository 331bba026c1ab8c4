"""What did not come out: which trials failed or count in no table, why, and what to do about it."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.ledger import TrialState
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.report.runs import state_of
from orchestrator.tables.evidence import Record

ORDER = ("failed", "untrusted", "blocked", "resumable", "running", "new")
WHAT: Mapping[str, tuple[str, str]] = {
    "failed": ("failed", "failed"),
    "untrusted": ("is done but counts in no table", "are done but count in no table"),
    "blocked": ("waits for one that failed", "wait for one that failed"),
    "resumable": ("was interrupted and goes on where it was", "were interrupted and go on where they were"),
    "running": ("is at work", "are at work"),
    "new": ("has not begun", "have not begun"),
}
"""State -> what one trial does, and several."""
MOST_NAMED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Trials that are not done for one reason."""

    state: str
    stage: str
    reason: str
    trials: tuple[PlannedTrial, ...]
    """Those that are named; `count` says how many there are."""
    count: int
    commands: tuple[str, ...]
    advice: str

    @property
    def heading(self) -> str:
        """What is so: `2 train trials failed`."""
        trials = "trial" if self.count == 1 else "trials"
        return f"{self.count:,} {self.stage} {trials} {WHAT[self.state][self.count > 1]}"


def failures_of(
    plan: Plan, record: Record, states: Mapping[str, TrialState], call: Sequence[str], storage: Sequence[str]
) -> list[Failure]:
    """Return what is not done, by state, stage and reason; `call` is the experiment as commands are given it."""
    groups: dict[tuple[str, str, str], list[PlannedTrial]] = {}
    for trial in plan.trials:
        state = state_of(trial, record, states)
        if state != "done":
            groups.setdefault((state, trial.stage, _reason(trial, state, record, states)), []).append(trial)
    ordered = sorted(groups.items(), key=lambda group: ORDER.index(group[0][0]))
    return [_failure(key, trials, states, call, storage) for key, trials in ordered]


def _reason(trial: PlannedTrial, state: str, record: Record, states: Mapping[str, TrialState]) -> str:
    """Return why; the reasons of those that only have not run yet are not told apart."""
    if state in ("running", "resumable", "new"):
        return ""
    return record.distrust(trial.trial_id) or states[trial.trial_id].reason


def _failure(
    key: tuple[str, str, str],
    trials: Sequence[PlannedTrial],
    states: Mapping[str, TrialState],
    call: Sequence[str],
    storage: Sequence[str],
) -> Failure:
    state, stage, reason = key
    first = trials[0].trial_id
    recurs = states[first].recurs
    return Failure(
        state=state,
        stage=stage,
        reason=reason,
        trials=tuple(trials[:MOST_NAMED]),
        count=len(trials),
        commands=tuple(_commands(state, first, len(trials), recurs, call, storage)),
        advice=_advice(state, recurs),
    )


def _commands(
    state: str, first: str, count: int, recurs: bool, call: Sequence[str], storage: Sequence[str]
) -> Iterable[str]:
    again = shlex.join(["sharptune", "run", *call, *storage])
    if state in ("resumable", "new"):
        yield again
        return
    if state == "running":
        yield shlex.join(["sharptune", "status", *call, *storage])
        return
    yield shlex.join(["sharptune", "logs" if state == "failed" else "why", first, *storage])
    if state == "untrusted" or (state == "failed" and not recurs):
        yield shlex.join(["sharptune", "retry", *([first] if count == 1 else call), *storage])
        yield again


def _advice(state: str, recurs: bool) -> str:
    if state == "failed" and recurs:
        return "It would fail again in the same way: read its log, and change the settings."
    if state == "failed":
        return "Read the log; once the cause is gone, let it run again."
    if state == "untrusted":
        return "Let it run again with what its parent found."
    if state == "blocked":
        return "It runs once the trial that it needs is done."
    return ""
