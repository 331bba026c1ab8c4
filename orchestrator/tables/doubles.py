"""Which trials of a cell are one draw: those that are alike, whether one of them worked or each did for itself."""

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.planning.grids.planned_trial import PlannedTrial
from trainables.execution.likeness import likeness_of
from trainables.trainable import Trainable
from trainables.trial import TrialRow


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
    counts = {row.trial_id: row.trial_id for row in worked.values()}
    for some in same.values():
        first: dict[str, str] = {}
        for row in some if len(some) > 1 else ():
            likeness = likeness_of(entries[planned[row.trial_id].stage], row.spec, row.config)
            counts[row.trial_id] = first.setdefault(likeness, row.trial_id) if likeness else row.trial_id
    return {row.trial_id: one for row in rows if (one := counts[worked[row.computed_by].trial_id]) != row.trial_id}
