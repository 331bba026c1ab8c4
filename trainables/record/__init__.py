"""The record of one trial under a storage: its folder, claims, checkpoints, lineage and provenance.

In: bytes and rows. Out: files that prove themselves; `row.json` is the only commit point. Knows no loop and no Ray.
Public face: `trial_folder.TrialFolder`, `storage.open_storage`.
"""

__all__ = [
    "addresses",
    "beats",
    "checkpoints",
    "claims",
    "entry",
    "lineage",
    "listing",
    "local_storage",
    "log",
    "outputs",
    "provenance",
    "secrets",
    "storage",
    "temporary",
    "trial_folder",
]
