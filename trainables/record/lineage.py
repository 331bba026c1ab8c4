"""What a trial takes from its parents: values for its config, and the days they cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from trainables.config import is_reference
from trainables.errors import DamagedFile, SharptuneError, TrialFailure
from trainables.record.entry import origins_of
from trainables.record.storage import Storage
from trainables.record.trial_folder import TrialFolder, digest_of, read_epochs
from trainables.trial import JSON, WITHIN, Spent, TrialRow, TrialSpec, artifact_digest

EPOCHS = "epochs.parquet"
CHOSEN = "chosen"
"""The artifact of a trial that takes the best of several: who won, by what, with which value."""
BEST_EPOCH = "best_epoch"
"""The metric of a search that says which epoch's alphas its findings are derived from."""
OF_BEST_EPOCH = ("genotype", "search_val_error_best")
"""What a search's row says of that epoch: another one, or other alphas, would hardly say the same."""
SECONDS_PER_DAY = 86_400.0


class ParentNotDone(SharptuneError):
    """A parent has no row that says done (any more): this trial must wait, which is no failure of its own."""


@dataclass(kw_only=True, slots=True)
class Inputs:
    """A config with its references filled in, and the receipt."""

    config: dict[str, JSON] = field(default_factory=dict)
    consumed: dict[str, dict[str, str]] = field(default_factory=dict)
    """{parent id: {key: sha256 of what was taken}}."""
    files: dict[str, tuple[TrialRow, str]] = field(default_factory=dict)
    """Settings that are files -> the row of the parent that has it, and its name there."""
    artifacts: dict[str, JSON] = field(default_factory=dict)
    """`CHOSEN`, when a parent was the best of several."""
    ancestors: dict[str, dict[str, float]] = field(default_factory=dict)
    """Days of every ancestor, each once: {the trial that worked: {"gpu_days": ..., "cpu_days": ...}}."""
    origins: str = ""
    """`origins_of` the rows that were read."""


Derive: TypeAlias = Callable[[str, TrialRow, Callable[[], Mapping[str, JSON]], Mapping[str, JSON]], JSON]
"""Of a key that begins with `WITHIN`, the row of the parent, what reads its alphas, and the trial's other settings."""
Derived: TypeAlias = Callable[[str, TrialRow, Mapping[str, JSON]], JSON]
"""The same, of which the alphas are known."""


def gather(storage: Storage, spec: TrialSpec, derive: Derive | None = None) -> Inputs:
    """Read what the parents found, and `derive` what a trial takes of what only their alphas tell.

    Raises: ParentNotDone, TrialFailure; what `derive` does.
    """
    rows = {parent: _done_row(storage, parent) for parent in spec.parents}
    inputs = taken_from(rows, spec, None if derive is None else _deriving(storage, derive))
    inputs.origins = origins_of({parent: digest_of(row) for parent, row in rows.items()})
    return inputs


def _deriving(storage: Storage, derive: Derive) -> Derived:
    """Return what `taken_from` takes as `derived`, with alphas that are read from the storage."""

    def derived(key: str, row: TrialRow, settings: Mapping[str, JSON]) -> JSON:
        return derive(key, row, lambda: recorded_alphas(TrialFolder(storage, row.trial_id), row)[1], settings)

    return derived


def taken_from(
    rows: Mapping[str, TrialRow],
    spec: TrialSpec,
    derived: Derived | None = None,
) -> Inputs:
    """Return what a trial takes from the rows of its parents, which are done.

    Args:
        derived: returns what a key that begins with `WITHIN` stands for, given the parent's row and the settings that
            are known without it.

    Raises: TrialFailure, also for such a key where nobody derives; what `derived` does.
    """
    inputs = Inputs()
    for row in rows.values():
        inputs.ancestors.update(row.provenance.get("ancestors", {}))
        inputs.ancestors[row.computed_by] = {kind: row.timing.get(kind, 0.0) for kind in ("gpu_days", "cpu_days")}
    inputs.config = {name: value for name, value in spec.config.items() if not is_reference(value)}
    references = {name: value for name, value in spec.config.items() if is_reference(value)}
    for name in sorted(references, key=lambda name: references[name]["key"].startswith(WITHIN)):  # these need the rest
        row, key = _meant(references[name], spec, rows, inputs), references[name]["key"]
        if derived is not None and key.startswith(WITHIN):
            for told in OF_BEST_EPOCH:
                _take(told, row, told, inputs)
            inputs.config[name] = derived(key, row, inputs.config)
        else:
            inputs.config[name] = _take(name, row, key, inputs)
    return inputs


def read_files(storage: Storage, inputs: Inputs) -> dict[str, bytes]:
    """Return the files of parents that settings are, proven to be what they were.

    Raises: DamagedFile, which is no fault of the settings: the parent can be computed anew.
    """
    return {setting: _read_file(storage, row, name) for setting, (row, name) in inputs.files.items()}


def _read_file(storage: Storage, row: TrialRow, name: str) -> bytes:
    try:
        return TrialFolder(storage, row.trial_id).read_file(row, name)
    except FileNotFoundError as error:
        raise DamagedFile(f"parent trial {row.trial_id} has lost its {name}; {_anew(row)}") from error
    except DamagedFile as error:
        raise DamagedFile(f"parent trial {row.trial_id}: {error}; {_anew(row)}") from error


def _anew(row: TrialRow) -> str:
    return f"sharptune retry {row.trial_id} computes it anew"


def recorded_alphas(folder: TrialFolder, row: TrialRow, epoch: int | None = None) -> tuple[int, dict[str, Any]]:
    """Return an epoch and its alphas by their names, as nested lists; the epoch of the search's findings when None.

    Raises: TrialFailure when there are none; DamagedFile where their file is lost or another.
    """
    name = f"trial {row.trial_id}"
    if row.state != "done" or "space" not in row.config:
        raise TrialFailure(f"{name} is no search that is done, so there are no alphas to derive from")
    if row.config.get("strategy") == "random":
        raise TrialFailure(f"{name} drew its architecture at random, so there are no alphas to derive from")
    try:
        epochs = read_epochs(folder.read_file(row, EPOCHS))
    except KeyError as error:
        raise TrialFailure(f"{name} has no {EPOCHS}, which would hold its alphas") from error
    except FileNotFoundError as error:
        lost = f"the {EPOCHS} of {name}, which holds its alphas, is not in its folder"
        raise DamagedFile(f"{lost}; {_anew(row)}") from error
    except DamagedFile as error:
        raise DamagedFile(f"{name}: {error}; {_anew(row)}") from error
    wanted = row.metrics.get(BEST_EPOCH) if epoch is None else epoch
    for recorded in epochs:
        if recorded.get("epoch") == wanted:
            alphas = {key: value for key, value in recorded.items() if _is_alphas(key, value)}
            if alphas:
                return int(recorded["epoch"]), alphas
    raise TrialFailure(f"{name} has recorded no alphas for epoch {wanted:g}; it has {len(epochs)} epochs")


def _is_alphas(key: str, value: Any) -> bool:
    return key.startswith("alphas") and isinstance(value, list)


def totals(spent: Spent, segments: Sequence[Mapping[str, JSON]], inputs: Inputs) -> dict[str, float]:
    """Return the trial's own days and those with all its ancestors'.

    A day of a whole GPU is a GPU day: a trial is charged for what it held, a quarter of one or two of them, each of its
    segments by itself, since the next one may hold another share. A segment has its `device`, the `gpus` it held, and
    as `device_seconds` those that had been spent before it.
    """
    ends = [*(segment.get("device_seconds", 0.0) for segment in segments[1:]), spent.seconds]
    own = {"gpu_days": 0.0, "cpu_days": 0.0}
    for segment, end in zip(segments, ends, strict=True):
        days = (end - segment.get("device_seconds", 0.0)) / SECONDS_PER_DAY
        if segment.get("device", "cpu") == "cpu":
            own["cpu_days"] += days
        else:
            own["gpu_days"] += days * segment.get("gpus", 1)
    return with_ancestors(own, inputs.ancestors)


def with_ancestors(own: Mapping[str, float], ancestors: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return a trial's own days, by their kind, and those with all its ancestors', which are as in `Inputs`."""
    whole = {
        f"{kind}_total": value + sum(ancestor.get(kind, 0.0) for ancestor in ancestors.values())
        for kind, value in own.items()
    }
    return {**own, **whole}


def _meant(reference: Mapping[str, JSON], spec: TrialSpec, rows: Mapping[str, TrialRow], inputs: Inputs) -> TrialRow:
    """Return the row of the parent that a reference points to."""
    parent = reference["parent"]
    return _best(parent["best"], rows, inputs) if isinstance(parent, Mapping) else rows[spec.parents[parent]]


def _take(setting: str, row: TrialRow, key: str, inputs: Inputs) -> JSON:
    """Return what a parent has found, for a setting, and note it in the receipt."""
    value = row.found(key)
    if value is None:
        raise TrialFailure(f"parent trial {row.trial_id} found no {key!r}")
    inputs.consumed.setdefault(row.trial_id, {})[key] = artifact_digest(value)
    if key in row.files:
        inputs.files[setting] = (row, key)
    return value


def _best(criterion: str, rows: Mapping[str, TrialRow], inputs: Inputs) -> TrialRow:
    """Return the parent with the lowest value; ties go to the smallest id."""
    for row in rows.values():
        if criterion not in row.metrics:
            raise TrialFailure(f"parent trial {row.trial_id} has no metric {criterion!r}")
        inputs.consumed.setdefault(row.trial_id, {})[criterion] = artifact_digest(row.metrics[criterion])
    winner = min(rows.values(), key=lambda row: (row.metrics[criterion], row.trial_id))
    inputs.artifacts[CHOSEN] = {
        "trial": winner.trial_id,
        "criterion": criterion,
        "value": winner.metrics[criterion],
    }
    return winner


def _done_row(storage: Storage, trial_id: str) -> TrialRow:
    try:
        row = TrialFolder(storage, trial_id).read_row()
    except DamagedFile as error:
        raise ParentNotDone(f"parent trial {trial_id} has a damaged row: {error}") from error
    if row is None or row.state != "done":
        raise ParentNotDone(f"parent trial {trial_id} is not done")
    return row
