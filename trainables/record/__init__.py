"""The record of one trial under a storage: its folder, claims, checkpoints, lineage and provenance.

In: bytes and rows. Out: files that prove themselves; `row.json` is the only commit point. Knows no loop and no Ray.
Public face: `trial_folder.TrialFolder`, `storage.open_storage`.
"""

__all__ = ["addresses", "checkpoints", "claims", "lineage", "local_storage", "provenance", "storage", "trial_folder"]
