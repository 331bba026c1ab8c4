"""What a search did to its supernet, computed from its last weights: a kind of trial of its own.

In: a search's settings and weights. Out: a `Run` (see `trainables.trial`). Knows no record.
Public face: `diagnosis.start`.
"""

__all__ = ["diagnosis"]
