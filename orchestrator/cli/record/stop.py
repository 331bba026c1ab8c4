"""The command that asks runs, wherever they are at work, to stop some trials or everything."""

import time
from collections.abc import Sequence

import click

from orchestrator.cli.options import open_ledger, storage_option
from orchestrator.cli.output import say
from orchestrator.ledger import Ledger, TrialState
from orchestrator.running.stop import ask_to_stop, is_asked
from orchestrator.words import shown_line
from trainables.record.beats import Beat
from trainables.record.claims import STALE_SECONDS, Process

LOOK_SECONDS = 1.0
"""Between two looks whether it is so."""


@click.command()
@click.argument("trials", metavar="TRIAL...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="End every run that is at work on the storage, like Ctrl-C.")
@click.option("--no-wait", is_flag=True, help="Ask, and do not wait until it is so.")
@storage_option
def stop(trials: tuple[str, ...], everything: bool, no_wait: bool, storage: str) -> int:
    """Stop TRIAL (an id, or its beginning), or all, of runs in other terminals and on other machines.

    A stopped trial saves where it is. The run that had it goes on with others, and does not start it again; the next
    `run` goes on with it.
    """
    if everything == bool(trials):
        raise click.UsageError("name one TRIAL or several, or --all")
    ledger = open_ledger(storage, to_read=True)
    asking = _Everything(ledger) if everything else _Trials(ledger, trials)
    asking.ask()
    while not no_wait and asking.open():
        time.sleep(LOOK_SECONDS)
    return 1 if asking.unheard else 0


class _Everything:
    """All runs on a storage."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._open = ledger.drivers()
        self.unheard = False
        """Whether something is left that did not hear."""

    def ask(self) -> None:
        if not self._open:
            say(f"no run is at work on {self._ledger.storage.uri}")
        for driver, beat in self._open.items():
            ask_to_stop(self._ledger.storage, driver, None, by=_me())
            count = len(beat.trials)
            saving = f": {count} trial{'s' if count != 1 else ''} at work, which save where they are" if count else ""
            say(shown_line(f"asked {_run(beat)} to end{saving}"))

    def open(self) -> bool:
        """Say which runs have ended; return whether some have not."""
        there = self._ledger.drivers()
        for driver, beat in list(self._open.items()):
            if driver not in there:
                say(shown_line(f"{_run(beat)} has ended"))
                del self._open[driver]
            elif self._ledger.silent_seconds(driver) >= STALE_SECONDS:
                say(shown_line(f"{_run(beat)} does not answer; its trials are free for the next run"))
                self.unheard = True
                del self._open[driver]
        return bool(self._open)


class _Trials:
    """Some trials, of whichever runs have them."""

    def __init__(self, ledger: Ledger, named: Sequence[str]) -> None:
        """Raises: LedgerError, before anything is asked."""
        self._ledger = ledger
        self._specs = {trial_id: ledger.spec(trial_id) for trial_id in dict.fromkeys(map(ledger.find, named))}
        self._asked: list[str] = []
        self._of: dict[str, str] = {}
        """Trial -> the driver that has it."""
        self.unheard = False
        """Whether something is left that did not hear."""

    def ask(self) -> None:
        states = self._ledger.states(self._specs.values())
        running = {trial_id: states[trial_id] for trial_id in self._specs if states[trial_id].state == "running"}
        for trial_id in self._specs.keys() - running.keys():
            say(shown_line(f"{trial_id}: {_not_at_work(states[trial_id])}"))
        deaf = [trial_id for trial_id, state in running.items() if state.work is None or state.work.beat is None]
        for trial_id in deaf:
            say(shown_line(f"{trial_id}: its run does not listen, or is gone; {running[trial_id].reason}"))
            self.unheard = True
        self._specs = {trial_id: self._specs[trial_id] for trial_id in running if trial_id not in deaf}
        self._of = {trial_id: work.driver for trial_id in self._specs if (work := running[trial_id].work) is not None}
        if not self._specs:
            return
        for driver in self._ledger.drivers():  # all of them: another one would take up what this one leaves
            ask_to_stop(self._ledger.storage, driver, self._specs, by=_me())
            self._asked.append(driver)
        for trial_id in self._specs:
            say(shown_line(f"asked to stop {trial_id}: {running[trial_id].reason}"))

    def open(self) -> bool:
        """Say which trials have stopped; return whether some have not, or some run has not heard."""
        states = self._ledger.states(self._specs.values())
        there, storage = self._ledger.drivers(), self._ledger.storage
        self._asked = [driver for driver in self._asked if driver in there and is_asked(storage, driver)]
        silent = [driver for driver in self._asked if self._ledger.silent_seconds(driver) >= STALE_SECONDS]
        for trial_id in [trial_id for trial_id in self._specs if states[trial_id].state != "running"]:
            state, driver = states[trial_id], self._of[trial_id]
            if state.row is not None or driver not in self._asked:
                say(shown_line(f"{trial_id}: {_stopped(state)}"))
            elif driver in silent:
                say(shown_line(f"{trial_id}: its run does not answer; it is free for the next one ({state.reason})"))
                self.unheard = True
            else:
                continue  # its run is yet to hear that it must not start it again
            del self._specs[trial_id]
        self._asked = [driver for driver in self._asked if driver not in silent]
        return bool(self._specs or self._asked)


def _not_at_work(state: TrialState) -> str:
    """Return why there is nothing to stop."""
    if state.row is not None:
        return "it is done" if state.state == "done" else f"it has failed: {state.reason}"
    return f"no run is at work on it ({state.reason})"


def _stopped(state: TrialState) -> str:
    """Return what became of a trial that was asked to stop."""
    if state.row is not None:
        return f"it {'is done' if state.state == 'done' else 'has failed'}: it came to its end before it heard"
    return f"stopped ({state.reason}); the next run goes on with it"


def _run(beat: Beat) -> str:
    experiment = f" of {beat.experiment}" if beat.experiment else ""
    return f"the run{experiment} in {beat.process}"


def _me() -> str:
    return str(Process.current())
