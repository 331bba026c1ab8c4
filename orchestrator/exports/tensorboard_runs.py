"""Trials as runs of TensorBoard: a folder for each, with one event file of curves, hyperparameters and settings.

The same trial gives the same file, under the same name: what is exported again replaces what was there.
"""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.exports.files import write_file
from orchestrator.exports.trials import Curve, safe_name

EVENTS = "events.out.tfevents.0.sharptune"
MISSING = "tensorboardX is not installed: pip install 'sharptune[tensorboard]'"


def export(curves: Iterable[Curve], folder: Path) -> list[Path]:
    """Write a run for each trial, `<stage>/<label>-<trial id>` in a folder; return their folders.

    Raises: LedgerError where tensorboardX is not installed; OSError.
    """
    try:
        import tensorboardX  # noqa: F401
    except ImportError as error:
        raise LedgerError(MISSING) from error
    return [_write(curve, folder) for curve in curves]


def _write(curve: Curve, folder: Path) -> Path:
    trial = curve.trial
    run = folder / safe_name(trial.stage or "trials") / f"{safe_name(trial.label or 'trial')}-{trial.trial_id}"
    run.mkdir(parents=True, exist_ok=True)
    write_file(str(run / EVENTS), _events(curve))
    return run


def _events(curve: Curve) -> bytes:
    from tensorboardX import SummaryWriter
    from tensorboardX.summary import hparams

    with tempfile.TemporaryDirectory() as scratch:
        with SummaryWriter(scratch) as writer:
            settings = {name: value for name, value in curve.trial.settings.items() if value is not None}
            assert writer.file_writer is not None
            for summary in hparams(settings, curve.found):
                writer.file_writer.add_summary(summary, walltime=curve.started)
            about = {"trial": curve.trial.trial_id, "state": curve.trial.state, "error": curve.trial.error}
            text = json.dumps({**about, "config": dict(curve.row.config)}, indent=1)
            writer.add_text("sharptune", f"```\n{text}\n```", walltime=curve.started)
            for epoch, when, numbers in curve.points():
                for name, value in numbers.items():
                    writer.add_scalar(name, value, epoch, walltime=when)
            for name, value in curve.found.items():
                writer.add_scalar(f"final/{name}", value, 0, walltime=curve.finished)
        [file] = Path(scratch).iterdir()
        return file.read_bytes()
