"""Trials of a plan that are alike: which of them works, while the others wait to take over its row."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.plan import PlannedTrial
from trainables.errors import TrialFailure
from trainables.execution.likeness import all_noted, is_alike, likeness_of, may_have_a_twin, noted
from trainables.record.lineage import taken_from
from trainables.trainable import Trainable
from trainables.trial import TrialRow

FEW = 20
"""Up to so many likenesses are asked for one by one; of more, the storage is listed."""
MANY = 1000
"""Of more done trials than that it is not looked up which of them took over another's row."""
Likeness = Callable[[PlannedTrial], str]
"""Returns the likeness of a trial whose parents are done; "" where it is not known, or no other can be alike."""


def likeness_in(ledger: Ledger, catalog: Mapping[str, Trainable]) -> Likeness:
    """Return what tells the likeness of a trial, as far as it takes no torch: not of a genotype within a budget.

    A trial that is to keep its checkpoints has to make them, so no other will do.
    """

    def likeness(trial: PlannedTrial) -> str:
        entry = catalog.get(trial.spec.trainable)
        if entry is None or trial.keep_checkpoints or not may_have_a_twin(trial.spec):
            return ""
        parents: dict[str, TrialRow] = {}
        for parent in trial.parents:
            row = ledger.row(parent)
            if row is None or row.state != "done":
                return ""
            parents[parent] = row
        try:
            return likeness_of(entry, trial.spec, taken_from(parents, trial.spec).config)
        except TrialFailure:
            return ""

    return likeness


class Turns:
    """Of trials that are alike, one goes first; the others' turn comes when it is done, or the next one's if it is not.

    Args:
        likeness: of trials whose parents are done.
    """

    def __init__(self, likeness: Likeness) -> None:
        self._likeness = likeness
        self._first: dict[str, str] = {}
        """Likeness -> the trial that goes first."""
        self._of: dict[str, str] = {}
        """The same the other way round."""
        self._behind: dict[str, dict[str, PlannedTrial]] = {}
        """Likeness -> those that wait for it."""
        self._done: set[str] = set()
        """Likenesses that a done trial has: nobody waits any more."""

    def comes(self, trial: PlannedTrial) -> bool:
        """Say whether a trial whose parents are done may start; else it waits for one that is alike."""
        if trial.trial_id in self._of:
            return True
        likeness = self._likeness(trial)
        if not likeness or likeness in self._done:
            return True
        if likeness in self._first:
            self._behind.setdefault(likeness, {})[trial.trial_id] = trial
            return False
        self._first[likeness] = trial.trial_id
        self._of[trial.trial_id] = likeness
        return True

    def end(self, trial_id: str, *, done: bool = False) -> list[PlannedTrial]:
        """Take note that a trial has ended for good; return those that waited for it."""
        likeness = self._of.pop(trial_id, None)
        if likeness is None:
            return []
        del self._first[likeness]
        if done:
            self._done.add(likeness)
        return [*self._behind.pop(likeness, {}).values()]


def named(
    trials: Iterable[PlannedTrial],
    states: Mapping[str, TrialState],
    ledger: Ledger,
    catalog: Mapping[str, Trainable],
    *,
    adopt: bool = True,
) -> dict[str, TrialState]:
    """Return the states of trials with their twins: whose row they took over, or, if they `adopt`, will take over.

    Foreseen where parents are done; of a trial within a budget only its worker sees it.
    """
    found = with_twins_of_done(states)
    unique = {trial.trial_id: trial for trial in trials}
    if not adopt:
        return found
    begun = [trial for trial in unique.values() if states[trial.trial_id].state == "running"]
    open_trials = [t for t in unique.values() if states[t.trial_id].state in ("new", "resumable")]
    likeness = likeness_in(ledger, catalog)
    likenesses = {trial.trial_id: each for trial in (*begun, *open_trials) if (each := likeness(trial))}
    done, first = _done_ones(set(likenesses.values()), ledger, catalog), dict[str, str]()
    for trial_id, each in likenesses.items():
        row = done.get(each)
        theirs = row is not None and row.computed_by != trial_id  # as `twin_of` has it
        twin_id = row.trial_id if row is not None and theirs else first.setdefault(each, trial_id)
        if twin_id != trial_id and states[trial_id].state != "running":
            once = "" if twin_id not in likenesses else ", once that is done"
            reason = f"{states[trial_id].reason}; would take over the row of {twin_id}, which is alike{once}"
            found[trial_id] = replace(states[trial_id], reason=reason, twin=twin_id)
    return found


def with_twins_of_done(states: Mapping[str, TrialState]) -> dict[str, TrialState]:
    """Return the states of trials with the twins of those that are done: whose row each took over."""
    found = dict(states)
    done = [trial_id for trial_id, state in states.items() if state.state == "done"]
    for trial_id in done if len(done) <= MANY else ():
        if (row := states[trial_id].row) is not None and row.adopted_from:
            reason = f"{states[trial_id].reason}, taken over from {row.adopted_from}, which is alike"
            found[trial_id] = replace(states[trial_id], reason=reason, twin=row.adopted_from)
    return found


def _done_ones(likenesses: Collection[str], ledger: Ledger, catalog: Mapping[str, Trainable]) -> dict[str, TrialRow]:
    """Return likeness -> the row of a done trial that has it, of those that the storage names."""
    asked = sorted(likenesses if len(likenesses) <= FEW else all_noted(ledger.storage) & set(likenesses))
    hints = {likeness: trial_id for likeness, trial_id in noted(ledger.storage, asked).items() if trial_id}
    rows = ledger.rows(hints.values())
    found = {likeness: rows[trial_id] for likeness, trial_id in hints.items() if trial_id in rows}
    return {
        likeness: row
        for likeness, row in found.items()
        if (entry := catalog.get(row.spec.trainable)) is not None and is_alike(entry, row, likeness)
    }
