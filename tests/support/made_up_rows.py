"""A storage of `central_claim` with made-up errors: rows and answers as its trials would leave them, in no time."""

import hashlib
from pathlib import Path

import numpy as np

from orchestrator.document.experiment import load_experiment
from orchestrator.planning.grids.planned_trial import PlannedTrial
from orchestrator.planning.plan import expand
from trainables.catalog import CATALOG
from trainables.loops.predictions import packed
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder
from trainables.trial import JSON, TrialRow, artifact_digest

IMAGES = 10_000
MEAN = {"scalar": 862, "max_w": 795}
"""Wrong answers of 10,000 that an arm has on average."""


def wrong_answers(trial: PlannedTrial) -> int:
    """Return how many answers a training gets wrong: spread by its search's seed, a little by its own."""
    search, own = trial.coordinates.get("search.seed"), trial.coordinates[f"{trial.stage}.seed"]
    assert isinstance(own, int)
    if search is None:
        return 650 + 9 * (own * 4 % 9 - 4)
    weighting = str(trial.coordinates["search.weighting"])
    assert isinstance(search, int)
    spread = 14 * (search * 3 % 7 - 3) + (9 * (search * 5 % 7 - 3) if weighting == "max_w" else 0)
    return MEAN[weighting] + spread + 6 * (own - 1)


def write_central_claim(folder: Path) -> None:
    """Write a row, and the answers, of every trial of `central_claim` below a folder."""
    storage = open_storage(str(folder))
    labels_N = np.arange(IMAGES) % 10
    for trial in expand(load_experiment("central_claim"), CATALOG).trials:
        files, metrics = {}, {"search_val_error_best": 12.5}
        artifacts: dict[str, JSON] = {"genotype": {"search": trial.label}} if trial.stage == "search" else {}
        if trial.stage != "search":
            wrong = wrong_answers(trial)
            predicted_N = labels_N.copy()
            predicted_N[np.random.default_rng(wrong).permutation(IMAGES)[:wrong]] += 1
            error = 100 * wrong / IMAGES
            metrics = {"test_error": error, "test_error_best": error - 0.125, "params": 1e6, "addmult": 3e7}
            data = packed({"logits": np.zeros((IMAGES, 1), "<f2"), "predicted": predicted_N, "labels": labels_N})
            digest = hashlib.sha256(data).hexdigest()
            files["predictions.npz"] = {"path": "predictions.0001.npz", "bytes": len(data), "sha256": digest}
            storage.write(f"{TrialFolder(storage, trial.trial_id).path}/predictions.0001.npz", data, durable=False)
        row = TrialRow(
            trial_id=trial.trial_id,
            spec=trial.spec,
            config={},
            state="done",
            metrics=metrics,
            artifacts=artifacts,
            parents={each: {"genotype": artifact_digest({"search": _label(trial)})} for each in trial.parents},
            files=files,
            timing={"gpu_days": 0.04 if trial.stage == "search" else 0.0125},
            provenance={"commit": "0" * 40, "hardware": "made up"},
        )
        TrialFolder(storage, trial.trial_id).commit_row(row)


def _label(trial: PlannedTrial) -> str:
    """Return the label of the search that a training comes from."""
    return f"weighting={trial.coordinates['search.weighting']} seed={trial.coordinates['search.seed']}"
