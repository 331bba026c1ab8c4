"""From a plan to rows: which trials may start, in which order, by which runner, and what is shown meanwhile.

In: a `Plan`, a `Ledger` and a `Runner`. Out: rows, written by the trials themselves; the ledger says which there are.
Public face: `run.run`, `local_runner.LocalRunner`.
"""

__all__ = [
    "alike",
    "display",
    "foresight",
    "gpus",
    "limit_texts",
    "limits",
    "local_runner",
    "near",
    "retries",
    "run",
    "selection",
    "session",
    "stop",
    "time_left",
]
