"""What was forecast of real runs, beside what came. Prints a table and, with `--json`, all of it.

    PYTHONPATH=. python tests/benchmarks/forecast_of_runs.py quickstart figure4_toy … [--runner local] [--keep FOLDER]

Each experiment runs in an empty storage, one after the other. The forecasts are made afterwards, from what was known at
the start (nothing), and when a quarter and half of its trials had ended: of a run that has one trial at a time nothing
is at work at such a moment, so that the storage says all there was to know. On Ray only the start is looked at. Under
`--keep` the storages stay, and a run that is there is not run again.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from orchestrator.document.experiment import load_experiment
from orchestrator.forecast.forecast import Range, foresee
from orchestrator.forecast.outlook import Outlook
from orchestrator.forecast.slots import Slots
from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.plan import Plan, expand
from trainables.catalog import CATALOG
from trainables.record.storage import open_storage
from trainables.trial import TrialRow

MOMENTS = {"at the start": 0.0, "a quarter done": 0.25, "half done": 0.5}
NEW = TrialState(state="new", reason="never started")


@dataclass(frozen=True, kw_only=True)
class Told:
    """A forecast beside the truth, in seconds."""

    run: str
    moment: str
    finish: Range
    truth: float

    @property
    def covered(self) -> bool:
        return self.finish.low <= self.truth <= self.finish.high

    def line(self) -> str:
        low, median, high = (round(each) for each in (self.finish.low, self.finish.median, self.finish.high))
        held = "in" if self.covered else "below" if self.truth < self.finish.low else "above"
        return f"{self.run:32} {self.moment:15} {median:6} s ({low} to {high}), it took {round(self.truth)} s: {held}"


def ran(experiment: str, runner: str, folder: Path) -> tuple[float, float]:
    """Run an experiment, unless it has run there; return when it began and ended, in seconds of the epoch."""
    times = folder / "times.json"
    if not times.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "orchestrator", "run", experiment, "--runner", runner]
        start = time.time()
        with (folder / "log").open("w") as log:
            subprocess.run([*command, "--storage", str(folder / "runs")], stdout=log, stderr=log, check=True)
        times.write_text(json.dumps({"start": start, "end": time.time()}))
    told = json.loads(times.read_text())
    return told["start"], told["end"]


def held_against(plan: Plan, rows: dict[str, TrialRow], start: float, end: float, runner: str) -> Iterator[Told]:
    """Return what would have been forecast at each moment, beside what came."""
    name = f"{plan.experiment} ({runner})"
    ends = sorted(_end(row) for row in rows.values())
    slots = Slots.local() if runner == "local" else Slots.here()
    for moment, share in MOMENTS.items() if runner == "local" else [("at the start", 0.0)]:
        now = start if not share else ends[math.ceil(share * len(ends)) - 1]
        states = {
            trial_id: TrialState(state="done", reason="", row=row) if share and _end(row) <= now else NEW
            for trial_id, row in rows.items()
        }
        found = foresee(Outlook.of(plan.trials, states), slots)
        if found is not None and found.finish is not None:
            yield Told(run=name, moment=moment, finish=found.finish, truth=end - now)


def _end(row: TrialRow) -> float:
    return datetime.fromisoformat(str(row.timing["finished"])).timestamp()


def summary(told: list[Told]) -> dict[str, dict[str, float]]:
    """Return of each moment how many there were, and how many forecasts held the truth."""
    moments = {moment: [each for each in told if each.moment == moment] for moment in MOMENTS}
    return {
        name: {"forecasts": len(each), "cover": round(sum(one.covered for one in each) / len(each), 3)}
        for name, each in {**moments, "all": told}.items()
        if each
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("experiments", nargs="+")
    parser.add_argument("--runner", choices=["local", "ray"], default="local")
    parser.add_argument("--keep", type=Path, help="A folder for the storages.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    told: list[Told] = []
    with tempfile.TemporaryDirectory() as temporary:
        for experiment in options.experiments:
            folder = (options.keep or Path(temporary)) / f"{experiment}-{options.runner}"
            start, end = ran(experiment, options.runner, folder)
            plan = expand(load_experiment(experiment), CATALOG)
            states = Ledger(open_storage(folder / "runs")).states(trial.spec for trial in plan.trials)
            rows = {trial_id: state.row for trial_id, state in states.items() if state.row is not None}
            told += held_against(plan, rows, start, end, options.runner)
    if options.json:
        runs = [{**asdict(each), "covered": each.covered} for each in told]
        print(json.dumps({"forecasts": runs, "summary": summary(told)}, indent=2))
    else:
        print("\n".join([*(each.line() for each in told), json.dumps(summary(told))]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
