"""Trials as Ray Tune trainables.

`SearchTrainable` and `FinalTrainable` run anywhere in anyone's own `tune.Tuner`. `TrialDispatcher` is what the
orchestrator hands to Tune: one class for every kind of trial, so that its actors can be reused.
"""

import contextlib
import gc
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayError

from trainables.catalog import CATALOG
from trainables.errors import DataError
from trainables.execution.attempt import execute
from trainables.execution.hang_watch import HangWatch
from trainables.execution.job import Job, Progress
from trainables.execution.signals import hear
from trainables.kinds.contents import filled_in
from trainables.record.storage import NO_SPACE
from trainables.trainable import Trainable
from trainables.trial import Run, Step

RESULT = "sharptune"
NODE = "sharptune_node"
"""The two keys of a reported result that are ours; everything else in it is Tune's. On which node, by Ray's id."""
REPORT_SECONDS = 5.0
LOOK_SECONDS = 0.2
"""Between two looks of a worker whether it has heard that it should stop: at its own memory, no further."""
FIRST_SECONDS = 2.0
STATE_FILE = "state.pt"


class StopFlag:
    """Whether the trial of this process is to stop, as its driver wishes; a signal to the process says so too.

    `wishes` is the driver's actor, or None: its `hear(known)` returns what is wished once that is not what is known,
    `{"all": whether everything is to stop, "trials": ids of those that are to, "nodes": ids of those that all are to
    leave}`. One call waits there at any time.
    """

    def __init__(self, wishes: Any | None, node: str) -> None:
        self._wishes = wishes
        self._node = node
        self._answer: Any | None = None if wishes is None else wishes.hear.remote(None)
        self._patience = FIRST_SECONDS
        self._known: Mapping[str, Any] | None = None
        self._trial_id = ""
        self._looked = float("-inf")
        self._raised = False

    def begin(self, trial_id: str) -> None:
        """From now on, speak for another trial."""
        self._trial_id = trial_id
        self._looked = float("-inf")
        self._raised = False
        hear(self._on_signal)  # Slurm sends them to all processes

    def _on_signal(self, number: int, frame: object) -> None:
        self._raised = True

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self._raised and now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._listen()
            known = self._known or {"all": False, "trials": (), "nodes": ()}
            self._raised = known["all"] or self._trial_id in known["trials"] or self._node in known["nodes"]
        return self._raised

    def _listen(self) -> None:
        """Take the answer, if there is one, and ask for the next; the first one is waited for, as it comes at once."""
        patience, self._patience = self._patience, 0.0
        if self._answer is None or not ray.wait([self._answer], timeout=patience)[0]:
            return
        assert self._wishes is not None
        try:
            self._known = ray.get(self._answer)
        except RayError:  # the actor is gone, and its driver soon too: this process ends with that
            self._answer = None
            return
        self._answer = self._wishes.hear.remote(self._known)


def placement(config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
    """Return what one trial needs, all of it on one node.

    `{"resources": {"amounts": how much of each resource, by Ray's names, "labels": what must hold of the node's,
    "nodes_left_out": ids of nodes it must not run on} as JSON}`.
    """
    resources = json.loads(config["resources"])
    selector = dict(resources["labels"])
    if left_out := resources["nodes_left_out"]:
        selector["ray.io/node-id"] = f"!in({','.join(left_out)})"
    others = {"bundle_label_selector": [selector]} if selector else {}
    return tune.PlacementGroupFactory([resources["amounts"]], strategy="STRICT_PACK", **others)


def _give_memory_back() -> None:
    """Let go of what an ended trial held of a GPU that it may have shared; what starts next need not be here."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


class TrialDispatcher(tune.Trainable):
    """Runs whatever job its config holds, `{"job": Job as JSON}`.

    Reports `{"sharptune": Progress as JSON, "sharptune_node": the id of its node}`.
    """

    def setup(self, config: dict[str, Any], data: Mapping[str, Any] | None = None, wishes: Any | None = None) -> None:
        self._node = ray.get_runtime_context().get_node_id()
        self._data = data or {}
        self._should_stop = StopFlag(wishes, self._node)
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._end()
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Go on until the trial ends or a few seconds have passed: small epochs do not drown Tune in results."""
        since = time.monotonic()
        with self._watch:
            while True:
                progress = next(self._progress)
                ended = progress.state != "running"
                if ended or progress.note or time.monotonic() - since >= REPORT_SECONDS:
                    break
        if ended:
            self._end()
        return {RESULT: json.dumps(progress.to_json()), NODE: self._node, "done": ended}

    def cleanup(self) -> None:
        self._end()

    def _begin(self, config: dict[str, Any]) -> None:
        job = Job.from_json(config["job"])
        self._watch = HangWatch(job.hang_minutes)
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
        self._should_stop.begin(job.spec.trial_id)

        def asked_at_each_step() -> bool:
            self._watch.step()
            return self._should_stop()

        self._progress: Iterator[Progress] = execute(job, should_stop=asked_at_each_step, keep_output=True)

    def _halt(self, job: Job, note: str) -> None:
        self._progress = iter([Progress(trial_id=job.spec.trial_id, state="halted", note=note)])

    def _end(self) -> None:
        with contextlib.suppress(AttributeError):
            self._progress.close()  # type: ignore[attr-defined]
        self._progress = iter(())
        _give_memory_back()

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
