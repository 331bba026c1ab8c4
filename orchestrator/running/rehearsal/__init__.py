"""A grid rehearsed before it costs anything: stand-ins on the real runner, faults on a seeded schedule, and the proof.

In: a plan and a catalog. Out: a `Report`: which faults there were, and what they changed (nothing).
Public face: `rehearsal.Rehearsal`, `stand_ins.rehearsed`.
"""

__all__ = ["faults", "rehearsal", "stand_ins"]
