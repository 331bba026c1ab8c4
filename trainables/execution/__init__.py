"""Carries one trial to its row, from wherever it stands: claim, checkpoints, run, files, row.

In: a `Job`. Out: the row in its folder, and `Progress` on the way. Knows no loop: a loop is reached by its import path.
Public face: `attempt.execute`, `job.Job`.
"""

__all__ = ["attempt", "hang_watch", "job", "likeness", "printed", "signals"]
