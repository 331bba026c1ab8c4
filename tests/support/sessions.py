"""A run's session, of which a test plays the runner."""

from collections.abc import Callable, Sequence
from pathlib import Path

from fakes import CATALOG

from orchestrator.ledger import Ledger
from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.frontier import Frontier
from orchestrator.running.retries import Retries
from orchestrator.running.session import Event, Session
from orchestrator.running.stop import Stop
from trainables.record.storage import open_storage


def open_session(
    storage: Path, trials: Sequence[PlannedTrial], listen: Callable[[Event], None] = lambda event: None
) -> Session:
    """Return the session of trials that can all start."""
    ledger = Ledger(open_storage(storage))
    stop = Stop(ledger.storage)
    return Session(
        ledger=ledger,
        catalog=CATALOG,
        listen=listen,
        stop=stop,
        driver=stop.driver,
        frontier=Frontier(ledger=ledger, waiting={trial.trial_id: trial for trial in trials}),
        retries=Retries(worked=lambda trial: ledger.seconds_worked(trial.spec)),
        code="",
    )
