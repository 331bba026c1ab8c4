"""Trials as runs of Weights & Biases, offline unless its own variable WANDB_MODE says otherwise.

A run's id is its trial's. One that was exported before is left as it is where nothing differs, and replaced otherwise:
a file in its folder tells, which is written last.
"""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.exports.files import write_file
from orchestrator.exports.trials import Curve, safe_name

OURS = "sharptune.json"
"""In the folder of a run: what was exported there."""
LONGEST = 128
"""A run's name."""
MISSING = "wandb is not installed: pip install 'sharptune[wandb]'"


def export(curves: Iterable[Curve], folder: Path) -> list[Path]:
    """Write a run for each trial under `wandb/` in a folder; return their folders.

    Raises: LedgerError where wandb is not installed, or refuses; OSError.
    """
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    try:
        import wandb  # pyright: ignore[reportMissingImports]  (an extra)
    except ImportError as error:
        raise LedgerError(MISSING) from error
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return [_write(curve, folder) for curve in curves]
    except wandb.Error as error:
        raise LedgerError(f"wandb: {error}") from error


def _write(curve: Curve, folder: Path) -> Path:
    before = [path.parent for path in folder.glob(f"wandb/*run-*-{curve.trial.trial_id}/{OURS}")]
    same = [run for run in before if json.loads((run / OURS).read_text()).get("digest") == curve.digest]
    if same:
        return same[0]
    for run in before:
        shutil.rmtree(run)
    run = _log(curve, folder)
    _mark(run, curve.digest)
    return run


def _mark(run: Path, digest: str | None) -> None:
    write_file(str(run / OURS), json.dumps({"digest": digest}).encode())


def _log(curve: Curve, folder: Path) -> Path:
    """Write one run; return its folder."""
    import wandb  # pyright: ignore[reportMissingImports]

    trial, online = curve.trial, os.environ.get("WANDB_MODE", "offline") == "online"
    quiet = wandb.Settings(
        silent=True, console="off", disable_git=True, save_code=False, x_disable_stats=True, x_disable_machine_info=True
    )
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT", safe_name(trial.project)),
        id=trial.trial_id,
        name=trial.name[:LONGEST],
        group=trial.stage,
        job_type=trial.spec.trainable,
        config=trial.settings,
        dir=str(folder),
        mode=None if "WANDB_MODE" in os.environ else "offline",
        resume="allow" if online else None,
        settings=quiet,
    )
    place = Path(run.settings.sync_dir)
    place.mkdir(parents=True, exist_ok=True)
    _mark(place, None)
    for epoch, when, numbers in curve.points():
        run.log({"epoch": epoch, "_timestamp": when, **numbers}, step=epoch)
    run.summary.update({**curve.found, "state": curve.trial.state})
    run.finish(exit_code=0 if curve.trial.state == "done" else 1)
    return place
