"""Trials on Ray Tune, on this machine or on a running cluster. The only file of the orchestrator that imports Ray.

Ray places, retries and scales; it remembers nothing that matters. Each `drain` is a fresh Tuner over the trials that
the ledger does not have yet. `Tuner.restore` is not used: it cannot grow a grid, and a truncated state file silently
starts an empty experiment.
"""

import contextlib
import importlib
import json
import logging
import os
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Before Ray is imported: what it reads from the environment once.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # the stop flag stops the trials, and they save
os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "86400"  # nobody will ever read Tune's own state
os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # the other one prints boxes even when told to be silent

import ray
from ray import tune
from ray._private import worker as ray_worker
from ray.exceptions import GetTimeoutError, RayError
from ray.tune.error import TuneError
from ray.tune.search import Searcher
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from orchestrator.errors import HaltError, RunError
from orchestrator.planning.plan import PlannedTrial, Resources
from orchestrator.running.ray_tune.cluster import ClusterView, death_reason
from orchestrator.running.ray_tune.processes import RayProcesses, own_handlers
from orchestrator.running.session import Event, Session
from trainables.errors import SharptuneError
from trainables.execution.job import Progress
from trainables.ray_trainable import RESULT, TrialDispatcher, placement
from trainables.record import provenance
from trainables.record.storage import Storage, here_path, open_storage

LOOK_SECONDS = 5.0
NODE_SECONDS = 180.0
UNPLACED_AT_ONCE = 8
"""Trials that no node can hold now and that Tune may still have in line, so that a cluster can grow for them."""


class RayRunner:
    """Runs trials on Ray Tune. Without an address it starts Ray on this machine, and stops it again at the end."""

    def __init__(self, *, address: str | None = None, data: Mapping[str, Any] | None = None) -> None:
        self._address = address
        self._data = dict(data or {})
        self._refs: dict[str, Any] = {}
        self._processes = RayProcesses()
        self._started = False
        self._warned = False
        self._here: tuple[Storage, str] | None = None
        self.ship_code = address is not None

    def drain(self, session: Session) -> None:
        """Run until no trial is running and none can be started. Raises: RunError, HaltError."""
        self._connect(session)
        view = _view()
        demands = [trial.resources for trial in session.frontier.waiting.values()]
        if (missing := view.missing(demands)) and not self._warned:
            if self._address is None:
                raise RunError(missing)
            self._warned = True
            session.listen(Event(kind="note", text=f"{missing}; waiting for the cluster to grow"))
        # How many trials may wait for a place: enough that a cluster which can grow sees that it should.
        least = 2 if self._address is None else 16
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(max(least, view.slots(demands) // 4))
        with tempfile.TemporaryDirectory(prefix="sharptune-tune-") as scratch:
            self._fit(session, scratch)

    def close(self) -> None:
        """Leave the cluster, or stop the Ray that this runner started."""
        if self._started:
            self._refs.clear()
            self._processes.end(ray.shutdown)
            _print_deaths(True)
            self._started = False
        if self._here is not None:
            storage, path = self._here
            with contextlib.suppress(OSError):
                storage.delete(path)

    def _connect(self, session: Session) -> None:
        if self._started:
            return
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
        if self._address is None:
            # "local" also where RAY_ADDRESS is set: a cluster is joined only when asked for.
            options.update(address="local", include_dashboard=False, object_store_memory=256 * 2**20)
            options.update(num_cpus=provenance.cpu_count())
        else:
            _knock(self._address)
            options.update(address=self._address, runtime_env=_code_environment())
        with _quiet(), own_handlers(), self._processes.starting():
            try:
                ray.init(**options)
                _print_deaths(False)
            except ConnectionError as error:
                raise RunError(f"no Ray cluster answers at {self._address!r}: {error}") from error
            except Exception as error:  # Ray raises bare Exceptions when its processes do not come up
                if self._address is not None:
                    raise RunError(f"Ray cannot join the cluster at {self._address!r}: {error}") from error
                raise HaltError(f"Ray could not start here: {error}") from error
        self._started = True
        if self._address is None:
            return
        storage = session.ledger.storage
        self._here = (storage, here_path(session.driver))
        storage.write(self._here[1], b"", durable=False)
        _check_nodes(storage, self._here[1])
        self._refs = {identity: ray.put(packed) for identity, packed in self._data.items()}

    def _fit(self, session: Session, scratch: str) -> None:
        hearing = Hearing(session)
        open_trials = (*session.frontier.waiting.values(), *session.frontier.elsewhere.values())
        retries = max(trial.max_failures for trial in open_trials)
        dispatcher = tune.with_parameters(TrialDispatcher, data=self._refs) if self._refs else TrialDispatcher
        tuner = tune.Tuner(
            tune.with_resources(dispatcher, placement),
            tune_config=tune.TuneConfig(
                search_alg=ReadyTrials(session, hearing),
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=_trial_id,
                trial_dirname_creator=_trial_id,
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=scratch,
                verbose=0,
                stop=Asked(session, hearing),
                callbacks=[hearing],
                failure_config=tune.FailureConfig(max_failures=retries),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                progress_reporter=SilentReporter(),
            ),
        )
        with _quiet():
            try:
                tuner.fit()
            except TuneError as error:  # what our own callbacks raise comes wrapped
                ours = error.__cause__ or error.__context__
                if isinstance(ours, SharptuneError):
                    raise ours from error
                raise HaltError(f"Ray Tune gave up: {death_reason(str(error))}") from error


class Unsaved:
    """Tune pickles and copies what it is given, to restore it some day; this has no life outside this process."""

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "Unsaved":
        return self


class ReadyTrials(Unsaved, Searcher):
    """Hands Tune whatever trial can start now; `FINISHED` when none can and none is running."""

    def __init__(self, session: Session, hearing: "Hearing") -> None:
        super().__init__(metric=None, mode=None)
        self._session = session
        self._hearing = hearing

    def suggest(self, trial_id: str) -> Any:
        trial = self._session.next(self._fits)
        if trial is None and len(self._hearing.unplaced()) < UNPLACED_AT_ONCE:
            trial = self._session.next()
        if trial is not None:
            self._hearing.expect(trial_id, trial)
            return {"job": self._session.job(trial).to_json(), "resources": _text(trial.resources)}
        return None if self._session.frontier.running else Searcher.FINISHED

    def _fits(self, trial: PlannedTrial) -> bool:
        return self._hearing.view.fits(trial.resources)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Everything is heard by `Hearing`, which also sees why a trial died."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger knows."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the ledger knows."""


class Hearing(Unsaved, tune.Callback):
    """Tells the session what Tune hears of its trials."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._trials: dict[str, PlannedTrial] = {}
        self._at_work: set[str] = set()
        self._looked = time.monotonic()
        self.view = _view()

    def expect(self, tune_id: str, trial: PlannedTrial) -> None:
        self._trials[tune_id] = trial

    def unplaced(self) -> list[str]:
        """Return the trials handed to Tune that no node of today can hold."""
        running = self._session.frontier.running
        return [trial_id for trial_id, trial in running.items() if not self.view.fits(trial.resources)]

    @property
    def idle(self) -> bool:
        """Whether no trial has a process now."""
        return not self._at_work

    def on_step_end(self, iteration: int, trials: list, **info: Any) -> None:
        """Notice when nothing is left to run on: Tune itself would wait for ever. Raises: HaltError."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self.view = _view()
            if not self.view.nodes:
                raise HaltError("Ray's own processes are gone; what is finished is kept, run again to go on")

    def on_trial_start(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        self._at_work.add(trial.trial_id)
        self._session.begin(self._trials[trial.trial_id])

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        if RESULT not in result:
            return
        progress = Progress(**json.loads(result[RESULT]))
        if progress.state != "running":
            self._at_work.discard(trial.trial_id)
        self._session.hear(self._trials[trial.trial_id], progress)

    def on_trial_recover(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        """A process died and Tune starts another; where it was one too many, the row says so and the next one ends."""
        self._at_work.discard(trial.trial_id)
        planned = self._trials[trial.trial_id]
        if trial.num_failures > planned.max_failures:
            self._session.record_failure(planned, _last_words(trial))
            return
        text = f"its process died ({death_reason(_error_text(trial))}); it goes on from its last checkpoint"
        self._session.listen(Event(kind="note", trial=planned, text=text))

    def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        """Tune gave up: for good when it counts too many deaths, else (an idle process had died) once more."""
        self._at_work.discard(trial.trial_id)
        planned = self._trials[trial.trial_id]
        self._session.bury(planned, _last_words(trial), for_good=trial.num_failures > planned.max_failures)


class Asked(Unsaved, tune.Stopper):
    """Ends Tune's loop once a stop was asked for and no trial has a process any more; those in line never start."""

    def __init__(self, session: Session, hearing: Hearing) -> None:
        self._session = session
        self._hearing = hearing

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._session.stop() and self._hearing.idle


class SilentReporter(tune.ProgressReporter):
    """Prints nothing: the listener does."""

    def should_report(self, trials: list, done: bool = False) -> bool:
        return False

    def report(self, trials: list, done: bool, *sys_info: Any) -> None: ...


def _error_text(trial: Any) -> str:
    """Return what Tune wrote of a trial's last failure: a public file, in the driver's own folder."""
    with contextlib.suppress(OSError, TypeError):
        return Path(trial.error_file).read_text().rpartition("Failure #")[2]
    return "unknown"


def _knock(address: str) -> None:
    """Make sure that something answers there: Ray itself tries for minutes. Raises: RunError."""
    if address.startswith("ray://"):
        raise RunError(f"{address!r} is a Ray Client address; run on a machine of the cluster with host:port, or auto")
    host, colon, port = address.rpartition(":")
    if not colon:
        return  # `auto`, or a name that Ray resolves
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as error:
        raise RunError(f"no Ray cluster answers at {address!r}: {error}") from error


def _last_words(trial: Any) -> str:
    times = "once" if trial.num_failures == 1 else f"{trial.num_failures} times"
    return f"its process died {times}, the last time: {death_reason(_error_text(trial))}"


def _view() -> ClusterView:
    return ClusterView(nodes=tuple(node["Resources"] for node in _alive_nodes()))


def _alive_nodes() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _code_environment() -> dict[str, Any]:
    """Return the runtime environment that brings this code, as it stands here, to every node."""
    packages = ("trainables", "orchestrator", "experiments")
    paths = [str(Path(str(importlib.import_module(name).__file__)).parent) for name in packages]
    return {"py_modules": paths, "excludes": ["__pycache__", "*.pyc"]}


def _check_nodes(storage: Storage, path: str) -> None:
    """Ask every node whether it sees a file of the storage and runs this code. Raises: RunError, naming the nodes."""
    asked = {
        f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})": _look.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False), num_cpus=0
        ).remote(storage.uri, path, provenance.code_digest())
        for node in _alive_nodes()
    }
    problems = [f"node {name}: {problem}" for name, ref in asked.items() if (problem := _answer(ref))]
    if problems:
        raise RunError("; ".join(problems))


def _answer(ref: Any) -> str:
    try:
        return ray.get(ref, timeout=NODE_SECONDS)
    except GetTimeoutError:
        return f"it does not answer within {NODE_SECONDS:g} seconds"
    except RayError as error:
        return f"it cannot run this code: {death_reason(str(error))}"


@ray.remote(max_retries=2)
def _look(uri: str, path: str, digest: str) -> str:
    """Return what is wrong on this node, in a sentence; empty when nothing is."""
    if provenance.code_digest() != digest:
        return "it runs other code than this driver"
    if not open_storage(uri).exists(path):
        return f"it does not see the storage {uri}; use a folder that all nodes share, or s3://bucket/path"
    return ""


def _text(resources: Resources) -> str:
    return json.dumps({"cpus": resources.cpus, "gpus": resources.gpus})


def _trial_id(trial: Any) -> str:
    return json.loads(trial.config["job"])["spec"]["trainable"] + "-" + trial.trial_id


def _print_deaths(wanted: bool) -> None:
    """Let Ray print to stdout that a worker died, or not: it does whatever it is told, amid a line of ours or of JSON.

    The listener hears of each death anyway. No public setting reaches this one of Ray's.
    """
    ray_worker._worker_logs_enabled = wanted


@contextlib.contextmanager
def _quiet():
    """Keep Ray's own chatter off the terminal; what matters of it reaches the listener."""
    levels = {name: logging.getLogger(name).level for name in ("ray", "ray.tune", "ray.train", "ray._private")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
