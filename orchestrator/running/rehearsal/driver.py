"""A driver as a process of its own, which can be killed: `python -m orchestrator.running.rehearsal.driver`.

It reads what to run from stdin, whose other end its parent holds: when that is gone, it goes too.
"""

import os
import pickle
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.errors import HaltError, RunError
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.run import run
from orchestrator.running.session import Event, Runner
from orchestrator.running.stop import Stop
from trainables.execution.signals import STOP_SIGNALS
from trainables.record.storage import open_storage
from trainables.trainable import Trainable

DONE, UNFINISHED, WRONG, STOPPED = 0, 1, 2, 130


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What a driver is to do: as `sharptune run` would. Goes through a pipe between the two processes."""

    trials: tuple[PlannedTrial, ...]
    catalog: Mapping[str, Trainable]
    storage: str
    experiment: str
    runner: str
    """`ray` or `local`."""
    address: str | None = None


def main() -> int:
    """Run the errand on stdin; return `sharptune run`'s exit code."""
    errand: Errand = pickle.load(sys.stdin.buffer)  # from the process that started this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    ledger = Ledger(open_storage(errand.storage), _say)
    stop = Stop(ledger.storage)
    for number in (signal.SIGINT, *STOP_SIGNALS):
        signal.signal(number, lambda number, frame: stop.request())
    try:
        states = run(
            errand.trials,
            ledger=ledger,
            catalog=errand.catalog,
            runner=_runner(errand),
            experiment=errand.experiment,
            listen=_hear,
            stop=stop,
        )
    except (HaltError, RunError) as error:
        _say(f"error: {error}")
        return WRONG if isinstance(error, RunError) else UNFINISHED
    if stop():
        return STOPPED
    return DONE if all(state.state == "done" for state in states.values()) else UNFINISHED


def _runner(errand: Errand) -> Runner:
    if errand.runner == "local":
        from orchestrator.running.local_runner import LocalRunner

        return LocalRunner()
    from orchestrator.running.ray_tune.runner import RayRunner

    return RayRunner(address=errand.address)


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing comes: it returns when the other end is closed
    os.kill(os.getpid(), signal.SIGKILL)


def _hear(event: Event) -> None:
    progress = event.progress
    words = event.text or (f"{progress.state} {progress.note}" if progress is not None else "")
    _say(" ".join(filter(None, [event.kind, event.trial.trial_id if event.trial else "", words])))


def _say(text: str) -> None:
    os.write(1, f"{text}\n".encode(errors="backslashreplace"))  # its parent's file


if __name__ == "__main__":
    sys.exit(main())
