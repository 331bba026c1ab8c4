"""The runner on Ray Tune, on this machine or on a cluster: the only place of the orchestrator that imports Ray.

In: a `Session`'s ready trials. Out: progress and deaths, told to the session. Ray places and retries; it remembers
nothing that matters.
Public face: `runner.RayRunner`.
"""

__all__ = ["runner"]
