"""How long the rest of a plan takes: what trials last, which run at a time, and so when all are done, and how sure.

In: planned trials, their states, and the slots there are. Out: a `Forecast`, its words and its JSON. No clock,
no chance: the same trials and states give the same forecast.
Public face: `forecast.foresee`, `slots.Slots`, `words.lines`.
"""

__all__ = ["durations", "elsewhere", "forecast", "outlook", "pace", "rough", "schedule", "slots", "words"]
