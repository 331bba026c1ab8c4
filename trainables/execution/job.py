"""What a worker is told to do, and what it says of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from trainables.record.claims import Process
from trainables.trainable import Trainable
from trainables.trial import JSON, TrialRow, TrialSpec

State = Literal["running", "done", "failed", "busy", "stopped", "halted", "lost"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A trial and all a worker needs to know to run it. Travels as JSON."""

    spec: TrialSpec
    trainable: Trainable
    storage: str
    driver: str
    driver_process: Process
    threads: int = 1
    gpus: float = 0
    """The GPUs of its node that it may take: whole ones, or a fraction of one that it shares; 0 means the CPU."""
    asked_by: Mapping[str, str] = field(default_factory=dict)
    """Whose trial it is, for people: `experiment`, `stage`, `label`. Kept as provenance; no part of what it is."""
    commit: str = ""
    code: str | None = None
    """The digest of the code that the driver began with; where there is other code it is refused. None: not asked."""
    elsewhere: bool = False
    """It may run on another machine, which refuses unless it sees the driver's storage."""
    stale: int | None = None
    """The number of a claim that the driver found stale."""
    checkpoint_minutes: float = 10.0
    """How long a trial works at most, also inside an epoch, before it saves where it is."""
    keep_checkpoints: bool = False
    """Its checkpoints stay when it is done; those of one that failed always do."""
    time_limit: float | None = None
    """How many seconds a trial works at most, over all its attempts, before it is a failed one."""
    hang_minutes: float | None = None
    """How long its process may go without a step, where somebody watches it."""
    adopt: bool = True
    """It takes over the row of a trial that is alike and done, where there is one, and does not work itself."""

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "spec": self.spec.to_json()}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Job":
        data = json.loads(text)
        return cls(
            **{
                **data,
                "spec": TrialSpec.from_json(data["spec"]),
                "trainable": Trainable.from_json(data["trainable"]),
                "driver_process": Process(**data["driver_process"]),
            }
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What a runner hears of a trial while it works.

    `busy`: another driver has it. `stopped`: on request, with its checkpoint written. `lost`: another process took it
    over. `halted`: this machine cannot go on (a full disk, other code), which is no fault of the trial.
    """

    trial_id: str
    state: State
    epoch: int = 0
    step: int = 0
    steps: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    node: str = ""
    """The host it is on, and which attempt it is: of one that has its claim."""
    attempt: int = 0
    adopted_from: str = ""
    """Of one that is done: the trial that computed its row, where that was another one."""

    @classmethod
    def of_row(cls, row: TrialRow) -> "Progress":
        """Return how a trial ended, as its row has it."""
        told = {"metrics": row.metrics, "note": row.error or "", "adopted_from": row.adopted_from}
        return cls(trial_id=row.trial_id, state=row.state, **told)

    def to_json(self) -> dict[str, JSON]:
        return asdict(self)
