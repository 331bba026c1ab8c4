"""The index: done rows of many trials in few files, beside the trials. `row.json` stays the only truth.

In: a storage, the trials that are asked for, and their rows. Out: the rows whose `row.json` is as it was when they were
indexed, and nothing of any other; and segments, written by drivers and by `sharptune index`.
Public face: `index.Index`, `check.check_index`.
"""

__all__ = ["check", "index"]
