"""One trial in several processes: who computes which share of a batch, and how they stay together.

In: a trial's settings, in each process. Out: the gradients and sums of the whole batch, equal in all of them.
Public face: `rank_processes.lead`, `team.Team`, `shares.share`.
"""

__all__ = ["rank_processes", "shares", "team"]
