"""A trial as it is exported: its place in an experiment, and its row where it has one."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from orchestrator.ledger import Ledger
from orchestrator.rows import ASKED_BY
from trainables.errors import DamagedFile
from trainables.record.trial_folder import read_epochs
from trainables.trial import JSON, TrialRow, TrialSpec

EPOCHS = "epochs.parquet"
LONGEST_NAME = 100
_UNSAFE = re.compile(r"[^\w.=+-]+", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """A trial, whose it is, and its row; `row` is None where nothing is recorded yet."""

    spec: TrialSpec
    state: str
    row: TrialRow | None = None
    experiment: str | None = None
    stage: str | None = None
    label: str | None = None
    axes: Mapping[str, JSON] = field(default_factory=dict)
    """`stage.key` -> value or label, for its own stage and its ancestors'; empty where no plan says them."""
    error: str | None = None
    """Why it failed, or is blocked."""

    @classmethod
    def of_row(cls, row: TrialRow) -> "Exported":
        """Return the trial of a row, whose it is as the row says it."""
        said = row.provenance.get("asked_by")
        asked_by = said if isinstance(said, Mapping) else {}
        experiment, stage, label = (asked_by.get(name) for name in ASKED_BY)
        return cls(
            spec=row.spec, state=row.state, error=row.error, row=row, experiment=experiment, stage=stage, label=label
        )

    @property
    def trial_id(self) -> str:
        return self.spec.trial_id

    @property
    def project(self) -> str:
        """What a tracker files it under."""
        return self.experiment or "sharptune"

    @property
    def name(self) -> str:
        """What a tracker calls it: stage and label, or its id."""
        return " ".join(part for part in (self.stage, self.label) if part) or self.trial_id

    @property
    def settings(self) -> dict[str, JSON]:
        """Its axes, seed and whole effective config, by names that no tracker refuses; nested values as JSON text."""
        config = {} if self.row is None else self.row.config
        named = {**{f"axis.{name}": value for name, value in self.axes.items()}, "seed": self.spec.seed, **config}
        return {safe_name(name): plain(value) for name, value in named.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """What a tracker shows of a trial: its epochs' numbers in order, and when each was."""

    trial: Exported
    row: TrialRow
    epochs: Sequence[Mapping[str, Any]]
    """Numbers, and lists of them, as the alphas of a search are."""

    @property
    def started(self) -> float:
        return seconds_of(self.row.timing.get("started")) or 0.0

    @property
    def finished(self) -> float:
        return max(self.started, seconds_of(self.row.timing.get("finished")) or 0.0)

    def points(self) -> Iterator[tuple[int, float, dict[str, float]]]:
        """Yield epoch, time and numbers, without lists. The time is between start and end: no row says when it was."""
        for place, numbers in enumerate(self.epochs, start=1):
            epoch = int(numbers.get("epoch", place))
            when = self.started + (self.finished - self.started) * place / len(self.epochs)
            single = {name: value for name, value in numbers.items() if name != "epoch" and not isinstance(value, list)}
            yield epoch, when, {safe_name(name): value for name, value in single.items()}

    @property
    def found(self) -> dict[str, float]:
        """The row's metrics, by names that no tracker refuses."""
        return {safe_name(name): value for name, value in self.row.metrics.items()}

    @property
    def digest(self) -> str:
        """Equal where all that a tracker is told is equal."""
        trial = self.trial
        whose = [trial.project, trial.name, trial.stage, trial.state, trial.error]
        told = [whose, trial.settings, self.found, list(self.points())]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def curves(trials: Sequence[Exported], ledger: Ledger, note: Callable[[str], None]) -> Iterator[Curve]:
    """Yield what trackers show of the trials that have a row; `note` hears of one whose epochs cannot be read."""
    for trial in trials:
        if trial.row is not None:
            yield Curve(trial=trial, row=trial.row, epochs=epochs_of(trial.row, ledger, note))


def epochs_of(row: TrialRow, ledger: Ledger, note: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return the numbers of a trial's epochs, nulls left out; none where its row names no epochs.

    `note` hears of epochs that are not there or are damaged, for which there are none either.
    """
    if EPOCHS not in row.files:
        return []
    try:
        epochs = read_epochs(ledger.folder(row.trial_id).read_file(row, EPOCHS))
    except FileNotFoundError:
        note(f"trial {row.trial_id}: its epochs are not in its folder; copy {EPOCHS} there too")
        return []
    except DamagedFile as error:
        note(f"trial {row.trial_id}: {error}; sharptune retry {row.trial_id} computes it anew")
        return []
    return [{name: value for name, value in each.items() if value is not None} for each in epochs]


def plain(value: JSON) -> JSON:
    """Return a number, a truth, None or a text as it is, and anything nested as its JSON."""
    return value if value is None or isinstance(value, bool | int | float | str) else json.dumps(value)


def safe_name(name: str) -> str:
    """Return a name with nothing in it but ASCII letters, digits and `_.=+-`; it cannot leave a folder."""
    return _UNSAFE.sub("_", name).lstrip(".")[:LONGEST_NAME] or "_"


def seconds_of(said: JSON) -> float | None:
    """Return a time of a row in seconds since 1970; None where it is none."""
    when = time_of(said)
    return None if when is None else when.timestamp()


def time_of(said: JSON) -> datetime | None:
    """Return a time as a row says it; None where it is none."""
    try:
        when = datetime.fromisoformat(said)
    except (TypeError, ValueError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
