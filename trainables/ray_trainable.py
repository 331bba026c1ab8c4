"""Trials as Ray Tune trainables.

`SearchTrainable` and `FinalTrainable` run anywhere in anyone's own `tune.Tuner`. `TrialDispatcher` is what the
orchestrator hands to Tune: one class for every kind of trial, so that its actors can be reused.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ray
from ray import tune

from trainables.catalog import CATALOG, Trainable
from trainables.errors import DataError, StorageError
from trainables.execution.attempt import execute
from trainables.execution.job import Job, Progress
from trainables.execution.signals import hear
from trainables.kinds.contents import filled_in
from trainables.record.storage import NO_SPACE, Storage, open_storage, stop_path
from trainables.trial import Run, Step

RESULT = "sharptune"
NODE = "sharptune_node"
"""The two keys of a reported result that are ours; everything else in it is Tune's. On which node, by Ray's id."""
REPORT_SECONDS = 5.0
STATE_FILE = "state.pt"


class StopFlag:
    """Asks the storage whether to stop, a few times a second at most; a signal to its own process says so too."""

    def __init__(self, storage: Storage, driver: str) -> None:
        self._storage = storage
        self._path = stop_path(driver)
        self._every = 2.0 if storage.remote else 0.2
        self._asked = float("-inf")
        self._raised = False

    def hear_signals(self) -> None:
        """From now on, take a SIGTERM and its like for the wish to stop: Slurm sends them to all processes."""
        hear(self._on_signal)

    def _on_signal(self, number: int, frame: object) -> None:
        self._raised = True

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self._raised and now - self._asked >= self._every:
            self._asked = now
            with contextlib.suppress(OSError):  # not known now is asked again soon: no step waits for it
                self._raised = self._storage.exists(self._path)
        return self._raised


def placement(config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
    """Return what one trial needs, all of it on one node.

    `{"resources": {"cpus": ..., "gpus": ..., "nodes_left_out": ids of nodes it must not run on} as JSON}`.
    """
    resources = json.loads(config["resources"])
    bundle = {"CPU": resources["cpus"]}
    if resources["gpus"]:
        bundle["GPU"] = resources["gpus"]
    others = {}
    if left_out := resources["nodes_left_out"]:
        others["bundle_label_selector"] = [{"ray.io/node-id": f"!in({','.join(left_out)})"}]
    return tune.PlacementGroupFactory([bundle], strategy="STRICT_PACK", **others)


class TrialDispatcher(tune.Trainable):
    """Runs whatever job its config holds, `{"job": Job as JSON}`.

    Reports `{"sharptune": Progress as JSON, "sharptune_node": the id of its node}`.
    """

    def setup(self, config: dict[str, Any], data: Mapping[str, Any] | None = None) -> None:
        self._node = ray.get_runtime_context().get_node_id()
        self._data = data or {}
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._end()
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Go on until the trial ends or a few seconds have passed: small epochs do not drown Tune in results."""
        since = time.monotonic()
        while True:
            progress = next(self._progress)
            ended = progress.state != "running"
            if ended or progress.note or time.monotonic() - since >= REPORT_SECONDS:
                return {RESULT: json.dumps(progress.to_json()), NODE: self._node, "done": ended}

    def cleanup(self) -> None:
        self._end()

    def _begin(self, config: dict[str, Any]) -> None:
        job = Job.from_json(config["job"])
        try:
            self._receive()
        except DataError as error:  # a dataset that is not on this node, and cannot be sent to it
            self._halt(job, str(error))
            return
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            self._halt(job, f"{error.strerror} in the data cache")
            return
        try:
            should_stop = StopFlag(open_storage(job.storage).within(0), job.driver)
        except StorageError as error:
            self._halt(job, str(error))
            return
        should_stop.hear_signals()
        self._progress: Iterator[Progress] = execute(job, should_stop=should_stop)

    def _halt(self, job: Job, note: str) -> None:
        self._progress = iter([Progress(trial_id=job.spec.trial_id, state="halted", note=note)])

    def _end(self) -> None:
        with contextlib.suppress(AttributeError):
            self._progress.close()  # type: ignore[attr-defined]

    def _receive(self) -> None:
        """Install the datasets the driver sent, where this node does not have them yet."""
        if self._data:
            from trainables.data.cache import present
            from trainables.data.packing import unpack

            for identity, packed in self._data.items():
                if not present(identity):
                    unpack(ray.get(packed))


class RunTrainable(tune.Trainable):
    """One epoch per `step`; the config holds the settings of a trial and `seed`.

    It computes with as many threads as Tune gives it CPUs, and on the GPU where Tune gives it one.
    """

    entry: Trainable

    def setup(self, config: dict[str, Any]) -> None:
        settings = filled_in(config, base=Path(os.environ.get("TUNE_ORIG_WORKING_DIR") or Path.cwd()))
        seed = int(settings.pop("seed", 0))
        given = self.trial_resources.required_resources if self.trial_resources else {}
        threads = max(1, int(given.get("CPU", 1)))
        trial = self.entry.config_class()(**settings)
        self._run: Run = self.entry.run(trial, seed=seed, threads=threads, gpus=given.get("GPU", 0))
        self._steps: Iterator[Step] | None = None

    def step(self) -> dict[str, Any]:
        if self._steps is None:
            self._steps = self._run.steps()
        epochs: int = self.config["epochs"] if "epochs" in self.config else self._default_epochs()
        for step in self._steps:
            if step.metrics is not None:
                done = step.epoch >= epochs
                metrics = dict(step.metrics)
                if done:
                    for _ in self._steps:  # let the run close its books
                        pass
                    outcome = self._run.outcome()
                    metrics = {**metrics, **outcome.metrics, "artifacts": json.dumps(outcome.artifacts)}
                return {"epoch": step.epoch, **metrics, "done": done}
        return {"done": True}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        (Path(checkpoint_dir) / STATE_FILE).write_bytes(self._run.state())

    def load_checkpoint(self, checkpoint: Any) -> None:
        self._run.load((Path(checkpoint) / STATE_FILE).read_bytes())
        self._steps = None

    def _default_epochs(self) -> int:
        return self.entry.config_class().model_fields["epochs"].default


class SearchTrainable(RunTrainable):
    """Architecture search: config fields of `trainables.config.SearchConfig`, and `seed`."""

    entry = CATALOG["search"]


class FinalTrainable(RunTrainable):
    """Final training: config fields of `trainables.config.TrainConfig`, the genotype by name or as JSON, and `seed`."""

    entry = CATALOG["train"]
