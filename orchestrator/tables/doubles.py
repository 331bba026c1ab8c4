"""Which trials of a cell are one draw: those that are alike, whether one of them worked or each did for itself."""

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.planning.grids.planned_trial import PlannedTrial
from trainables.config import is_reference
from trainables.execution.likeness import likeness_of
from trainables.trainable import Trainable
from trainables.trial import WITHIN, TrialRow, canonical_json


def doubles_of(
    entries: Mapping[str, Trainable], trials: Iterable[PlannedTrial], rows: Sequence[TrialRow]
) -> dict[str, str]:
    """Return which rows are the result of a draw that one before them is, too -> that one, which counts.

    Whichever of them worked, and if several did, as after `--no-adopt`, a kill, or a merge of storages: no number hangs
    on that. Trials that worked and ended in other digits, as on unlike machines, count each.

    Args:
        entries: stage -> the kind of its trials.
        trials: those whose rows these are.
        rows: of trials that are done.
    """
    worked: dict[str, TrialRow] = {}
    for row in rows:
        worked.setdefault(row.computed_by, row)
    planned = {trial.trial_id: trial for trial in trials} if len(worked) > 1 else {}
    same: dict[object, list[TrialRow]] = {}
    for row in worked.values() if planned else ():  # few are left to be looked at closely, which takes long
        same.setdefault((planned[row.trial_id].spec.seed, frozenset(row.metrics.items())), []).append(row)
    ones: dict[str, str] = {}
    for some in same.values():
        ones |= _ones(entries, planned, some) if len(some) > 1 else {}
    firsts = {row.trial_id: worked[row.computed_by].trial_id for row in rows}
    counts = {trial_id: ones.get(first, first) for trial_id, first in firsts.items()}
    return {trial_id: one for trial_id, one in counts.items() if one != trial_id}


def _ones(
    entries: Mapping[str, Trainable], planned: Mapping[str, PlannedTrial], rows: Sequence[TrialRow]
) -> dict[str, str]:
    """Return which of some rows, of the same numbers, counts for each. Whole rows are read only where it takes that."""
    told: dict[str, str] = {}
    counts = {row.trial_id: told.setdefault(_receipt(planned[row.trial_id], row), row.trial_id) for row in rows}
    first: dict[str, str] = {}
    same: dict[str, str] = {}
    for row in rows if len(told) > 1 else ():
        if counts[row.trial_id] == row.trial_id:
            likeness = likeness_of(entries[planned[row.trial_id].stage], row.spec, row.config)
            same[row.trial_id] = first.setdefault(likeness, row.trial_id) if likeness else row.trial_id
    return {trial_id: same.get(one, one) for trial_id, one in counts.items()}


def _receipt(trial: PlannedTrial, row: TrialRow) -> str:
    """Return a text that is equal only for trials that are alike: the settings, and what was taken from which parent.

    Where the row does not tell all that was taken, as of what is derived from a parent's alphas, it is the trial's id.
    """
    spec = trial.spec
    taken = [row.parents.get(parent) for parent in spec.parents]
    if None in taken or any(is_reference(each) and each["key"].startswith(WITHIN) for each in spec.config.values()):
        return trial.trial_id
    return canonical_json([spec.trainable, spec.version, spec.config, taken])
