"""What the stages of an experiment say: their order, their settings and axes, and what each name stands for.

In: an `Experiment` and the kinds of its trials. Out: a `StageGrid` for each stage, every value read as its field's
type; and the `PlannedTrial` that a point of it becomes.
Public face: `grid_reader.GridReader`.
"""

__all__ = ["config_fields", "grid", "grid_reader", "keys", "planned_trial", "references", "resolvers", "stage_order"]
