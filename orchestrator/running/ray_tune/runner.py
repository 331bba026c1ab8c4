"""Trials on Ray Tune, on this machine or on a running cluster.

Ray places, retries and scales; it remembers nothing that matters. Each `drain` is a fresh Tuner over the trials that
the ledger does not have yet. `Tuner.restore` is not used: it cannot grow a grid, and a truncated state file silently
starts an empty experiment.
"""

import contextlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

# Before Ray is imported, here or by what is imported below: what it reads from the environment once.
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
from ray.air._internal import usage
from ray.tune.error import TuneError

from orchestrator.errors import HaltError, RunError
from orchestrator.running.gpus import on_the_cpu
from orchestrator.running.ray_tune.callbacks import DrainStopper, FrontierSearcher, SilentReporter, TuneCallback
from orchestrator.running.ray_tune.cluster import ClusterView, death_reason, in_line
from orchestrator.running.ray_tune.leftovers import RaySession, scratch, sweep
from orchestrator.running.ray_tune.nodes import Nodes, check_nodes, code_environment, knock
from orchestrator.running.ray_tune.processes import RayProcesses, check_temp_folder, on_loopback
from orchestrator.running.ray_tune.relay import Relay
from orchestrator.running.session import Event, Session
from trainables.errors import SharptuneError
from trainables.ray_trainable import TrialDispatcher, placement
from trainables.record import provenance
from trainables.record.storage import Storage, here_path


class RayRunner:
    """Runs trials on Ray Tune. Without an address it starts Ray on this machine, and stops it again at the end.

    Args:
        data: packed datasets by name, for nodes that do not have them.
        exclude: host names or addresses of nodes of the cluster that are left out.
    """

    def __init__(
        self, *, address: str | None = None, data: Mapping[str, Any] | None = None, exclude: Sequence[str] = ()
    ) -> None:
        self._address = address
        self._data = dict(data or {})
        self._refs: dict[str, Any] = {}
        self._processes = RayProcesses()
        self._nodes = Nodes(exclude)
        self._relay: Relay | None = None
        self._ray_session: RaySession | None = None
        self._started = False
        self._warned = False
        self._storage: Storage | None = None
        self._here: tuple[Storage, str] | None = None
        self.ship_code = address is not None

    def drain(self, session: Session) -> None:
        """Run until no trial is running and none can be started. Raises: RunError, HaltError."""
        self._storage = session.ledger.storage
        sweep(self._storage)
        self._connect(session)
        view = self._nodes.view()
        demands = [trial.resources for trial in session.frontier.waiting.values()]
        if (missing := view.missing(demands)) and not self._warned:
            if self._address is None:
                raise RunError(missing + _cpu_remedy(session, view))
            self._warned = True
            session.listen(Event(kind="note", text=f"{missing}; waiting for the cluster to grow"))
        line = in_line(view.slots(demands), may_grow=self._address is not None)
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(line)
        try:
            with scratch() as folder:
                self._fit(session, folder)
        except HaltError:  # something is wrong with Ray: what it wrote of that stays, until the next run
            self._ray_session = None
            raise
        self._nodes.wait_for_output()

    def close(self) -> None:
        """Leave the cluster, or stop the Ray that this runner started."""
        if self._started:
            self._refs.clear()
            self._relay = None
            self._processes.end(ray.shutdown)
            _print_deaths(True)
            self._started = False
            if self._ray_session is not None:
                self._ray_session.remove()
            if self._storage is not None:
                sweep(self._storage)  # once more: what the last of its processes left that were killed
        if self._here is not None:
            storage, path = self._here
            with contextlib.suppress(OSError):
                storage.delete(path)

    def _connect(self, session: Session) -> None:
        if self._started:
            return
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
        if self._address is None:
            check_temp_folder()
            self._ray_session = RaySession()
            # "local" also where RAY_ADDRESS is set: a cluster is joined only when asked for.
            options.update(address="local", include_dashboard=False, object_store_memory=256 * 2**20)
            options.update(num_cpus=provenance.cpu_count())
        else:
            knock(self._address)
            options.update(address=self._address, runtime_env=code_environment())
        with _quiet(), contextlib.nullcontext() if self._address else on_loopback():
            try:
                self._processes.start(lambda: ray.init(**options))
                _print_deaths(False)
            except ConnectionError as error:
                raise RunError(f"no Ray cluster answers at {self._address!r}: {error}") from error
            except Exception as error:  # Ray raises bare Exceptions when its processes do not come up
                if self._address is not None:
                    raise RunError(f"Ray cannot join the cluster at {self._address!r}: {error}") from error
                raise HaltError(f"Ray could not start here: {error}") from error
        self._started = True
        self._relay = Relay()
        if self._address is None:
            return
        storage = session.ledger.storage
        said = self._nodes.exclude()
        self._here = (storage, here_path(session.driver))
        storage.write(self._here[1], b"", durable=False)
        for sentence in [*said, *check_nodes(self._nodes, storage, self._here[1])]:
            session.listen(Event(kind="note", text=sentence))
        self._refs = {identity: ray.put(packed) for identity, packed in self._data.items()}

    def _fit(self, session: Session, scratch: str) -> None:
        assert self._relay is not None
        hearing = TuneCallback(session, self._nodes, self._relay)
        dispatcher = tune.with_parameters(TrialDispatcher, data=self._refs, wishes=self._relay.actor)
        tuner = tune.Tuner(
            tune.with_resources(dispatcher, placement),
            tune_config=tune.TuneConfig(
                search_alg=FrontierSearcher(session, hearing),
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=_trial_id,
                trial_dirname_creator=_trial_id,
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=scratch,
                verbose=0,
                stop=DrainStopper(session, hearing),
                callbacks=[hearing],
                # The session counts, by what trials got done in between, and gives those up that die too often.
                failure_config=tune.FailureConfig(max_failures=-1),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                progress_reporter=SilentReporter(),
            ),
        )
        with _quiet(), _not_counted():
            try:
                tuner.fit()
            except TuneError as error:  # what our own callbacks raise comes wrapped
                ours = error.__cause__ or error.__context__
                if isinstance(ours, SharptuneError):
                    raise ours from error
                raise HaltError(f"Ray Tune gave up: {death_reason(str(error))}") from error


def _cpu_remedy(session: Session, view: ClusterView) -> str:
    """Return how trials that ask for GPUs run where there are none; empty where there are some."""
    stages = [trial.stage for trial in session.frontier.waiting.values() if trial.resources.gpus]
    return f"; to run on the CPU: {on_the_cpu(stages)}" if stages and not view.has_gpus else ""


def _trial_id(trial: Any) -> str:
    return json.loads(trial.config["job"])["spec"]["trainable"] + "-" + trial.trial_id


def _print_deaths(wanted: bool) -> None:
    """Let Ray print to stdout that a worker died, or not: it does whatever it is told, amid a line of ours or of JSON.

    The listener hears of each death anyway. No public setting reaches this one of Ray's.
    """
    ray_worker._worker_logs_enabled = wanted


@contextlib.contextmanager
def _not_counted():
    """Keep Ray from counting callbacks for its usage statistics, which are off anyway.

    To tell which are its own it imports all of MLflow and W&B, where they are installed: seconds at each run's start.
    """
    counting, usage.tag_callbacks = usage.tag_callbacks, lambda callbacks: False
    try:
        yield
    finally:
        usage.tag_callbacks = counting


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
