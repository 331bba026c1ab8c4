"""How fast this machine was, by trials of other experiments in the same storage."""

import math
from collections.abc import Collection, Mapping, Sequence

from orchestrator.forecast.durations import Group, Paces, held_by, seconds_of
from orchestrator.forecast.rough import rough_of
from orchestrator.ledger import FEW, Ledger
from orchestrator.planning.plan import PlannedTrial
from trainables.errors import SharptuneError
from trainables.trainable import Trainable
from trainables.trial import TrialRow


def seen_elsewhere(
    ledger: Ledger, catalog: Mapping[str, Trainable], trials: Sequence[PlannedTrial]
) -> dict[Group, Paces]:
    """Return how trials of the storage went that are none of these, of a few of them. Raises: OSError, StorageError."""
    ours = {trial.trial_id for trial in trials}
    found: dict[Group, Paces] = {}
    others = [trial_id for trial_id in ledger.ids() if trial_id not in ours][:FEW]
    for row in ledger.rows(others).values() if others else ():
        seconds, cost = seconds_of(row), _cost(row, catalog)
        if row.state == "done" and seconds is not None and seconds > 0 and cost > 0:
            group = Group(row.spec.trainable, "", *(held_by(row) or (0.0, 0)))
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
