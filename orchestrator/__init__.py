"""Many trials: which, where, and what came out. No torch anywhere in here.

Public: `load_rows(storage)`, every trustworthy row under a storage as a pandas DataFrame.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.rows import load_rows

__all__ = ["load_rows"]


def __getattr__(name: str) -> Any:
    """Load what is public only when it is asked for: the command line must start fast."""
    if name == "load_rows":
        from orchestrator.rows import load_rows

        return load_rows
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
