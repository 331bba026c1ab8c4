"""What is still to do of a plan, and what is known of how long it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.forecast.durations import Durations, Group, Paces
from orchestrator.ledger import TrialState
from orchestrator.planning.plan import PlannedTrial
from trainables.trial import TrialRow

RUNNABLE = ("new", "resumable", "running")
"""States of trials that are still to do."""


SIZED = 50
"""Of so many done trials of a stage it is looked up how large their files are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """Trials that are still to do, and what a forecast may go by."""

    open: Sequence[PlannedTrial]
    """Each once, parents before children; one that will take over the row of another waits for that, too."""
    durations: Durations
    """Of those that are done."""
    share: Mapping[str, float] = field(default_factory=dict)
    """What of a trial is still to do, of those that were begun or will not work: 0 to 1."""
    told: Mapping[str, float] = field(default_factory=dict)
    """Seconds that a trial at work is said to need still."""
    at_work: frozenset[str] = frozenset()
    twins: Mapping[str, str] = field(default_factory=dict)
    """Open trials that will take over the row of another, and not work -> that one, which may be open, too."""
    done: int = 0
    """How many trials of the plan are done."""
    bytes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Stage -> how many of its done trials say how large their files are, and how large these are together."""
    elsewhere: Mapping[Group, Paces] = field(default_factory=dict)
    """How trials of other experiments of the storage went."""

    @classmethod
    def of(cls, trials: Sequence[PlannedTrial], states: Mapping[str, TrialState]) -> "Outlook":
        """Return the outlook of a plan's trials, as they stand."""
        unique = {trial.trial_id: trial for trial in trials}
        open_ = [trial for trial_id, trial in unique.items() if states[trial_id].state in RUNNABLE]
        durations, sizes, done = Durations(), {}, 0
        share: dict[str, float] = {}
        told: dict[str, float] = {}
        for trial_id, trial in unique.items() if open_ else ():  # each row may have to be read
            state = states[trial_id]
            if state.row is not None and state.row.state == "done":
                done += 1
                durations.note_row(trial, state.row)
                count, sum_ = sizes.get(trial.stage, (0, 0))
                if count < SIZED:
                    sizes[trial.stage] = count + 1, sum_ + _bytes(state.row)
            elif state.state in RUNNABLE and state.epoch:
                share[trial_id] = _share(trial, state.epoch)
            if (work := state.work) is not None and work.at_work is not None and work.at_work.left is not None:
                told[trial_id] = work.at_work.left
        twins = {trial.trial_id: twin for trial in open_ if (twin := states[trial.trial_id].twin)}
        return cls(
            open=behind_twins(open_, twins),
            durations=durations,
            share={**share, **dict.fromkeys(twins, 0.0)},
            told=told,
            twins=twins,
            at_work=frozenset(trial_id for trial_id in unique if states[trial_id].state == "running"),
            done=done,
            bytes=sizes,
        )


def behind_twins(trials: Sequence[PlannedTrial], twins: Mapping[str, str]) -> Sequence[PlannedTrial]:
    """Return the trials, parents before children, each with its twin among its parents: it waits for that, too.

    Parents of such trials are done, so twins can stand first.
    """
    if not twins:
        return trials
    found = [
        replace(trial, parents=(*trial.parents, twins[trial.trial_id])) if trial.trial_id in twins else trial
        for trial in trials
    ]
    worked_on = {*twins.values()}
    return sorted(found, key=lambda trial: trial.trial_id not in worked_on)


def next_turns(
    twins: Mapping[str, str], share: Mapping[str, float], failed: str
) -> tuple[Mapping[str, str], Mapping[str, float]]:
    """Return `Outlook.twins` and `share` once a trial failed: the first that waited for it works, and others wait."""
    waited = [trial_id for trial_id, twin in twins.items() if twin == failed]
    if not waited:
        return twins, share
    first = waited[0]
    twins = {each: first if twin == failed else twin for each, twin in twins.items() if each != first}
    return twins, {each: left for each, left in share.items() if each != first}


def _share(trial: PlannedTrial, epoch: int) -> float:
    """Return what is left of a trial after so many epochs."""
    epochs = trial.effective.get(trial.stage, {}).get("epochs")
    return max(0.0, 1 - epoch / epochs) if isinstance(epochs, int) and epochs > 0 else 1.0


def _bytes(row: TrialRow) -> int:
    return sum(size for told in row.files.values() if isinstance(size := told.get("bytes"), int))
