"""Trials of a plan that are alike: which of them works, while the others wait to take over its row."""

from collections.abc import Callable, Mapping

from orchestrator.ledger import Ledger
from orchestrator.planning.plan import PlannedTrial
from trainables.catalog import Trainable
from trainables.errors import TrialFailure
from trainables.execution.likeness import likeness_of, may_have_a_twin
from trainables.record.lineage import taken_from
from trainables.trial import TrialRow

Likeness = Callable[[PlannedTrial], str]
"""Returns the likeness of a trial whose parents are done; "" where it is not known, or no other can be alike."""


def likeness_in(ledger: Ledger, catalog: Mapping[str, Trainable]) -> Likeness:
    """Return what tells the likeness of a trial, as far as it takes no torch: not of a genotype within a budget."""

    def likeness(trial: PlannedTrial) -> str:
        entry = catalog.get(trial.spec.trainable)
        if entry is None or not may_have_a_twin(trial.spec):
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
