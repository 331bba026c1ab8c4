"""One driver's run over a plan, as both runners share it: jobs out, progress and deaths in, events for people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from orchestrator.ledger import Ledger
from orchestrator.planning.plan import PlannedTrial, Resources
from orchestrator.running.frontier import Frontier
from orchestrator.running.retries import Death, Retries
from orchestrator.running.stop import Stop
from trainables.execution.attempt import record_failure
from trainables.execution.job import Job, Progress
from trainables.record import provenance
from trainables.record.claims import Process
from trainables.record.storage import trouble
from trainables.trainable import Trainable


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something worth telling a person while a plan runs."""

    kind: Literal["started", "progress", "finished", "released", "note", "waiting"]
    trial: PlannedTrial | None = None
    progress: Progress | None = None
    text: str = ""


Listener = Callable[[Event], None]


class Allowance(Protocol):
    """Which trials a run may start, where not all fit into what it may take."""

    def apply(self, frontier: Frontier, *, anew: bool = False) -> None:
        """Hold back in the frontier what does not fit."""

    def too_late(self, trial: PlannedTrial) -> bool:
        """Say whether a trial must not start any more."""
        ...


@dataclass(kw_only=True)
class Session:
    """One driver's run over a plan: turns planned trials into jobs, and what runners hear into frontier and events."""

    ledger: Ledger
    catalog: Mapping[str, Trainable]
    listen: Listener
    stop: Stop
    driver: str
    frontier: Frontier
    retries: Retries
    code: str
    """The digest of the code that the run began with."""
    experiment: str = ""
    """Its name, for people."""
    ship_code: bool = False
    adopt: bool = True
    """Trials take over the rows of others that are alike and done."""
    limits: Allowance | None = None
    halted: str = ""
    settled: int = 0
    """How many trials got their row."""
    process: Process = field(default_factory=Process.current)
    _begun: set[str] = field(default_factory=set, init=False)
    """Trials that were said to start."""

    def job(self, trial: PlannedTrial) -> Job:
        return Job(
            spec=trial.spec,
            trainable=self.catalog[trial.spec.trainable],
            storage=self.ledger.storage.uri,
            driver=self.driver,
            driver_process=self.process,
            threads=max(1, int(trial.resources.cpus)),
            gpus=trial.resources.gpus,
            asked_by={"experiment": self.experiment, "stage": trial.stage, "label": trial.label},
            commit=provenance.commit(),
            code=self.code,
            elsewhere=self.ship_code,
            stale=self.ledger.stale_claim(trial.trial_id),
            checkpoint_minutes=trial.checkpoint_minutes,
            keep_checkpoints=trial.keep_checkpoints,
            time_limit=trial.time_limit,
            hang_minutes=trial.hang_minutes,
            adopt=self.adopt and not trial.keep_checkpoints,
        )

    def next(self, fits: Callable[[Resources], bool] = lambda shape: True) -> PlannedTrial | None:
        """Return the next trial to start, if any that fits can and nobody asked to stop."""
        self._leave()
        trial = None if self.stop() else self._next(fits)
        while self.frontier.finished_elsewhere:
            other = self.frontier.finished_elsewhere.pop()
            row = self.ledger.row(other.trial_id)
            if row is not None:
                self.listen(Event(kind="finished", trial=other, progress=Progress.of_row(row)))
        return trial

    def _next(self, fits: Callable[[Resources], bool]) -> PlannedTrial | None:
        """Return the next that can start, and that is not expected to exceed what the run may take."""
        if self.limits is not None:
            self.limits.apply(self.frontier)
        trial = self.frontier.next(fits)
        while self.limits is not None and trial is not None and self.limits.too_late(trial):
            self.frontier.hold([trial.trial_id])
            trial = self.frontier.next(fits)
        return trial

    def begin(self, trial: PlannedTrial) -> None:
        """Say that a trial has its place now; nothing of one that is only there to hear that it should stop."""
        if not self.stop():
            self._begun.add(trial.trial_id)
            self.listen(Event(kind="started", trial=trial))

    def on_progress(self, trial: PlannedTrial, progress: Progress) -> None:
        """Act on what a trial reports."""
        if progress.state in ("done", "failed"):
            self.settle(trial, progress)
        elif progress.state == "running":
            self.listen(Event(kind="progress", trial=trial, progress=progress))
        else:
            self._let_go(trial, progress)
        self._leave()

    def settle(self, trial: PlannedTrial, progress: Progress) -> None:
        """Note that a trial has its row."""
        self.settled += 1
        blocked = self.frontier.settle(trial.trial_id)
        self.listen(Event(kind="finished", trial=trial, progress=progress))
        if blocked:
            text = f"{len(blocked)} trial(s) that need it are blocked"
            self.listen(Event(kind="note", trial=trial, text=text))

    def survives(self, trial: PlannedTrial, death: Death) -> bool:
        """Say whether a trial whose process died may start once more.

        If it died too often, its row says so now; if the storage failed too often, which is not the trial's fault, the
        run halts. The loss of a node is nobody's, and not counted.
        """
        if death.fault == "node":
            return True
        times = self.retries.note(trial, death)
        if times <= trial.max_failures:
            return True
        if death.fault == "storage":
            self.halt(death.reason)
        else:
            often = "once" if times == 1 else f"{times} times"
            self.record_failure(trial, f"its process died {often}, the last time: {death.reason}")
        return False

    def on_death(self, trial: PlannedTrial, death: Death) -> None:
        """A trial's process died, and only the frontier can start it again: let it, or take it as failed."""
        if self.survives(trial, death):
            self.frontier.put_back(trial.trial_id)
            text = f"its process died ({death.reason}); it starts once more"
            self.listen(Event(kind="note", trial=trial, text=text))
            return
        self.ledger.forget([trial.trial_id])
        row = self.ledger.row(trial.trial_id)
        if row is None:
            self._let_go(trial, Progress(trial_id=trial.trial_id, state="lost", note=death.reason))
        else:
            self.settle(trial, Progress.of_row(row))

    def record_failure(self, trial: PlannedTrial, reason: str) -> None:
        """Write a trial's failed row here; a disk that takes no more halts the run."""
        try:
            record_failure(self.job(trial), reason)
        except OSError as error:
            uri = self.ledger.storage.uri
            self.halt(trouble(error, uri) or f"{error.strerror or error} in {uri}")

    def _let_go(self, trial: PlannedTrial, progress: Progress) -> None:
        """A trial ended without a row: stopped, another driver's, or this machine cannot go on."""
        self.frontier.give_back(trial.trial_id)
        self.ledger.forget(trial.parents)
        if progress.state != "stopped" or progress.epoch or trial.trial_id in self._begun:
            self.listen(Event(kind="released", trial=trial, progress=progress))
        if progress.state == "halted":
            self.halt(progress.note)

    def _leave(self) -> None:
        """Start no more what someone asked to stop, nor what needs it; say so once."""
        if not self.stop.trials:
            return
        for trial in self.frontier.leave(self.stop.trials):
            asked = trial.trial_id in self.stop.trials
            text = "is left to the next run, as was asked" if asked else "needs one that is left to the next run"
            self.listen(Event(kind="note", trial=trial, text=text))

    def hand_back(self, trial: PlannedTrial, progress: Progress) -> None:
        """A trial came to a machine that cannot work: let it start once more, on another."""
        self.frontier.put_back(trial.trial_id)
        self.listen(Event(kind="released", trial=trial, progress=progress))

    def halt(self, reason: str) -> None:
        """Nobody can go on: let what runs save, and end the run."""
        self.halted = reason
        self.stop.request()


class Runner(Protocol):
    """Where trials run. `drain` returns when none is running and none can be started."""

    ship_code: bool

    def drain(self, session: Session) -> None: ...

    def close(self) -> None: ...
