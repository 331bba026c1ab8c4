"""The commands on architectures, which need no record: their sizes, spaces and genotypes.

In: words. Out: text or JSON, and an exit code.
Public face: each file's commands, by the names that `cli.main` lists.
"""

__all__ = []
