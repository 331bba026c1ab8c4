"""A rehearsal, from its first driver to its proof."""

import contextlib
import shutil
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from os import environ
from pathlib import Path

from orchestrator.errors import HaltError, RunError
from orchestrator.ledger import Ledger
from orchestrator.running.local_runner import LocalRunner
from orchestrator.running.rehearsal.driver import WRONG, Errand
from orchestrator.running.rehearsal.drivers import Drivers
from orchestrator.running.rehearsal.faults import KINDS, Fault
from orchestrator.running.rehearsal.nodes import Nodes
from orchestrator.running.rehearsal.processes import Family
from orchestrator.running.rehearsal.proof import Proof, Witness, prove
from orchestrator.running.rehearsal.stand_ins import Cast
from orchestrator.running.rehearsal.strikes import Strikes
from orchestrator.running.run import run
from trainables.record.addresses import folder_of, under
from trainables.record.storage import Storage, open_storage
from trainables.trial import JSON, TrialRow

LOOK_SECONDS = 0.2
STILL_SECONDS = 300.0
"""After which a rehearsal in which nothing moves is given up."""
MOST_DEATHS = 3
"""How often a driver may end by itself without a fault that explains it."""
GRACE_SECONDS = 60.0
"""Within which the processes that drivers left have to end by themselves."""
ENDING = ("driver", "ray", "stop")
"""Kinds of faults by which a driver ends; until it has, there is no other."""
FOLDER = "rehearsals"
"""Of a storage, where rehearsals are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Struck:
    """A fault that happened."""

    kind: str
    share: float
    """Of all epochs, that were behind the trials then."""
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a rehearsal came to."""

    experiment: str
    seed: int
    storage: str
    trials: int
    drivers: int
    """How many were started."""
    seconds: float
    faults: tuple[Struck, ...]
    missed: int
    """Faults for which there was nothing to strike any more."""
    proof: Proof
    processes: tuple[str, ...]
    """Left over, by name."""
    segments: tuple[str, ...]
    """Of shared memory, left over."""
    folders: tuple[str, ...]
    """Temporary ones, left over."""

    @property
    def holds(self) -> bool:
        """Whether nothing is lost, nothing twice, nothing different, nothing left over."""
        return self.proof.holds and not (self.processes or self.segments or self.folders)

    def counts(self) -> dict[str, int]:
        """Return how many faults there were of each kind."""
        counts = Counter(fault.kind for fault in self.faults)
        return {kind: counts[kind] for kind in KINDS if counts[kind]}

    def to_json(self) -> dict[str, JSON]:
        return {**asdict(self), "holds": self.holds}


@dataclass(kw_only=True)
class Rehearsal:
    """Runs a cast under faults, and holds its rows against those of a run that nobody disturbed."""

    experiment: str
    cast: Cast
    faults: Sequence[Fault]
    tables: Callable[[Mapping[str, TrialRow]], str]
    """Makes the experiment's tables of rows."""
    seed: int = 0
    runner: str = "ray"
    """`ray` or `local`."""
    nodes: int = 0
    """Of a cluster to start on this machine; 0 for the driver's own Ray."""
    cpus: int = 1
    """Of each of those nodes."""
    address: str | None = None
    """Of a Ray cluster to join."""
    storage: str | None = None
    """In which the rehearsal has a folder of its own; a temporary one when None."""
    keep: bool = False
    """Do not remove that folder in the end."""
    say: Callable[[str], None] = lambda words: None
    _struck: list[Struck] = field(default_factory=list, init=False)

    def perform(self) -> Report:
        """Run it all. Whatever happens, no process of it is left, and its folders are gone.

        Raises: RunError, HaltError where no driver gets anywhere.
        """
        began = time.monotonic()
        name = f"{self.experiment}-{self.seed}-{uuid.uuid4().hex[:8]}"
        with self._scratch() as scratch, contextlib.ExitStack() as at_end:
            reference = self._undisturbed(scratch)
            uri = under(self.storage or str(scratch), f"{FOLDER}/{name}")
            if self.storage is not None and not self.keep:
                at_end.callback(remove, uri)
            witness = Witness(ledger=Ledger(open_storage(uri)))
            family = Family()
            at_end.callback(family.end)
            nodes = Nodes(self.nodes, self.cpus, scratch, family) if self.nodes else None
            if nodes is not None:
                at_end.callback(nodes.end)
            errand = Errand(
                trials=self.cast.trials,
                catalog=self.cast.catalog,
                storage=uri,
                experiment=f"rehearsal of {self.experiment}",
                runner=self.runner,
                address=nodes.address if nodes is not None else self.address,
            )
            drivers = Drivers(errand, scratch, family, nodes.environment if nodes is not None else {})
            at_end.callback(drivers.end)
            strikes = Strikes(self.seed, ledger=witness.ledger, drivers=drivers, family=family, nodes=nodes)
            at_end.callback(strikes.resume, all_of_them=True)
            missed = self._play(drivers, strikes, witness)
            self.say("all trials have their rows; are they those of the undisturbed run?")
            drivers.wait_for_rivals(GRACE_SECONDS)
            processes = family.left(GRACE_SECONDS, but=nodes.holds if nodes is not None else lambda process: False)
            if nodes is not None:
                nodes.end()
            return Report(
                experiment=self.experiment,
                seed=self.seed,
                storage=uri,
                trials=len(self.cast.trials),
                drivers=drivers.started,
                seconds=time.monotonic() - began,
                faults=tuple(self._struck),
                missed=missed,
                proof=prove(witness, reference, self.tables),
                processes=tuple(processes),
                segments=tuple(family.segments_left()),
                folders=tuple(drivers.folders_left()),
            )

    def _undisturbed(self, scratch: Path) -> dict[str, TrialRow]:
        """Return the rows of a run in this process, in which nothing goes wrong and nothing is waited for."""
        ledger = Ledger(open_storage(str(scratch / "undisturbed")))
        run(self.cast.trials, ledger=ledger, catalog=self.cast.undisturbed, runner=LocalRunner())
        rows = ledger.rows(trial.trial_id for trial in self.cast.trials)
        self.say(f"undisturbed, in this process: {len(rows)} of {len(self.cast.trials)} trials have their rows")
        return rows

    def _play(self, drivers: Drivers, strikes: Strikes, witness: Witness) -> int:
        """Run drivers until all is done, and let faults happen; return how many had nothing to strike."""
        coming, last, deaths = list(self.faults), "", 0
        share, moved = 0.0, time.monotonic()
        drivers.start()
        while True:
            time.sleep(LOOK_SECONDS)
            strikes.resume()
            begun = set(witness.ledger.ids())
            witness.look(begun)
            code = drivers.code()
            if code is not None:
                if self._finished(witness.ledger.storage):
                    return len(coming)
                deaths += not last
                if code == WRONG or deaths >= MOST_DEATHS:
                    raise (RunError if code == WRONG else HaltError)(
                        f"the driver ended by itself with exit code {code}: {drivers.last_words()}"
                    )
                self.say(f"the driver has ended with {code}; the same again: {self._so_far(witness)}")
                drivers.start()
                last, moved = "", time.monotonic()
                continue
            if (now := self._share(begun, witness)) != share:
                share, moved = now, time.monotonic()
            if time.monotonic() - moved > STILL_SECONDS:
                raise HaltError(f"nothing has moved for {STILL_SECONDS:g} s (seed {self.seed}): {drivers.last_words()}")
            if coming and share >= coming[0].at and last not in ENDING:
                open_trials = [t for t in self.cast.trials if t.trial_id in begun and t.trial_id not in witness.seen]
                if words := strikes.strike(coming[0].kind, open_trials):
                    last, moved = coming.pop(0).kind, time.monotonic()
                    self._struck.append(Struck(kind=last, share=share, words=words))
                    self.say(f"{share:4.0%}  {words}")

    def _finished(self, storage: Storage) -> bool:
        states = Ledger(storage).states(trial.spec for trial in self.cast.trials)
        return all(state.state in ("done", "failed", "blocked") for state in states.values())

    def _share(self, begun: set[str], witness: Witness) -> float:
        """Return which share of all epochs is behind the trials."""
        behind = 0
        for trial in self.cast.trials:
            epochs = self.cast.epochs[trial.trial_id]
            if trial.trial_id in witness.seen:
                behind += epochs
            elif trial.trial_id in begun:
                positions = witness.ledger.folder(trial.trial_id).checkpoints(trial.spec).positions()
                behind += min(epochs, positions[-1][0]) if positions else 0
        return behind / sum(self.cast.epochs.values())

    def _so_far(self, witness: Witness) -> str:
        return f"{len(witness.seen)} of {len(self.cast.trials)} trials are done"

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        """Yield a folder with a short path, for Ray's sockets."""
        folder = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=environ.get("RAY_TMPDIR")))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove(uri: str) -> None:
    """Delete all that there is in a rehearsal's folder."""
    if (folder := folder_of(uri)) is not None:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()  # unless there are others
        return
    _empty(open_storage(uri), "")


def _empty(storage: Storage, folder: str) -> None:
    for name in storage.names(folder):
        path = f"{folder}/{name}" if folder else name
        if storage.names(path):
            _empty(storage, path)
        else:
            storage.delete(path)
