"""What a trial carries from attempt to attempt, and what its row says of it: when, for how long, by what, and where."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from trainables.execution.job import Job
from trainables.record import provenance
from trainables.record.claims import Claim
from trainables.record.lineage import Inputs, totals, with_ancestors
from trainables.trial import JSON, Spent, TrialRow, canonical_json

NO_CONDITION = frozenset({"epoch", "step", "attempt", "host", "device_seconds", "gpus"})
"""What a run's segments may differ in without a digit of its results depending on it."""


class History:
    """A trial's past, to which this attempt adds its own segment. Travels in checkpoints."""

    def __init__(self, job: Job, claim: Claim) -> None:
        self._job = job
        self._claim = claim
        self._code = job.code or provenance.code_digest()
        self._past: dict[str, JSON] = {"started": _now(), "wall_seconds": 0.0, "segments": []}
        self._since = time.monotonic()

    def take_over(self, past: Mapping[str, JSON]) -> None:
        """Go on from what a checkpoint carried."""
        self._past = {**self._past, **past}

    def begin(self, *, epoch: int, step: int, spent: Spent, gpus: float) -> None:
        """Note where this attempt starts, and on what."""
        segment = {
            "epoch": epoch,
            "step": step,
            "attempt": self._claim.attempt,
            "code": self._code,
            "threads": self._job.threads,
            "device": spent.device,
            "device_seconds": spent.seconds,
            "gpus": gpus,
            **provenance.machine(),
        }
        self._past["segments"] = [*self._past["segments"], segment]

    def to_json(self) -> dict[str, JSON]:
        """Return what a checkpoint carries on."""
        return {**self._past, "wall_seconds": self.wall_seconds}

    def timing(self, inputs: Inputs, spent: Spent | None = None) -> dict[str, JSON]:
        """Return a row's `timing`; without days and memory for a trial that has not said what it spent."""
        timing = {"started": self._past["started"], "finished": _now(), "wall_seconds": self.wall_seconds}
        if spent is not None:
            timing["device_seconds"] = spent.seconds
            timing["peak_memory_bytes"] = spent.peak_bytes
            timing.update(totals(spent, self._past["segments"], inputs))
        return timing

    def provenance(self, inputs: Inputs) -> dict[str, JSON]:
        """Return a row's `provenance`."""
        segments = self._past["segments"]
        kinds = {canonical_json({name: s[name] for name in s.keys() - NO_CONDITION}) for s in segments}
        device = segments[-1]["device"] if segments else "cpu"
        return {
            "asked_by": dict(self._job.asked_by),
            "commit": self._job.commit,
            "code": self._code,
            "versions": provenance.versions(),
            "hardware": provenance.processor() if device == "cpu" else device,
            "gpus": sorted({gpus for segment in segments if (gpus := segment.get("gpus"))}),
            "host": self._claim.worker_process.host,
            "threads": self._job.threads,
            "attempts": self._claim.number,
            "segments": segments,
            "mixed": len(kinds) > 1,
            "ancestors": inputs.ancestors,
        }

    def timing_of(self, twin: TrialRow, inputs: Inputs, *, worked: float) -> dict[str, JSON]:
        """Return the `timing` of a row that is taken over from another trial.

        Its seconds are its own: none, but for those of wall time that it had `worked` before. Its days are what this
        way to the result costs: the other's, and those of its own ancestors, of which the other may be one.
        """
        own = {kind: float(twin.timing.get(kind, 0.0)) for kind in ("gpu_days", "cpu_days")}
        others = {trial_id: days for trial_id, days in inputs.ancestors.items() if trial_id != twin.computed_by}
        return {
            "started": self._past["started"],
            "finished": _now(),
            "wall_seconds": worked + self.wall_seconds,
            "device_seconds": 0.0,
            "peak_memory_bytes": twin.timing.get("peak_memory_bytes", 0),
            **with_ancestors(own, others),
        }

    def provenance_of(self, twin: TrialRow, inputs: Inputs) -> dict[str, JSON]:
        """Return the `provenance` of such a row: what made it is what made the other's."""
        asked_by = dict(self._job.asked_by)
        own = {"asked_by": asked_by, "attempts": self._claim.number, "ancestors": inputs.ancestors}
        return {**twin.provenance, **own, "adopted_from": twin.computed_by}

    @property
    def wall_seconds(self) -> float:
        """Of all attempts, as far as checkpoints carried them."""
        return self._past["wall_seconds"] + time.monotonic() - self._since


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
