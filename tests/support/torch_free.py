"""Which modules of `trainables` are free of torch and Ray."""

TORCH_FREE = (
    "trainables.architecture.genotype",
    "trainables.architecture.hypercuboid",
    "trainables.architecture.networks",
    "trainables.architecture.primitives",
    "trainables.architecture.published",
    "trainables.architecture.spaces",
    "trainables.catalog",
    "trainables.checkpoints",
    "trainables.claims",
    "trainables.config",
    "trainables.data.catalog",
    "trainables.errors",
    "trainables.execution",
    "trainables.job",
    "trainables.lineage",
    "trainables.optimization.schedules",
    "trainables.provenance",
    "trainables.record",
    "trainables.shares",
    "trainables.storage",
    "trainables.trial",
)
"""What the orchestrator may import at the top of a file; loading any of it loads neither torch nor Ray."""
