"""How many trivial trials a second: ours on Ray, beside bare Ray Tune with the same work, in one run. Prints JSON.

    python overhead.py [--trials 200] [--few 20]

Each trial is one step of a chain. Ours claims, checkpoints and records every trial; bare Tune does none of that. A rate
counts from the first trial's start to the last one's end; `seconds` is everything, the start of Ray included. Without
reuse of actors Tune is so slow that `--few` trials must do.
"""

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable

import ray
from drive import planned
from fakes import CATALOG, ChainConfig, start_chain
from ray import tune

from orchestrator.ledger import Ledger
from orchestrator.running.ray_tune.callbacks import SilentReporter
from orchestrator.running.ray_tune.runner import RayRunner
from orchestrator.running.run import run
from orchestrator.running.session import Event
from trainables.record.storage import open_storage

WORK = {"epochs": 1, "steps": 1}


def work(seed: int) -> float:
    """Do the work of one trial and return its error."""
    trial = start_chain(ChainConfig(**WORK), seed=seed, threads=1)
    for _ in trial.steps():
        pass
    return float(trial.outcome().metrics["error"])


def as_function(config: dict) -> None:
    tune.report({"error": work(config["seed"])})


class AsClass(tune.Trainable):
    """The same as a class whose actors can be used again."""

    def setup(self, config: dict) -> None:
        self._seed = config["seed"]

    def step(self) -> dict:
        return {"error": work(self._seed), "done": True}

    def reset_config(self, new_config: dict) -> bool:
        self._seed = new_config["seed"]
        return True


class Stopwatch(tune.Callback):
    """Remembers when the first trial started and the last one ended."""

    def __init__(self) -> None:
        self.began = 0.0
        self.ended = 0.0
        self.finished = 0

    def start(self) -> None:
        self.began = self.began or time.perf_counter()

    def stop(self) -> None:
        self.ended = time.perf_counter()
        self.finished += 1

    def on_trial_start(self, iteration: int, trials: list, trial: object, **info: object) -> None:
        self.start()

    def on_trial_complete(self, iteration: int, trials: list, trial: object, **info: object) -> None:
        self.stop()

    def measured(self, seconds: float) -> dict[str, float]:
        rate = self.finished / (self.ended - self.began)
        return {"trials": self.finished, "trials_per_second": round(rate, 2), "seconds": round(seconds, 1)}


def ours(trials: int) -> dict[str, float]:
    """Measure our runner on a fresh storage."""
    watch = Stopwatch()

    def listen(event: Event) -> None:
        if event.kind == "started":
            watch.start()
        elif event.kind == "finished":
            watch.stop()

    with tempfile.TemporaryDirectory() as storage:
        ledger = Ledger(open_storage(storage))
        begun = time.perf_counter()
        states = run(
            [planned(seed, **WORK) for seed in range(trials)],
            ledger=ledger,
            catalog=CATALOG,
            runner=RayRunner(),
            listen=listen,
        )
        seconds = time.perf_counter() - begun
    assert all(state.state == "done" for state in states.values())
    return watch.measured(seconds)


def bare(trainable: Callable | type, trials: int, *, reuse: bool) -> dict[str, float]:
    """Measure bare Ray Tune on the same work."""
    watch = Stopwatch()
    begun = time.perf_counter()
    ray.init(num_cpus=os.cpu_count(), include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        results = tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            param_space={"seed": tune.grid_search(list(range(trials)))},
            tune_config=tune.TuneConfig(reuse_actors=reuse),
            run_config=tune.RunConfig(
                storage_path=folder,
                verbose=0,
                callbacks=[watch],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False)
                if isinstance(trainable, type)
                else None,
                progress_reporter=SilentReporter(),
            ),
        ).fit()
    seconds = time.perf_counter() - begun
    ray.shutdown()
    assert len(results) == trials
    assert not results.errors
    return watch.measured(seconds)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--few", type=int, default=20)
    options = parser.parse_args()
    measured = {
        "ours": ours(options.trials),
        "bare class, actors reused": bare(AsClass, options.trials, reuse=True),
        "bare class": bare(AsClass, options.few, reuse=False),
        "bare function": bare(as_function, options.few, reuse=False),
    }
    rate = measured["ours"]["trials_per_second"]
    ratios = {name: round(rate / one["trials_per_second"], 2) for name, one in measured.items() if name != "ours"}
    print(json.dumps({"cpus": os.cpu_count(), "measured": measured, "ours_times_as_fast_as": ratios}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
