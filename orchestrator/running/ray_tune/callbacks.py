"""What Tune asks of us and tells us: which trial next, how each goes, when to end. Imported by the runner alone."""

import contextlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from orchestrator.errors import HaltError
from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.ray_tune.cluster import death_reason, is_storage_trouble
from orchestrator.running.ray_tune.nodes import Nodes
from orchestrator.running.ray_tune.processes import Handlers
from orchestrator.running.ray_tune.relay import Relay
from orchestrator.running.ray_tune.room import HandedOut, Reservations, Room
from orchestrator.running.retries import Death
from orchestrator.running.session import Event, Session
from trainables.execution.job import Progress
from trainables.ray_trainable import NODE, RESULT

LOOK_SECONDS = 5.0
"""Between two looks at which nodes are alive."""
UNPLACED_AT_ONCE = 8
"""Trials that no node can hold now and that Tune may still have in line, so that a cluster can grow for them."""


class NotPickled:
    """Tune pickles and copies what it is given, to restore it some day; this has no life outside this process."""

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "NotPickled":
        return self


class FrontierSearcher(NotPickled, Searcher):
    """Hands Tune whatever trial can start now; `FINISHED` when none can and none is running."""

    def __init__(self, session: Session, hearing: "TuneCallback") -> None:
        super().__init__(metric=None, mode=None)
        self._session = session
        self._hearing = hearing

    def suggest(self, trial_id: str) -> Any:
        room = self._hearing.room()
        trial = self._session.next(room.admits)
        if trial is None and len(self._hearing.unplaced()) < UNPLACED_AT_ONCE:
            trial = self._session.next(lambda demand: not self._hearing.view.fits(demand))
        if trial is not None:
            resources = self._hearing.expect(trial_id, trial, closed=room.closed_to(trial.resources))
            return {"job": self._session.job(trial).to_json(), "resources": resources}
        return None if self._session.frontier.running else Searcher.FINISHED

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Everything is heard by `TuneCallback`, which also sees why a trial died."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger knows."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the ledger knows."""


class TuneCallback(NotPickled, tune.Callback):
    """Tells the session what Tune hears of its trials."""

    def __init__(self, session: Session, nodes: Nodes, relay: Relay) -> None:
        self._handlers = Handlers()
        self._relay = relay
        self._session = session
        self._nodes = nodes
        self._trials: dict[str, PlannedTrial] = {}
        self._open: dict[str, HandedOut] = {}
        """Tune's trial -> how it stands, of those that have not ended, in the order in which they were handed out."""
        self._places: dict[str, str] = {}
        """Tune's trial -> the node that it was last heard of from."""
        self._heard: dict[str, float] = {}
        """Tune's trial -> when that was."""
        self._reservations = Reservations()
        self._looked = time.monotonic()
        self.view = nodes.view()

    def setup(self, *args: Any, **info: Any) -> None:
        """Put back the handler that Tune has just replaced: its own for SIGUSR1 ends the loop, and no trial saves."""
        self._handlers.restore()
        self._tell()

    def expect(self, tune_id: str, trial: PlannedTrial, *, closed: frozenset[str] = frozenset()) -> str:
        """Note that a trial is handed out; return what it needs and where it must not run, as `placement` reads it."""
        self._trials[tune_id] = trial
        self._open[tune_id] = HandedOut(demand=trial.resources, closed=closed)
        asked = {"amounts": trial.resources.amounts, "labels": trial.resources.labels}
        return json.dumps({**asked, "nodes_left_out": sorted({*self._nodes.not_worked_on, *closed})})

    def room(self) -> Room:
        """Return where the next trial may go."""
        return self._reservations.room(self.view.nodes, self._open)

    def unplaced(self) -> list[str]:
        """Return the trials handed to Tune that no node of today can hold."""
        running = self._session.frontier.running
        return [trial_id for trial_id, trial in running.items() if not self.view.fits(trial.resources)]

    @property
    def idle(self) -> bool:
        """Whether no trial has a process now."""
        return not any(each.starts for each in self._open.values())

    def on_step_end(self, iteration: int, trials: list, **info: Any) -> None:
        """Pass on what is wished; notice when nothing is left to run on, for Tune would wait for ever.

        Raises: HaltError.
        """
        self._tell()
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            for said in self._nodes.look():
                self._session.listen(Event(kind="note", text=said))
            self.view = self._nodes.view()
            if self._nodes.all_gone:
                raise HaltError("Ray's own processes are gone; what is finished is kept, run again to go on")
            if self.idle and self._nodes.left_out:
                frontier = self._session.frontier
                open_trials = (*frontier.running.values(), *frontier.waiting.values())
                if missed := self._nodes.missed_by([trial.resources for trial in open_trials]):
                    self._session.halt(missed)

    def on_trial_start(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        self._stands(trial.trial_id, starts=True)
        self._heard[trial.trial_id] = time.monotonic()
        self._session.begin(self._trials[trial.trial_id])

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        if RESULT not in result:
            return
        progress = Progress(**json.loads(result[RESULT]))
        planned, node = self._trials[trial.trial_id], result[NODE]
        self._places[trial.trial_id] = node
        self._heard[trial.trial_id] = time.monotonic()
        self._stands(trial.trial_id, starts=True, node_id=node)
        if progress.state != "running":
            self._open.pop(trial.trial_id, None)
            self._heard.pop(trial.trial_id, None)
        if progress.state == "running":
            self._session.on_progress(planned, progress)
        elif progress.state == "stopped" and self._had_to_move(planned, node):
            self._session.hand_back(planned, progress)
        elif progress.state == "halted" and self._nodes.others(node):
            if said := self._nodes.leave_out(node, progress.note):
                self._session.listen(Event(kind="note", text=said))
                self.view = self._nodes.view()
            self._session.hand_back(planned, progress)
        else:
            self._session.on_progress(planned, progress)

    def _had_to_move(self, trial: PlannedTrial, node: str) -> bool:
        """Say whether a trial was stopped because of its node alone, and goes on elsewhere."""
        stop = self._session.stop
        return node in self._nodes.not_worked_on and not stop() and trial.trial_id not in stop.trials

    def _stands(self, tune_id: str, **now: Any) -> None:
        if tune_id in self._open:
            self._open[tune_id] = replace(self._open[tune_id], **now)

    def _tell(self) -> None:
        """Tell the workers which trials, and those on which nodes, are to save and stop."""
        self._relay.tell(self._session.stop, self._nodes.not_worked_on)

    def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        """Forget what nobody asks for again: of thousands of trials, Tune's own statistics of each add up."""
        self._places.pop(trial.trial_id, None)
        self._heard.pop(trial.trial_id, None)
        trial.run_metadata.metric_analysis.clear()
        trial.run_metadata.metric_n_steps.clear()

    def on_trial_recover(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        """A process died and Tune starts another; where it was one too many, the row says so and the next one ends."""
        planned, death = self._trials[trial.trial_id], self._death(trial)
        self._stands(trial.trial_id, starts=False, node_id="")
        if self._session.survives(planned, death):
            text = f"its process died ({death.reason}); it goes on from its last checkpoint"
            self._session.listen(Event(kind="note", trial=planned, text=text))
        else:
            trial.max_failures = 0  # should it die again before it can tell, Tune gives it up

    def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        """Tune gave up, which it does when the process that a trial should have taken over had died."""
        self._open.pop(trial.trial_id, None)
        self._session.on_death(self._trials[trial.trial_id], self._death(trial))

    def _death(self, trial: Any) -> Death:
        error = _error_text(trial)
        self._nodes.bring_in_output(self._places.get(trial.trial_id, ""), self._session.ledger.storage)
        if self._nodes.is_gone(self._places.get(trial.trial_id, "")):
            return Death(reason="its node is gone", fault="node")
        minutes = self._trials[trial.trial_id].hang_minutes
        if minutes and time.monotonic() - self._heard.get(trial.trial_id, float("inf")) >= 60 * minutes:
            return Death(reason=f"it made no step for {minutes:g} min; where it hung stands in its stderr")
        return Death(reason=death_reason(error), fault="storage" if is_storage_trouble(error) else "trial")


class DrainStopper(NotPickled, tune.Stopper):
    """Ends Tune's loop once a stop was asked for and no trial has a process any more; those in line never start."""

    def __init__(self, session: Session, hearing: TuneCallback) -> None:
        self._session = session
        self._hearing = hearing

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._session.stop() and self._hearing.idle


class SilentReporter(tune.ProgressReporter):
    """Prints nothing: the listener does."""

    def should_report(self, trials: list, done: bool = False) -> bool:
        return False

    def report(self, trials: list, done: bool, *sys_info: Any) -> None: ...


def _error_text(trial: Any) -> str:
    """Return what Tune wrote of a trial's last failure: a public file, in the driver's own folder."""
    with contextlib.suppress(OSError, TypeError):
        return Path(trial.error_file).read_text().rpartition("Failure #")[2]
    return "unknown"
