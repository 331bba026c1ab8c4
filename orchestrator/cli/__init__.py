"""The command line, one file a command. Thin: each reads, calls and prints; nobody but its own rooms imports it.

In: words. Out: text or JSON, and an exit code.
Public face: `main.main`; what commands share: `options`, `output`, `reports`, `table`.
"""

__all__ = ["main", "options", "output", "reports", "table"]
