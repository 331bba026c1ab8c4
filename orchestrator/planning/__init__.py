"""From an experiment to the list of its trials, written down before anything runs.

In: an `Experiment` and a catalog of what can be run. Out: a `Plan`, every trial of every stage with its id; or a
SpecError. All that can be checked without a machine is checked here. Pure: nothing is read but what the document names.
Public face: `plan.expand`.
"""

__all__ = ["plan", "selection"]
