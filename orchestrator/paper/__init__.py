"""What the paper says, and our sizes beside it.

In: `experiments/paper.yaml`. Out: published tables, each number with its place in the paper.
Public face: `published.load_published`, `sizes.paper_sizes`.
"""

__all__ = ["published", "sizes"]
