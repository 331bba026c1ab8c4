"""Which trials may start now: those whose parents are done, longest remaining path first, within limits cell by cell.

Readiness is read from the ledger. No barrier stands between stages: a child may start as soon as its own parents are
done, whoever finished them.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.forecast.durations import path_weights
from orchestrator.forecast.outlook import RUNNABLE
from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.plan import PlannedTrial, Resources
from orchestrator.running.alike import Likeness, Turns
from orchestrator.running.estimates import Estimates
from orchestrator.running.ready import Ready


@dataclass(kw_only=True)
class Frontier:
    """The trials of a plan that still have to run, and which of them can.

    A trial is in one of five places: `waiting` (for parents, for one that is alike, or for its turn), `held` back (it
    does not fit into what the run may spend), `elsewhere` (another driver has it), `running` (handed out by `next`), or
    gone (`settled`).
    """

    ledger: Ledger
    waiting: dict[str, PlannedTrial]
    elsewhere: dict[str, PlannedTrial] = field(default_factory=dict)
    running: dict[str, PlannedTrial] = field(default_factory=dict)
    held: dict[str, PlannedTrial] = field(default_factory=dict, init=False)
    finished_elsewhere: list[PlannedTrial] = field(default_factory=list)
    """Trials that other drivers were seen to finish; whoever tells people about them takes them out."""
    estimates: Estimates = field(default_factory=Estimates)
    likeness: Likeness = lambda trial: ""
    """Of trials that are alike one runs at a time."""
    refresh_seconds: float = 1.0
    clock: Callable[[], float] = time.monotonic
    _refreshed: float = field(default=float("-inf"), init=False)
    _trials: tuple[PlannedTrial, ...] = field(default=(), init=False)
    """All that were open at first, parents before children."""
    _children: dict[str, list[str]] = field(default_factory=dict, init=False)
    """Trial -> those that need it, of all that were open at first."""
    _order: Mapping[str, int] = field(default_factory=dict, init=False)
    """Which start first, and whether the others wait for them; see `restrict`."""
    _rest_waits: bool = field(default=False, init=False)
    _ready: Ready = field(init=False)
    _turns: Turns = field(init=False)

    def __post_init__(self) -> None:
        self._turns = Turns(self.likeness)
        self._trials = (*self.elsewhere.values(), *self.waiting.values())
        for trial in self._trials:
            for parent in trial.parents:
                self._children.setdefault(parent, []).append(trial.trial_id)
        self._ready = Ready(self._weigh())
        for trial in self.elsewhere.values():
            self._turns.comes(trial)
        for trial in self.waiting.values():
            self._ready_if_it_can(trial)

    def next(self, fits: Callable[[Resources], bool] = lambda shape: True) -> PlannedTrial | None:
        """Hand out the ready trial with the longest way to go, of those whose shape fits; None when there is none.

        Where an order was asked for, it comes before that.
        """
        self.refresh()
        rest_waits = self._rest_waits and bool(self.running) and any(each in self.waiting for each in self._order)
        trial_id = self._ready.pop(fits, ordered_only=rest_waits)
        if trial_id is None:
            return None
        self.running[trial_id] = self.waiting.pop(trial_id)
        return self.running[trial_id]

    def settle(self, trial_id: str) -> list[PlannedTrial]:
        """Take note that a trial has its row now; return the trials that this blocks for good."""
        trial = self.running.pop(trial_id, None) or self.elsewhere.pop(trial_id, None)
        row = self.ledger.row(trial_id)
        if row is None and trial is not None:  # said to be there, but not to be seen (yet): ask again, drop nobody
            self.elsewhere[trial_id] = trial
            return []
        if row is not None and row.state == "done":
            if trial is not None and self.estimates.note_row(trial, row):
                self._ready.weigh(self._weigh())
            for child in self._children.get(trial_id, ()):
                if child in self.waiting:
                    self._ready_if_it_can(self.waiting[child])
            self._next_turns(trial_id, done=True)
            return []
        self._next_turns(trial_id)
        return self._drop_descendants(trial_id)

    def put_back(self, trial_id: str) -> None:
        """Take note that a trial has to start once more."""
        trial = self.running.pop(trial_id, None)
        if trial is not None:
            self.waiting[trial_id] = trial
            self._ready.add(trial)

    def give_back(self, trial_id: str) -> None:
        """Take note that another driver has the trial, or that it must wait: ask the ledger again from time to time."""
        trial = self.running.pop(trial_id, None)
        if trial is not None:
            self.elsewhere[trial_id] = trial

    def refresh(self, *, force: bool = False) -> None:
        """Look, once a second at most, whether trials that others had are finished or free."""
        if not self.elsewhere or (not force and self.clock() - self._refreshed < self.refresh_seconds):
            return
        self._refreshed = self.clock()
        states = self.ledger.states([trial.spec for trial in self.elsewhere.values()])
        for trial_id, trial in list(self.elsewhere.items()):
            state = states[trial_id]
            if state.row is not None:
                self.finished_elsewhere.append(trial)
                self.settle(trial_id)
            elif state.state != "running" and self._parents_done(trial):
                del self.elsewhere[trial_id]
                self.waiting[trial_id] = trial
                self._ready_if_it_can(trial)

    def leave(self, trial_ids: Collection[str]) -> list[PlannedTrial]:
        """Do not start these any more, nor what needs them; return the trials that this leaves out."""
        left = [trial for waits in (self.waiting, self.held, self.elsewhere) for trial in waits.values()]
        left = [trial for trial in left if trial.trial_id in trial_ids]
        for trial in left:
            self.waiting.pop(trial.trial_id, None)
            self.held.pop(trial.trial_id, None)
            self.elsewhere.pop(trial.trial_id, None)
            self._ready.discard([trial.trial_id])
        for trial in left:
            self._next_turns(trial.trial_id)
        return left + [child for trial in left for child in self._drop_descendants(trial.trial_id)]

    def hold(self, trial_ids: Collection[str]) -> None:
        """Hold back these of the trials that have not started, and of those just handed out; and what needs them."""
        gone = [*trial_ids]
        for each in gone:  # grows meanwhile
            trial = self.waiting.pop(each, None) or self.running.pop(each, None)
            if trial is not None:
                self.held[each] = trial
                self._ready.discard([each])
                gone += self._children.get(each, ())
        for each in gone:
            self._next_turns(each)

    def restrict(self, chosen: Collection[str], order: Mapping[str, int], *, rest_waits: bool) -> None:
        """Hold back all that has not started but for the chosen ones.

        Args:
            chosen: their parents are among these.
            order: of the chosen ones, the lowest numbers come first, those that have none last.
            rest_waits: these do not even start, where there is a place for them, while others wait for what runs.
        """
        self._order, self._rest_waits = order, rest_waits
        self._ready.put_in_order(order)
        for trial_id in [each for each in self.held if each in chosen]:
            self.waiting[trial_id] = self.held.pop(trial_id)
            self._ready_if_it_can(self.waiting[trial_id])
        self.hold([each for each in self.waiting if each not in chosen])

    @property
    def unstarted(self) -> list[PlannedTrial]:
        """What waits or is held back, parents before children."""
        return [trial for trial in self._trials if trial.trial_id in self.waiting or trial.trial_id in self.held]

    @property
    def can_start(self) -> bool:
        """Whether a trial is ready now."""
        return len(self._ready) > 0

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to run or to watch: others' trials are watched unless something is held back."""
        return not (self.waiting or self.running or (self.elsewhere and not self.held))

    def _weigh(self) -> dict[str, float]:
        durations = {trial.trial_id: self.estimates.expected(trial) for trial in self._trials}
        return path_weights(self._trials, durations)

    def _ready_if_it_can(self, trial: PlannedTrial) -> None:
        if trial.trial_id not in self._ready and self._parents_done(trial) and self._turns.comes(trial):
            self._ready.add(trial)

    def _next_turns(self, trial_id: str, *, done: bool = False) -> None:
        """Let start what waited for a trial that is alike."""
        for other in self._turns.end(trial_id, done=done):
            if other.trial_id in self.waiting:
                self._ready_if_it_can(other)

    def _parents_done(self, trial: PlannedTrial) -> bool:
        rows = (self.ledger.row(parent) for parent in trial.parents)
        return all(row is not None and row.state == "done" for row in rows)

    def _drop_descendants(self, trial_id: str) -> list[PlannedTrial]:
        dropped: list[PlannedTrial] = []
        gone = [trial_id]
        for each in gone:  # grows meanwhile
            places = (self.waiting, self.held)
            children = [(child, place) for child in self._children.get(each, ()) for place in places if child in place]
            dropped += [place.pop(child) for child, place in children]
            gone += [child for child, _ in children]
        return dropped


def open_frontier(
    trials: Iterable[PlannedTrial],
    ledger: Ledger,
    states: dict[str, TrialState],
    likeness: Likeness = lambda trial: "",
) -> Frontier:
    """Return the frontier of the trials that are neither done, failed nor blocked."""
    unique = {trial.trial_id: trial for trial in trials}
    open_trials = {trial_id: t for trial_id, t in unique.items() if states[trial_id].state in RUNNABLE}
    estimates = Estimates()
    for trial_id, trial in unique.items() if open_trials else ():  # each may have to be read
        row = states[trial_id].row
        if row is not None and row.state == "done":
            estimates.note_row(trial, row)
    return Frontier(
        ledger=ledger,
        estimates=estimates,
        likeness=likeness,
        waiting={trial_id: t for trial_id, t in open_trials.items() if states[trial_id].state != "running"},
        elsewhere={trial_id: t for trial_id, t in open_trials.items() if states[trial_id].state == "running"},
    )
