"""How parameters move: learning-rate schedules, the steps of one and of two levels, and precision.

In: networks, losses and settings. Out: parameters that have moved.
Public face: `schedules.cosine_power`, `bilevel.FirstOrder`, `bilevel.SecondOrder`, `precision.Precision`.
"""

__all__ = ["bilevel", "descent", "precision", "schedules"]
