"""The alphas of a search, found by its trial."""

from dataclasses import dataclass
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from trainables.architecture.spaces import Space, read_space
from trainables.record.lineage import recorded_alphas
from trainables.record.storage import open_storage


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """What a search has recorded of an epoch."""

    trial_id: str
    space: Space
    epoch: int
    alphas: dict[str, Any]
    """As nested lists, by their names."""

    @property
    def operations(self) -> str:
        """How the operations of its architectures are built."""
        return self.space.operations or "ssc"


def find_alphas(trial: str, storage: str, epoch: int | None = None) -> Searched:
    """Return the alphas of an epoch of a search, by default of the one that its genotype is from.

    Args:
        trial: the beginning of its id.

    Raises: LedgerError, TrialFailure where there are none; DamagedFile.
    """
    ledger = Ledger(open_storage(storage))
    trial_id = ledger.find(trial)
    row = ledger.row(trial_id)
    if row is None:
        raise LedgerError(f"trial {trial_id} is not done, so there are no alphas to derive from")
    found, alphas = recorded_alphas(ledger.folder(trial_id), row, epoch)
    return Searched(trial_id=trial_id, space=read_space(row.config["space"]), epoch=found, alphas=alphas)
