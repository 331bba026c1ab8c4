"""A driver of its own process, to be killed: runs a small grid of chains on Ray or in this process.

    python drive.py STORAGE [--runner ray|local] [--roots 2] [--children 2] [--address HOST:PORT] [NAME=VALUE ...]

Each root has its children, which take what it found. Prints one JSON line per event, and the states at the end.
"""

import argparse
import json
import signal
import sys

from fakes import CATALOG

from orchestrator.ledger import Ledger
from orchestrator.planning.plan import PlannedTrial, Resources
from orchestrator.running.run import run
from orchestrator.running.session import Event
from orchestrator.running.stop import Stop
from trainables.record.storage import open_storage
from trainables.trial import TrialSpec


def planned(seed: int, parents: tuple[str, ...] = (), cpus: float = 1, **config) -> PlannedTrial:
    """Return a chain as a planned trial."""
    spec = TrialSpec(trainable="chain", version=1, config=config, seed=seed, parents=parents)
    return PlannedTrial(
        trial_id=spec.trial_id,
        spec=spec,
        stage="child" if parents else "root",
        label=f"seed={seed}",
        coordinates={},
        parents=parents,
        resources=Resources(gpus=0, cpus=cpus),
        max_failures=3,
        expected_cost=1.0,
        values={},
        effective={},
        ancestors={},
    )


def grid(roots: int, children: int, **config) -> list[PlannedTrial]:
    """Return every root followed by its children."""
    trials = []
    for seed in range(roots):
        root = planned(seed, **config)
        trials.append(root)
        link = {"parent": 0, "key": "genotype"}
        trials += [planned(child, (root.trial_id,), **{**config, "link": link}) for child in range(children)]
    return trials


def say(kind: str, **facts) -> None:
    print(json.dumps({"kind": kind, **facts}), flush=True)


def listen(event: Event) -> None:
    progress = event.progress
    say(
        event.kind,
        trial=event.trial.trial_id if event.trial else None,
        state=progress.state if progress else None,
        epoch=progress.epoch if progress else None,
        text=event.text or (progress.note if progress else ""),
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("storage")
    parser.add_argument("--runner", default="ray")
    parser.add_argument("--roots", type=int, default=2)
    parser.add_argument("--children", type=int, default=2)
    parser.add_argument("--address")
    parser.add_argument("config", nargs="*")
    options = parser.parse_intermixed_args()
    config = {name: json.loads(value) for name, value in (item.split("=", 1) for item in options.config)}
    ledger = Ledger(open_storage(options.storage), lambda sentence: say("said", text=sentence))
    stop = Stop(ledger.storage)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.request())
    if options.runner == "ray":
        from orchestrator.running.ray_tune.runner import RayRunner

        runner = RayRunner(address=options.address)
    else:
        from orchestrator.running.local_runner import LocalRunner

        runner = LocalRunner()
    trials = grid(options.roots, options.children, **config)
    states = run(trials, ledger=ledger, catalog=CATALOG, runner=runner, listen=listen, stop=stop)
    say("end", states={trial_id: state.state for trial_id, state in states.items()})
    return 130 if stop() else 0


if __name__ == "__main__":
    sys.exit(main())
