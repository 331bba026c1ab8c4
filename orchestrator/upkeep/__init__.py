"""What keeps a record in order: verified, pruned, merged with others, packed for others, and its gaps explained.

In: a ledger, and the plans of experiments where trials are asked for by them. Out: what was found or done, as values
that the command line prints. Nothing is deleted or replaced that somebody works on, or that a named experiment needs.
Public face: `verify.verify`, `prune.useless`, `merge.Merge`, `bundle.pack`, `parquet.pack_parquet`, `why.Why`.
"""

__all__ = ["archive", "bundle", "family", "merge", "parquet", "parquet_members", "prune", "verify", "why"]
