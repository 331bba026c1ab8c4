"""Datasets: found, kept in a cache that all trials of a machine share, opened, and augmented on whole batches.

In: a name or a folder. Out: an identity (what a trial's id holds), and images. `catalog` and `datasets` load no torch.
Public face: `datasets.resolve`, `datasets.open_any`, `sources.fetch`.
"""

__all__ = [
    "augment",
    "cache",
    "catalog",
    "decoders",
    "decoding",
    "files",
    "policies",
    "sources",
    "store",
    "subsets",
    "transfer",
]
