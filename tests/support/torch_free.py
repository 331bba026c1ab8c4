"""Which modules of `trainables` are free of torch and Ray."""

TORCH_FREE = (
    "trainables.architecture.genotype",
    "trainables.architecture.hypercuboid",
    "trainables.architecture.networks",
    "trainables.architecture.primitives",
    "trainables.architecture.published",
    "trainables.architecture.spaces",
    "trainables.catalog",
    "trainables.record.checkpoints",
    "trainables.record.claims",
    "trainables.config",
    "trainables.data.catalog",
    "trainables.data.datasets",
    "trainables.errors",
    "trainables.execution.attempt",
    "trainables.execution.job",
    "trainables.record.lineage",
    "trainables.optimization.schedules",
    "trainables.record.provenance",
    "trainables.record.trial_folder",
    "trainables.distributed.shares",
    "trainables.record.storage",
    "trainables.trial",
)
"""What the orchestrator may import at the top of a file; loading any of it loads neither torch nor Ray."""
