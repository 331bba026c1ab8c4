"""`sharptune export wandb | mlflow`, with their own libraries, which are long to import."""

import sqlite3
from pathlib import Path

import pytest
from exported import recorded


@pytest.fixture(autouse=True)
def own_temporary_folders(tmp_path, monkeypatch):
    """W&B makes folders in the machine's as soon as it is imported, and other tests count what is left there."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_wandb_has_an_offline_run_for_each_trial_once(sharptune, run):
    run()
    first = sharptune("export", "wandb", "chains.yaml", "--json").json["runs"]
    again = sharptune("export", "wandb", "chains.yaml", "--json").json["runs"]

    assert first == again
    assert set(first) == set(recorded())
    folders = list(Path("wandb").glob("offline-run-*"))
    assert sorted(map(str, folders)) == sorted(first.values())
    assert all(list(Path(first[trial]).glob(f"run-{trial}.wandb")) for trial in first)
    sharptune("export", "wandb", "chains.yaml", "--set", "experiment=other")
    assert len(list(Path("wandb").glob("offline-run-*"))) == len(first)


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_a_run_for_each_trial_once(sharptune, run, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    run()
    first = sharptune("export", "mlflow", "chains.yaml", "--json").json["runs"]
    again = sharptune("export", "mlflow", "chains.yaml", "--json").json["runs"]

    assert first == again
    with sqlite3.connect("mlflow.db") as database:
        points = database.execute("SELECT run_uuid, step, value FROM metrics WHERE key = 'error'").fetchall()
    assert sorted(points) == sorted(
        (first[trial], epoch["epoch"], epoch["error"]) for trial, epochs in recorded().items() for epoch in epochs
    )
