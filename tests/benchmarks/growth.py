"""What grows while many cheap trials run on Ray: processes, open files, threads, memory of driver and workers.

    PYTHONPATH=.:tests/support python tests/benchmarks/growth.py [--trials 1000] [--first 100] [--bare 20]

Prints JSON: what there was after the first trials and after the last, the growth between, and how many trials a second
ran in between, beside bare Ray Tune, whose actors are not reused by default, in the same process.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable

import psutil
from drive import planned
from fakes import CATALOG
from overhead import WORK, as_function, bare

from orchestrator.ledger import Ledger
from orchestrator.running.ray_tune.runner import RayRunner
from orchestrator.running.run import run
from orchestrator.running.session import Event
from trainables.record.storage import open_storage

MIB = 2**20


def sample() -> dict[str, float]:
    """Return what this process, the driver, and its Ray have now; of the workers, the most that one has."""
    driver = psutil.Process()
    family = driver.children(recursive=True)
    workers = [each for each in family if _name(each).startswith("ray::TrialDispatcher")]
    used: dict[str, float] = {
        "processes": len(family),
        "zombies": sum(_is_zombie(each) for each in family),
        "workers": len(workers),
    }
    for whose, processes in (("driver", [driver]), ("worker", workers)):
        used[f"{whose}_files"] = _most(processes, lambda each: each.num_fds())
        used[f"{whose}_threads"] = _most(processes, lambda each: each.num_threads())
        used[f"{whose}_mib"] = round(_most(processes, lambda each: each.memory_info().rss) / MIB, 1)
    return used


def _most(processes: list[psutil.Process], count: Callable[[psutil.Process], float]) -> float:
    return max((count(each) for each in processes if each.is_running()), default=0)


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ours(trials: int, first: int) -> dict:
    """Run trials on a fresh storage, and look after the first ones and after the last."""
    samples: list[dict[str, float]] = []
    moments: list[float] = []
    finished = 0

    def listen(event: Event) -> None:
        nonlocal finished
        if event.kind == "finished":
            finished += 1
            if finished in (first, trials):
                moments.append(time.perf_counter())
                samples.append(sample())

    with tempfile.TemporaryDirectory() as storage:
        states = run(
            [planned(seed, **WORK) for seed in range(trials)],
            ledger=Ledger(open_storage(storage)),
            catalog=CATALOG,
            runner=RayRunner(),
            listen=listen,
        )
    assert {state.state for state in states.values()} == {"done"}
    early, late = samples
    return {
        "trials": trials,
        f"after {first}": early,
        f"after {trials}": late,
        "growth": {name: round(late[name] - early[name], 1) for name in late},
        "trials_per_second": round((trials - first) / (moments[1] - moments[0]), 1),
        "left": len(psutil.Process().children(recursive=True)),
        "trackers": sorted({"mlflow", "wandb"} & set(sys.modules)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--bare", type=int, default=20)
    options = parser.parse_args()
    found = ours(options.trials, options.first)
    if options.bare:
        rate = bare(as_function, options.bare, reuse=False)["trials_per_second"]
        found["bare_trials_per_second"] = rate
        found["times_as_fast_as_bare"] = round(found["trials_per_second"] / rate, 1)
    print(json.dumps({"cpus": os.cpu_count(), **found}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
