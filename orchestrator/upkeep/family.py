"""Who comes from whom among the trials of a record."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger


@dataclass(slots=True)
class Family:
    """The parents of each trial, read once."""

    ledger: Ledger
    _parents: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def parents(self, trial_id: str) -> tuple[str, ...]:
        if trial_id not in self._parents:
            self._parents[trial_id] = ()
            with contextlib.suppress(LedgerError):
                self._parents[trial_id] = self.ledger.spec(trial_id).parents
        return self._parents[trial_id]

    def with_ancestors(self, trial_ids: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(trial_ids)
        while waiting:
            trial_id = waiting.pop()
            if trial_id not in found:
                found.add(trial_id)
                waiting += self.parents(trial_id)
        return found

    def generation(self, trial_id: str) -> int:
        """Return how many trials stand between a trial and its first ancestor, both counted."""
        return 1 + max((self.generation(parent) for parent in self.parents(trial_id)), default=0)
