"""The commands on trials at work: where they stand, what they say, and that they stop.

In: words. Out: text or JSON, and an exit code.
Public face: each file's commands, by the names that `cli.main` lists.
"""

__all__ = []
