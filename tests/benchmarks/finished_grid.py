"""What commands cost where ten thousand trials are finished: CPU seconds and memory, with the index and without.

    PYTHONPATH=.:tests/support python tests/benchmarks/finished_grid.py [--trials 10000] [--folder EMPTY_OR_MADE]

Makes up the record of a finished grid (rows as the quickstart's, of some 5 KB each), then runs each command in a
process of its own. Prints JSON, and fails where a command prints something else with the index than without.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from orchestrator.document.experiment import load_experiment
from orchestrator.planning.plan import PlannedTrial, expand
from trainables.catalog import CATALOG
from trainables.record.trial_folder import seal
from trainables.trial import TrialRow, artifact_digest

OURS = Path(__file__).parents[2]
COMMANDS = {
    "plan": ["plan"],
    "status": ["status"],
    "table": ["table"],
    "run": ["run", "--runner", "local", "--max-trials", "1000000"],
}
EDGES = [["skip_connect", 0], ["sep_conv_3x3", 1], ["dil_conv_5x5", 2], ["max_pool_3x3", 1]] * 2
GENOTYPE = {
    "kind": "cells",
    "operations": "ssc",
    "normal": EDGES,
    "normal_concat": [2, 3, 4, 5],
    "reduce": EDGES,
    "reduce_concat": [2, 3, 4, 5],
}
VERSIONS = {"python": "3.11.7", "torch": "2.15.0", "torchvision": "0.29.2", "numpy": "2.4.6", "ray": "2.60.0"}


def experiment_file(folder: Path, trials: int) -> Path:
    """Write the quickstart with as many training seeds as make about so many trials."""
    text = (OURS / "experiments" / "quickstart.yaml").read_text()
    searches = max(1, trials // 40)
    text = text.replace("seed: [0]", f"seed: {list(range(searches // 2))}")
    text = text.replace("seed: [0, 1, 2]", f"seed: {list(range(20))}").replace("quickstart", "finished_grid")
    path = folder / "finished_grid.yaml"
    path.write_text(text)
    return path


def finished_row(trial: PlannedTrial) -> TrialRow:
    """Return a row as the trial's might be."""
    parents = {parent: {"genotype": artifact_digest(GENOTYPE)} for parent in trial.parents}
    error = 40 + int(trial.trial_id[:4], 16) % 2000 / 100
    files = ("weights-last.safetensors", "weights-best.safetensors", "predictions.npz", "epochs.parquet")
    metrics = {"test_error": error, "test_error_best": error - 1, "params": 12854.0, "addmult": 2600576.0}
    searched = {"search_val_error": error, "search_val_error_best": error - 1}
    return TrialRow(
        trial_id=trial.trial_id,
        spec=trial.spec,
        config={**trial.effective, **({"genotype": GENOTYPE} if trial.parents else {})},
        state="done",
        metrics=metrics if trial.parents else searched,
        artifacts={"genotype": GENOTYPE},
        parents=parents,
        files={name: {"path": f"{name}.0001.6f118197", "bytes": 77896, "sha256": "c" * 64} for name in files},
        timing={
            "started": "2026-11-28T14:52:56+00:00",
            "finished": "2026-11-28T14:53:12+00:00",
            "wall_seconds": 16.0 + error,
            "device_seconds": 15.0 + error,
            "peak_memory_bytes": 1309442048,
            "gpu_days": 0.0,
            "cpu_days": (15 + error) / 86400,
            "gpu_days_total": 0.0,
            "cpu_days_total": (30 + error) / 86400,
        },
        provenance={
            "asked_by": {"experiment": "finished_grid", "label": trial.label, "stage": trial.stage},
            "commit": "5f36d583edc84abe86db3d1354b8465bbd3f1127",
            "versions": VERSIONS,
            "hardware": "some processor",
            "gpus": [],
            "segments": [{"epoch": 0, "step": 0, "attempt": "0001.6f118197", "device": "cpu", "versions": VERSIONS}],
            "mixed": False,
            "ancestors": {parent: {"gpu_days": 0.0, "cpu_days": 0.0001} for parent in trial.parents},
        },
    )


def write_rows(storage: Path, trials: Iterable[PlannedTrial]) -> None:
    """Let these trials be finished, without their files; their rows are as old as those of yesterday."""
    for trial in trials:
        row = storage / "trials" / trial.trial_id / "row.json"
        if not row.exists():
            row.parent.mkdir(parents=True)
            row.write_bytes(seal(finished_row(trial)))
            os.utime(row, (1.7e9, 1.7e9))


def cost_of(words: list[str], cwd: Path) -> tuple[dict[str, float], str]:
    """Run a command; return what it cost, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["/usr/bin/env", sys.executable, "-m", "orchestrator", *words]
    environment = {**os.environ, "PYTHONPATH": str(OURS), "SHARPTUNE_CACHE": str(cwd / "cache")}
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process.returncode == 0, words
    seconds = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return {"cpu_seconds": round(seconds, 2), "mib": round(used.ru_maxrss / 1024)}, printed


def measured(folder: Path, trials: int, names: Iterable[str]) -> dict[str, object]:
    """Return what the commands cost without the index and with it."""
    path = experiment_file(folder, trials)
    plan = expand(load_experiment(str(path)), CATALOG, max_trials=10**9)
    write_rows(folder / "runs", plan.trials)
    found: dict[str, object] = {"trials": len(plan.trials)}
    printed: dict[str, str] = {}
    for how in ("without the index", "with the index"):
        costs = {}
        for old in (folder / "runs").glob("index/*"):
            old.unlink()
        if how == "with the index":
            costs["index"], _ = cost_of(["index"], folder)
        for name in names:
            costs[name], text = cost_of([*COMMANDS[name], path.name], folder)
            assert printed.setdefault(name, text) == text, f"{name} prints something else {how}"
            if how == "without the index":
                for old in (folder / "runs").glob("index/*"):
                    old.unlink()
        found[how] = costs
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--commands", nargs="*", choices=COMMANDS, default=list(COMMANDS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(measured(options.folder or Path(temporary), options.trials, options.commands), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
