"""A storage of finished trials, made up: more than are looked at one by one, each of an hour ago."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from drive import planned

from trainables.record.entry import origins_of
from trainables.record.storage import Storage
from trainables.record.trial_folder import TrialFolder, seal
from trainables.trial import TrialRow, TrialSpec

SPECS = [planned(seed, epochs=1).spec for seed in range(40)]
IDS = [spec.trial_id for spec in SPECS]


def row_of(spec: TrialSpec, error: float = 5.0, state: str = "done") -> TrialRow:
    return TrialRow(
        trial_id=spec.trial_id,
        spec=spec,
        config={"width": 1, "epochs": 1},
        state="done" if state == "done" else "failed",
        metrics={"test_error": error, "params": 3.0},
        artifacts={"genotype": ["z", "a"]},
        provenance={"commit": "c", "asked_by": {"experiment": "e", "stage": "s", "label": "l"}},
    )


def finish_all(storage: Storage, specs: Iterable[TrialSpec] = SPECS, *, error: float = 5.0) -> None:
    """Write a done row of each."""
    for spec in specs:
        write(storage, row_of(spec, error))


def write(storage: Storage, row: TrialRow, *, age: float = 3600.0) -> None:
    """Write a row, on a disk as if it had been written so many seconds ago."""
    path = f"trials/{row.trial_id}/row.json"
    storage.write(path, seal(row), durable=False)
    if not storage.remote:
        os.utime(Path(storage.uri, path), (time.time() - age,) * 2)


def write_marked(storage: Storage, row: TrialRow, *, age: float = 3600.0) -> None:
    """Write a row as who computed it does, in an object store with its marker; in place of the one that was there."""
    storage.delete(f"trials/{row.trial_id}/row.json")
    assert TrialFolder(storage, row.trial_id).commit_row(row, origins_of({}))


def segments(storage: Storage) -> list[str]:
    return [name for name in storage.names("index") if name.endswith(".parquet")]
