"""The index grows while a run goes on: now and then, and at its end. No trial waits for it, and nothing hangs on it."""

import threading
from collections.abc import Callable, Sequence

from orchestrator.errors import one_line
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.session import Event
from orchestrator.running.stop import Stop

AT_LEAST = 256
"""Trials that finish before the index grows for the first time; then as many as finished until then."""
END_SECONDS = 10.0
"""For how long the end of a run waits for what is being written."""


class Indexing:
    """Counts what finishes, and lets the index grow in a thread of its own; `say` hears at the end if that failed."""

    def __init__(self, ledger: Ledger, trials: Sequence[PlannedTrial], say: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._ids = [trial.trial_id for trial in trials]
        self._say = say
        self._finished = 0
        self._failure = ""
        self._thread: threading.Thread | None = None

    def on_event(self, event: Event) -> None:
        """Take note of a trial that finished."""
        if event.kind != "finished":
            return
        self._finished += 1
        doubled = self._finished >= AT_LEAST and self._finished.bit_count() == 1
        if doubled and not self._at_work():
            own = Ledger(self._ledger.storage)  # a ledger is one thread's
            self._thread = threading.Thread(
                target=self._grow, args=(own, self._ids), name="sharptune-index", daemon=True
            )
            self._thread.start()

    def end(self, done: Sequence[str], stop: Stop) -> None:
        """Let the index grow by those of these trials that it lacks, unless somebody wants the run to end."""
        if self._thread is not None:
            self._thread.join(END_SECONDS)
        if not stop() and not self._at_work():
            self._grow(self._ledger, done)
        if self._failure:
            self._say(f"the index was not written: {self._failure}; it only makes reading quicker")

    def _grow(self, ledger: Ledger, trial_ids: Sequence[str]) -> None:
        self._failure = ""
        try:
            ledger.index(trial_ids, least=ledger.many + 1)
        except Exception as error:  # whatever it is, the rows are there
            self._failure = one_line(error)

    def _at_work(self) -> bool:
        return self._thread is not None and self._thread.is_alive()
