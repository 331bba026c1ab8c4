"""The loops of search, random search and final training, each read from top to bottom, and what they share.

In: a config, a seed and a dataset. Out: a `Run` (see `trainables.trial`): steps, state, outcome. Knows no record.
Public face: `search.start`, `training.start`, `predictions.right_answers`.
"""

__all__ = [
    "budgeted",
    "derived",
    "devices",
    "evaluation",
    "images",
    "metering",
    "predictions",
    "randomness",
    "search",
    "states",
    "supernets",
    "training",
]
