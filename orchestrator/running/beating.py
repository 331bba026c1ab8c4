"""The driver's beat: a thread that tells the storage how the run goes, and hears there what others ask of it.

One file for all trials of the run (`trainables.record.beats`), and one look for requests: neither costs more where more
workers are at work.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from orchestrator.running.foresight import Foresight
from orchestrator.running.limits import Limits
from orchestrator.running.session import Event
from orchestrator.running.stop import Stop
from orchestrator.running.time_left import Pace
from trainables.execution.job import Progress
from trainables.record.beats import BEAT_SECONDS, DRIVERS, AtWork, Beat, beat_path, sweep
from trainables.record.claims import Process
from trainables.record.storage import Storage

LOOK_SECONDS = 2.0
"""Between two looks for requests."""
NEWS_SECONDS = 5.0
"""After which it is told that trials started or ended: sooner than with the next beat."""
TURN_SECONDS = 0.2
"""Within which a wish to stop that came by a signal is told."""


class Beating:
    """Tells and hears while its context is open; takes note of the run's events."""

    def __init__(
        self,
        storage: Storage,
        stop: Stop,
        pace: Pace,
        *,
        experiment: str = "",
        limits: Limits | None = None,
        foresight: Foresight | None = None,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._storage = storage
        self._path = beat_path(stop.driver)
        self._stop = stop
        self._pace = pace
        self._experiment = experiment
        self._limits = limits
        self._foresight = foresight
        self._clock = clock
        self._today = today
        self._since = today()
        self._trials: dict[str, AtWork] = {}
        self._count = 0
        self._told_stop = False
        self._news = False
        self._told_at = self._looked_at = clock()
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="sharptune-beat", daemon=True)

    def __enter__(self) -> "Beating":
        """Raises: OSError."""
        sweep(self._storage)
        self.tell(self._storage)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end.set()
        self._thread.join(timeout=5)
        with contextlib.suppress(OSError):
            self._storage.delete(self._path)
            for name in self._storage.names(DRIVERS):
                if name.startswith(f"{self._stop.driver}.stop-"):  # asked too late
                    self._storage.delete(f"{DRIVERS}/{name}")

    def on_event(self, event: Event) -> None:
        """Take note of where a trial is."""
        with self._lock:
            self._pace.on_event(event)
            if event.trial is None:
                return
            trial_id, progress = event.trial.trial_id, event.progress
            if event.kind == "started":
                epochs = self._pace.outline.epochs.get(trial_id)
                self._trials[trial_id] = AtWork(since=_text(self._today()), epochs=epochs)
                self._news = True
            elif event.kind == "progress" and progress is not None and trial_id in self._trials:
                self._trials[trial_id] = _at(progress, self._trials[trial_id])
            elif event.kind in ("finished", "released"):
                self._news = self._trials.pop(trial_id, None) is not None or self._news

    def tell(self, storage: Storage) -> None:
        """Move the file. Raises: OSError."""
        self._told_at, self._told_stop = self._clock(), self._stop()
        storage.write(self._path, self._beat().to_json().encode(), durable=False)

    def turn(self) -> None:
        """Do what is due. A storage that does not answer is not waited for: the next turn is soon."""
        now = self._clock()
        if self._limits is not None:
            self._limits.look(self._stop)
        if self._foresight is not None:
            with self._lock:
                told = {trial_id: self._pace.left(trial_id) for trial_id in self._trials}
            self._foresight.turn(told)
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            with contextlib.suppress(Exception):
                self._stop.look()
        due = NEWS_SECONDS if self._news else BEAT_SECONDS
        if now - self._told_at >= due or self._stop() != self._told_stop:
            with contextlib.suppress(Exception):  # a full disk is noticed where something is lost by it
                self.tell(self._storage.within(0))

    def _go_on(self) -> None:
        while not self._end.wait(TURN_SECONDS):
            self.turn()

    def _beat(self) -> Beat:
        with self._lock:
            self._count, self._news = self._count + 1, False
            rest = self._foresight.left() if self._foresight is not None else None
            trials = {name: replace(at_work, left=self._pace.left(name)) for name, at_work in self._trials.items()}
            return Beat(
                count=self._count,
                process=Process.current(),
                experiment=self._experiment,
                since=_text(self._since),
                now=_text(self._today()),
                left=self._pace.left_in_all() if rest is None else rest.median,
                between=None if rest is None else (rest.low, rest.high),
                stopping=self._stop(),
                trials=trials,
            )


def _at(progress: Progress, before: AtWork) -> AtWork:
    """Return where a trial is, of which that is what was last heard."""
    ended = bool(progress.metrics)
    return replace(
        before,
        node=progress.node,
        attempt=progress.attempt,
        epoch=progress.epoch,
        step=0 if ended else progress.step,
        steps=0 if ended else progress.steps,
        note=progress.note or before.note,
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
