"""Run a plan. Resume is "run again"; nothing here remembers, the ledger does."""

from collections.abc import Mapping, Sequence

from orchestrator.errors import HaltError
from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.frontier import open_frontier
from orchestrator.running.retries import Retries
from orchestrator.running.session import Event, Listener, Runner, Session, Stop
from trainables.catalog import Trainable
from trainables.errors import StorageError
from trainables.record import provenance

WAIT_SECONDS = 1.0
"""Between two looks at the ledger, while other drivers are at work."""


def run(
    trials: Sequence[PlannedTrial],
    *,
    ledger: Ledger,
    catalog: Mapping[str, Trainable],
    runner: Runner,
    experiment: str = "",
    listen: Listener = lambda event: None,
    stop: Stop | None = None,
) -> dict[str, TrialState]:
    """Bring every trial of a plan as far as it will go and return the states they are in then.

    Finished trials are not run again, failed ones neither; interrupted ones go on from their last checkpoint. Trials
    that another driver works on are waited for. `experiment` is its name, which rows remember.

    Raises: HaltError when this machine cannot go on: a full disk, a storage that does not answer, code that was edited
    meanwhile.
    """
    stop = stop or Stop(ledger.storage)
    specs = [trial.spec for trial in trials]
    code = provenance.code_digest()
    waiting_said = False
    retries = Retries(worked=lambda trial: ledger.seconds_worked(trial.spec))
    try:
        while not stop():
            frontier = open_frontier(trials, ledger, ledger.states(specs))
            if frontier.exhausted:
                break
            if frontier.can_start:
                session = Session(
                    ledger=ledger,
                    catalog=catalog,
                    listen=listen,
                    stop=stop,
                    driver=stop.driver,
                    frontier=frontier,
                    code=code,
                    experiment=experiment,
                    ship_code=runner.ship_code,
                    retries=retries,
                )
                runner.drain(session)
                if session.halted:
                    raise HaltError(f"{session.halted}; finished trials are kept, run again to go on")
                if not session.settled:
                    stop.wait(WAIT_SECONDS)  # nothing came of it: whatever the reason, do not spin
                continue
            if not waiting_said:
                waiting_said = True
                listen(Event(kind="waiting", text=f"{len(frontier.elsewhere)} trial(s) are at work in another process"))
            stop.wait(WAIT_SECONDS)
    except StorageError as error:
        raise HaltError(f"{error}; finished trials are kept, run again to go on") from error
    finally:
        runner.close()
        stop.clear()
    try:
        return ledger.states(specs)
    except StorageError as error:
        raise HaltError(f"{error}; finished trials are kept, run again to go on") from error
