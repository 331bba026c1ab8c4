"""Run a plan. Resume is "run again"; nothing here remembers, the ledger does."""

import time
from collections.abc import Callable, Mapping, Sequence

from orchestrator.errors import HaltError
from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.alike import likeness_in, named
from orchestrator.running.beating import Beating
from orchestrator.running.foresight import Foresight
from orchestrator.running.frontier import open_frontier
from orchestrator.running.indexing import Indexing
from orchestrator.running.limits import Limits
from orchestrator.running.retries import Retries
from orchestrator.running.session import Event, Listener, Runner, Session
from orchestrator.running.stop import Stop
from orchestrator.running.time_left import Outline, Pace
from trainables.errors import StorageError
from trainables.record import provenance
from trainables.trainable import Trainable

WAIT_SECONDS = 1.0
"""Between two looks at the ledger, while other drivers are at work; longer where a look takes long."""
SHARE = 0.05
"""Of the time, what those looks may take."""


def run(
    trials: Sequence[PlannedTrial],
    *,
    ledger: Ledger,
    catalog: Mapping[str, Trainable],
    runner: Runner,
    experiment: str = "",
    listen: Listener = lambda event: None,
    stop: Stop | None = None,
    adopt: bool = True,
    limits: Limits | None = None,
    foresight: Foresight | None = None,
) -> dict[str, TrialState]:
    """Bring every trial of a plan as far as it will go and return the states they are in then.

    Finished trials are not run again, failed ones neither; interrupted ones go on from their last checkpoint. Trials
    that another driver works on are waited for, unless `limits` leave nothing more to do. `experiment` is its name,
    which rows remember. Unless told not to `adopt`, a trial that is alike one that is done takes over its row.

    Raises: HaltError when this machine cannot go on: a full disk, a storage that does not answer, code that was edited
    meanwhile.
    """
    stop = stop or Stop(ledger.storage)
    code = provenance.code_digest()
    retries = Retries(worked=lambda trial: ledger.seconds_worked(trial.spec))
    try:
        states = ledger.states(trial.spec for trial in trials)
        pace = Pace(outline=Outline.of(trials, states, catalog))
        indexing = Indexing(ledger, trials, lambda text: listen(Event(kind="note", text=text)))
        beating = Beating(ledger.storage, stop, pace, experiment=experiment, limits=limits, foresight=foresight)
        with beating:

            def tell(event: Event) -> None:
                beating.on_event(event)
                if foresight is not None:
                    foresight.on_event(event)
                if limits is not None:
                    limits.on_event(event)
                    limits.look(stop)
                indexing.on_event(event)
                listen(event)

            likeness = likeness_in(ledger, catalog) if adopt else lambda trial: ""

            def open_session(states: dict[str, TrialState]) -> Session:
                frontier = open_frontier(trials, ledger, states, likeness)
                if limits is not None:
                    limits.apply(frontier, anew=True)
                return Session(
                    ledger=ledger,
                    catalog=catalog,
                    listen=tell,
                    stop=stop,
                    driver=stop.driver,
                    frontier=frontier,
                    code=code,
                    experiment=experiment,
                    ship_code=runner.ship_code,
                    adopt=adopt,
                    retries=retries,
                    limits=limits,
                )

            try:
                _go_on(trials, ledger, states, open_session, runner, listen, stop)
            finally:
                runner.close()
        states = ledger.states(trial.spec for trial in trials)
        indexing.end([trial_id for trial_id, state in states.items() if state.state == "done"], stop)
        return named(trials, states, ledger, catalog, adopt=adopt)
    except StorageError as error:
        raise HaltError(f"{error}; finished trials are kept, run again to go on") from error


def _go_on(
    trials: Sequence[PlannedTrial],
    ledger: Ledger,
    states: dict[str, TrialState],
    open_session: Callable[[dict[str, TrialState]], Session],
    runner: Runner,
    listen: Listener,
    stop: Stop,
) -> None:
    """Run one session after the other, until nothing is left that this run may do. Raises: HaltError, StorageError."""
    waiting_said = False
    pause = WAIT_SECONDS
    while not stop():
        session = open_session(states)
        frontier = session.frontier
        frontier.leave(stop.trials)
        if frontier.exhausted:
            break
        if frontier.can_start:
            runner.drain(session)
            if session.halted:
                raise HaltError(f"{session.halted}; finished trials are kept, run again to go on")
            if not session.settled:
                stop.wait(pause)  # nothing came of it: whatever the reason, do not spin
        else:
            if not waiting_said:
                waiting_said = True
                text = f"{len(frontier.elsewhere)} trial(s) are at work in another process"
                listen(Event(kind="waiting", text=text))
            stop.wait(pause)
        begun = time.monotonic()
        states = ledger.states(trial.spec for trial in trials)
        pause = max(WAIT_SECONDS, (time.monotonic() - begun) / SHARE)
    if stop.asked_by:
        listen(Event(kind="note", text=f"stopped, as {stop.asked_by} asked"))
