"""How fast this machine was, by trials of other experiments in the same storage."""

import math
from collections.abc import Collection, Mapping, Sequence

from orchestrator.forecast.durations import Group, Paces
from orchestrator.forecast.rough import rough_of
from orchestrator.ledger import FEW, Ledger
from orchestrator.planning.plan import PlannedTrial
from trainables.errors import SharptuneError
from trainables.trainable import Trainable
from trainables.trial import TrialRow


def seen_elsewhere(
    ledger: Ledger, catalog: Mapping[str, Trainable], trials: Sequence[PlannedTrial], most: int = FEW
) -> dict[Group, Paces]:
    """Return how trials of the storage went that are none of these, of a few of them. Raises: OSError, StorageError."""
    ours = {trial.trial_id for trial in trials}
    found: dict[Group, Paces] = {}
    others = [trial_id for trial_id in ledger.ids() if trial_id not in ours][:most]
    for row in ledger.rows(others).values() if others else ():
        seconds, cost = row.timing.get("wall_seconds"), _cost(row, catalog)
        if row.state == "done" and isinstance(seconds, int | float) and seconds > 0 and cost > 0:
            group = _group(row)
            rough = rough_of(group.trainable, group.gpus).seconds(cost)
            found.setdefault(group, Paces()).add(math.log(seconds / rough))
    return found


def is_worth_it(open_: Collection[Group], seen: Collection[Group]) -> bool:
    """Say whether trials are still to do of a kind of which none was seen on such a device."""
    known = {(group.trainable, group.device) for group in seen}
    return any((group.trainable, group.device) not in known for group in open_)


def _cost(row: TrialRow, catalog: Mapping[str, Trainable]) -> float:
    """Return the work that is expected of such a trial; 0 where nobody knows."""
    entry = catalog.get(row.spec.trainable)
    try:
        return entry.expected_cost(row.config) if entry and row.config else 0.0
    except (SharptuneError, LookupError, TypeError, ValueError):  # a row of another version
        return 0.0


def _group(row: TrialRow) -> Group:
    shares, threads = row.provenance.get("gpus"), row.provenance.get("threads")
    gpus = max(shares, default=0.0) if isinstance(shares, list) else 0.0
    return Group(row.spec.trainable, "", gpus, 0 if gpus or not isinstance(threads, int) else threads)
