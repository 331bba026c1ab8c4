"""Who comes from whom among the trials of a record."""

import contextlib
import graphlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger


@dataclass(slots=True)
class Family:
    """The parents of each trial, read once."""

    ledger: Ledger
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Parents that need not be read."""

    def parents(self, trial_id: str) -> tuple[str, ...]:
        if trial_id not in self.known:
            self.known[trial_id] = ()
            with contextlib.suppress(LedgerError):
                self.known[trial_id] = self.ledger.spec(trial_id).parents
        return self.known[trial_id]

    def with_ancestors(self, trial_ids: Iterable[str]) -> list[str]:
        """Return these trials and all that they come from, each once: these first, then their parents, and so on."""
        found = list(dict.fromkeys(trial_ids))
        known = set(found)
        for trial_id in found:
            for parent in self.parents(trial_id):
                if parent not in known:
                    known.add(parent)
                    found.append(parent)
        return found

    def parents_first(self, trial_ids: Iterable[str]) -> list[str]:
        """Return these trials with parents before their children, always in the same order."""
        wanted = set(trial_ids)
        graph = {trial_id: sorted(self.parents(trial_id)) for trial_id in self.with_ancestors(sorted(wanted))}
        ordered = graphlib.TopologicalSorter(graph).static_order()
        return [trial_id for trial_id in ordered if trial_id in wanted]
