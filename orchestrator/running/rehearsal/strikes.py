"""How each fault comes about: whom it strikes, of those that are at work."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterable, Mapping

import psutil

from orchestrator.ledger import Ledger
from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.rehearsal.drivers import Drivers
from orchestrator.running.rehearsal.nodes import Nodes
from orchestrator.running.rehearsal.processes import Family
from trainables.record.claims import Process

PAUSE_SECONDS = 2.0
"""For which a process is stopped by SIGSTOP."""
OF_RAY = ("gcs_server", "raylet")


class Strikes:
    """Lets faults happen. Whom one strikes is drawn among those that are at work then."""

    def __init__(self, seed: int, *, ledger: Ledger, drivers: Drivers, family: Family, nodes: Nodes | None) -> None:
        self._chance = random.Random(f"victims {seed}")
        self._ledger = ledger
        self._drivers = drivers
        self._family = family
        self._nodes = nodes
        self._paused: list[tuple[float, Process]] = []

    def strike(self, kind: str, open_trials: Iterable[PlannedTrial]) -> str:
        """Let a fault of that kind happen, and return in words what did; empty where there is nothing to strike yet.

        Args:
            open_trials: those that have begun and have no row.
        """
        if kind in ("worker", "pause"):
            return self._strike_worker(kind, open_trials)
        return _STRIKES[kind](self)

    def resume(self, *, all_of_them: bool = False) -> None:
        """Let go on what was paused for long enough."""
        for until, process in list(self._paused):
            if all_of_them or time.monotonic() >= until:
                self._paused.remove((until, process))
                _send(process, signal.SIGCONT)

    def _strike_worker(self, kind: str, open_trials: Iterable[PlannedTrial]) -> str:
        trials = list(open_trials)
        self._chance.shuffle(trials)
        for trial in trials:
            claim = self._ledger.folder(trial.trial_id).claims.live()
            victim = claim.worker_process if claim is not None else None
            if victim is None or any(paused == victim for _, paused in self._paused):
                continue
            if kind == "worker" and _send(victim, signal.SIGKILL):
                return f"the process of {called(trial)} was killed"
            if kind == "pause" and _send(victim, signal.SIGSTOP):
                self._paused.append((time.monotonic() + PAUSE_SECONDS, victim))
                return f"the process of {called(trial)} was stopped for {PAUSE_SECONDS:g} s"
        return ""

    def _strike_driver(self) -> str:
        self.resume(all_of_them=True)  # what nobody would let go on
        self._drivers.kill()
        return "the driver was killed"

    def _strike_ray(self) -> str:
        found = [each for each in self._family.look_closely(self._drivers.pid) if _name(each) in OF_RAY]
        if not found:
            return ""
        victim = self._chance.choice(sorted(found, key=_name))
        name = _name(victim)
        self._family.kill([victim])
        return f"Ray's {name} was killed"

    def _strike_node(self) -> str:
        assert self._nodes is not None
        return self._nodes.replace_one(self._chance)

    def _ask_to_stop(self) -> str:
        number = self._chance.choice([signal.SIGTERM, signal.SIGINT])
        self._drivers.ask(number)
        return f"the driver was sent {number.name}"

    def _meet_rival(self) -> str:
        if self._drivers.kill_rival():
            return "the second driver was killed"
        self._drivers.start_rival()
        return "a second driver was started beside the first"


_STRIKES: Mapping[str, Callable[[Strikes], str]] = {
    "driver": Strikes._strike_driver,
    "ray": Strikes._strike_ray,
    "node": Strikes._strike_node,
    "stop": Strikes._ask_to_stop,
    "rival": Strikes._meet_rival,
}


def called(trial: PlannedTrial) -> str:
    return f"{trial.stage} {trial.label}"


def _send(process: Process, number: signal.Signals) -> bool:
    """Send a signal to a process that a claim names, if it is the same one still, and here; say whether it was."""
    if not process.alive():
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process.pid, number)
        return True
    return False


def _name(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return process.name()
    return ""
