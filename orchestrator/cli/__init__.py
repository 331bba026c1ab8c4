"""The command line, one file a command. Thin: each reads, calls and prints; nobody outside imports it.

In: words. Out: text or JSON, and an exit code.
Public face: `main.main`.
"""

__all__ = ["main", "options", "output", "reports", "table"]
