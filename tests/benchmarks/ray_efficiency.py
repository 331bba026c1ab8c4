"""How well a run of stand-ins on Ray fills its places, and what its driver takes of a core. Prints JSON.

    PYTHONPATH=.:tests/support python tests/benchmarks/ray_efficiency.py [--searches 12] [--slots 2] [--seconds 2]

The whole of `sharptune run --runner ray`, with a terminal to draw on. Searches, each with four trainings of two
lengths, whose stand-ins sleep for `--seconds` or twice as long, and else do what trials do: claims, checkpoints, rows.
`bound` is the longer of two times: of all sleep on all slots, and of the longest chain. `efficiency` is bound over the
time from the first trial's start to the last one's end; `of the command` over that of the whole command, the start of
Ray and the table included. `driver` is the CPU time of the command's process over its wall time, in cores.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from orchestrator.cli.main import invoke
from orchestrator.document.experiment import parse_experiment
from orchestrator.forecast.durations import path_weights
from orchestrator.planning.plan import Plan, expand
from trainables.catalog import CATALOG
from trainables.record import provenance
from trainables.stand_in import stand_in
from trainables.trainable import Trainable

EXPERIMENT = """\
experiment: stand_ins
stages:
  search:
    trainable: search
    config: {{dataset: cifar10-mini, space: darts_ssc}}
    grid: {{seed: {seeds}}}
    resources: {{cpus: {cpus}}}
  train:
    trainable: train
    needs: search
    config: {{genotype: "${{search.genotype}}"}}
    grid: {{epochs: [300, 600], seed: [0, 1]}}
    resources: {{cpus: {cpus}}}
"""
MOST = 20_000


def catalog_of(seconds: float) -> dict[str, Trainable]:
    """Return a catalog whose searches, and trainings of 300 epochs, take so long; those of 600 take twice as long."""
    text = EXPERIMENT.format(seeds=[0], cpus=1)
    cheaper = min(trial.expected_cost for trial in expand(parse_experiment(text), CATALOG).of_stage("train"))
    return {
        "search": stand_in(CATALOG["search"], least=seconds),
        "train": stand_in(CATALOG["train"], pace=seconds / cheaper, least=seconds),
    }


def sleeps(plan: Plan, catalog: dict[str, Trainable]) -> dict[str, float]:
    """Return how long each trial sleeps."""
    found: dict[str, float] = {}
    for trial in plan.trials:
        arguments = catalog[trial.spec.trainable].arguments
        found[trial.trial_id] = max(arguments["least"], arguments["pace"] * trial.expected_cost)
    return found


@contextlib.contextmanager
def terminal() -> Iterator[None]:
    """Let what is printed go to a terminal that nobody looks at."""
    ours, theirs = os.openpty()

    def read() -> None:
        with contextlib.suppress(OSError):
            while os.read(ours, 65536):
                pass

    threading.Thread(target=read, daemon=True).start()
    out = os.fdopen(theirs, "w")  # stays open: libraries keep what they found when they were imported
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        yield


def begun_and_ended(trials: Path, trial_id: str) -> tuple[float, float]:
    """Return when a trial was claimed and when its row was written, by its files."""
    claims = [file.stat().st_mtime for file in (trials / trial_id / "claims").iterdir()]
    return min(claims), (trials / trial_id / "row.json").stat().st_mtime


def measure(searches: int, slots: int, seconds: float) -> dict[str, object]:
    """Run the grid on a fresh storage."""
    catalog = catalog_of(seconds)
    text = EXPERIMENT.format(seeds=[*range(searches)], cpus=provenance.cpu_count() / slots)
    with tempfile.TemporaryDirectory() as folder:
        file, storage = Path(folder, "stand_ins.yaml"), Path(folder, "runs")
        file.write_text(text)
        begun, spent = time.perf_counter(), time.process_time()
        with terminal():
            code = invoke(
                ["run", str(file), "--storage", str(storage), "--runner", "ray", "--max-trials", str(MOST)],
                catalog=catalog,
            )
        took, spent = time.perf_counter() - begun, time.process_time() - spent
        assert code == 0, code
        plan = expand(parse_experiment(text), catalog, max_trials=MOST)
        moments = [begun_and_ended(storage / "trials", trial.trial_id) for trial in plan.trials]
    asleep = sleeps(plan, catalog)
    span = max(end for _, end in moments) - min(start for start, _ in moments)
    at_work = sum(end - start for start, end in moments)
    bound = max(sum(asleep.values()) / slots, *path_weights(plan.trials, asleep).values())
    return {
        "trials": len(moments),
        "slots": slots,
        "bound_seconds": round(bound, 1),
        "seconds": round(span, 1),
        "efficiency": round(bound / span, 3),
        "of the command": round(bound / took, 3),
        "ms_of_a_trial_besides": round(1000 * (at_work - sum(asleep.values())) / len(moments)),
        "ms_between_trials": round(1000 * (span * slots - at_work) / len(moments)),
        "trials_per_second": round(len(moments) / span, 2),
        "driver": round(spent / took, 3),
        "driver_ms_per_trial": round(1000 * spent / len(moments), 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=12)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    print(json.dumps(measure(options.searches, options.slots, options.seconds), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
