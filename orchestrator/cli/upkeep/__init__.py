"""The commands that keep a record in order, and ask it why: verify, prune, merge, bundle, why, retry.

In: words of a command line. Out: what `orchestrator.upkeep` found or did, as text or JSON, and an exit code.
Public face: none; `cli.main` names the commands by their modules.
"""

__all__ = []
