"""The commands on the record itself: where it stands, why, and how it is mended, shared and kept small.

In: words. Out: text or JSON, and an exit code.
Public face: each file's commands, by the names that `cli.main` lists.
"""

__all__ = []
