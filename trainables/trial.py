"""What one trial is (TrialSpec), what it records (TrialRow), and the protocol of its code (Run)."""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

JSON = Any
"""A JSON value: None, bool, int, float, str, or lists and dicts of them."""

WITHIN = "genotype_within_"
"""How the key begins of what is derived from a parent's alphas for the trial that takes it, an architecture within a
budget: `genotype_within_600000000_addmult`."""

_MOST_VERSIONS = 1000
_NAME = re.compile(r"[\w-][\w.-]{0,199}", re.ASCII)
"""The name of a file beside a row."""
MOST_GPUS = 16
"""The GPUs of the largest node there is; a trial never spans nodes."""


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def canonical_json(value: JSON) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN. Raises: ValueError, TypeError."""
    return _CANONICAL.encode(value)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialSpec:
    """Everything that determines a trial's result, and nothing else."""

    trainable: str
    """What it is: `search` or `train`."""
    version: int
    """That of the trainable; raised when results change."""
    config: Mapping[str, JSON]
    """What differs from the config class's defaults."""
    seed: int
    """From which all its randomness is derived."""
    parents: tuple[str, ...] = ()
    """Ids of the trials whose results this one uses."""
    _id: str = field(default="", init=False, repr=False, compare=False)

    @property
    def trial_id(self) -> str:
        """12 hex digits, equal exactly when the specs are equal; names the trial's folder. Hashed once."""
        if not self._id:
            trial_id = hashlib.sha256(canonical_json(self.to_json()).encode()).hexdigest()[:12]
            object.__setattr__(self, "_id", trial_id)
        return self._id

    def to_json(self) -> dict[str, JSON]:
        return {
            "trainable": self.trainable,
            "version": self.version,
            "config": dict(self.config),
            "seed": self.seed,
            "parents": list(self.parents),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, JSON]) -> "TrialSpec":
        """Raises: KeyError, TypeError when keys are missing or of the wrong kind."""
        _expect("trainable", isinstance(data["trainable"], str))
        _expect("version", _is_whole(data["version"]) and 0 <= data["version"] <= _MOST_VERSIONS)
        _expect("config", isinstance(data["config"], dict))
        _expect("seed", _is_whole(data["seed"]))
        _expect("parents", isinstance(data["parents"], list) and _all(_is_text, data["parents"]))
        return cls(
            trainable=data["trainable"],
            version=data["version"],
            config=dict(data["config"]),
            seed=data["seed"],
            parents=tuple(data["parents"]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Where a run is, after one unit of work (an optimisation step, or one batch of an evaluation)."""

    epoch: int
    """The epoch under way or just finished, from 1."""
    step: int
    """Optimisation steps done in this epoch."""
    steps: int
    """Optimisation steps an epoch has."""
    metrics: Mapping[str, float] | None = None
    """The epoch's metrics, on the step that ends it; None on all others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a finished run found."""

    metrics: Mapping[str, float]
    artifacts: Mapping[str, JSON]
    files: Mapping[str, bytes]
    """Whole files by name: `weights-last.safetensors`, `predictions.npz`, ..."""
    epochs: list[Mapping[str, JSON]]
    """One row per epoch; becomes `epochs.parquet`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What a run has cost so far, with all the processes that carried it before this one."""

    device: str
    """`cpu`, or the accelerator's name."""
    seconds: float
    """Of an accelerator: from the start to the end of the work it was given; of one of them, where the run has several,
    for all are held for as long. On the CPU: of all cores and processes together. How much of the accelerator was
    held is not the run's to know: see `lineage.totals`."""
    peak_bytes: int
    """The most memory held at once."""


class Run(Protocol):
    """One trial's code: steps in, metrics and artifacts out.

    `state` may be called whenever `steps` has yielded; `load` only before `steps`. Loading a state and going on gives,
    on the same kind of machine, exactly the numbers of a run that was never interrupted.
    """

    def steps(self) -> Iterator[Step]:
        """Work to the end, pausing after each unit. Raises: TrialFailure."""
        ...

    def state(self) -> bytes:
        """Return everything needed to go on from here."""
        ...

    def load(self, state: bytes) -> None:
        """Take over a state that `state` returned. Raises: DamagedFile."""
        ...

    def spent(self) -> Spent:
        """Return what it has cost so far; before `steps`, what the state it was given had cost."""
        ...

    def outcome(self) -> Outcome:
        """Return the results, once `steps` is exhausted."""
        ...


RowState = Literal["done", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialRow:
    """The record of a finished or failed trial: `row.json`, the only commit point."""

    trial_id: str
    """The hash of its spec, and the name of its folder."""
    spec: TrialSpec
    """What determines the result: below."""
    config: Mapping[str, JSON]
    """The full effective config, defaults and parents' findings filled in."""
    state: RowState
    """Done, or failed."""
    metrics: Mapping[str, float]
    """What it measured, by name."""
    artifacts: Mapping[str, JSON]
    """What it found, by name: what a child can take."""
    error: str | None = None
    """Why it failed."""
    parents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What was taken from each parent: {parent id: {key: sha256 of what it was}}."""
    files: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    """The files beside the row: {name: {"path": its name there, "bytes": ..., "sha256": ...}}."""
    timing: Mapping[str, JSON] = field(default_factory=dict)
    """How long it took, and what it held meanwhile."""
    provenance: Mapping[str, JSON] = field(default_factory=dict)
    """Commit, versions, hardware, and who asked for it."""

    @property
    def adopted_from(self) -> str:
        """The trial that computed all this, where that was another one, which is alike; "" where it was this one."""
        return self.provenance.get("adopted_from") or ""

    @property
    def computed_by(self) -> str:
        """The trial that computed all this: this one, or the one it was adopted from."""
        return self.adopted_from or self.trial_id

    def found(self, key: str) -> JSON:
        """Return what a child can take of that name: an artifact, else a metric, else what is said of a file.

        Of a file these are its name and its sha256. None when there is nothing of the name.
        """
        if (told := self.files.get(key)) is not None:
            return {"file": key, "sha256": told["sha256"]}
        return self.artifacts.get(key, self.metrics.get(key))

    def digest(self, key: str) -> str:
        """Return the `artifact_digest` of what a child can take; "" when there is none."""
        value = self.found(key)
        return "" if value is None else artifact_digest(value)

    def contradiction(self, parent: "TrialRow", digests: "Digests | None" = None) -> str:
        """Return a sentence when this row was made from something that its parent's row no longer says; else "".

        Args:
            digests: of what parents found; for many rows, whose parents they share.
        """
        digests = digests or Digests()
        for key, digest in self.parents.get(parent.trial_id, {}).items():
            if digests.of(parent, key) != digest:
                return f"it was made from another {key} than its parent {parent.trial_id} now records"
        return ""

    def to_json(self) -> dict[str, JSON]:
        return {**asdict(self), "spec": self.spec.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, JSON]) -> "TrialRow":
        """Raises: KeyError, TypeError when keys are missing or unknown, or what they hold is of the wrong kind."""
        row = cls(**{**data, "spec": TrialSpec.from_json(data["spec"])})
        for name, holds in _ROW.items():
            _expect(name, holds(getattr(row, name)))
        return row


def _expect(name: str, holds: bool) -> None:
    if not holds:
        raise TypeError(f"its {name} is of the wrong kind")


def _all(holds: Callable[[JSON], bool], values: Iterable[JSON]) -> bool:
    return all(map(holds, values))


def _is_text(value: JSON) -> bool:
    return isinstance(value, str)


def _is_whole(value: JSON) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: JSON) -> bool:
    """Say whether a value is one that a float holds: tables compute with it."""
    known = isinstance(value, float) or _is_whole(value)
    return known and abs(value) <= sys.float_info.max


def _is_mapping(value: JSON) -> bool:
    return isinstance(value, dict)


def _is_of(holds: Callable[[JSON], bool]) -> Callable[[JSON], bool]:
    """Return what says whether a value is a mapping to values of which that holds."""
    return lambda value: isinstance(value, dict) and _all(holds, value.values())


def _are_files(value: JSON) -> bool:
    """Say whether this is what a row says of its files; their names lead nowhere else."""
    return isinstance(value, dict) and all(
        isinstance(told, dict) and _is_text(told.get("sha256")) and _is_name(name) and _is_name(told.get("path", name))
        for name, told in value.items()
    )


def _is_name(value: JSON) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_timing(value: JSON) -> bool:
    texts = {"started", "finished"}
    return isinstance(value, dict) and all(
        _is_text(held) if name in texts else _is_number(held) for name, held in value.items()
    )


def _is_provenance(value: JSON) -> bool:
    """Say whether what children and tables take from it is of its kind."""
    if not isinstance(value, dict):
        return False
    days, versions, gpus, twin = (value.get(name) for name in ("ancestors", "versions", "gpus", "adopted_from"))
    return (
        (twin is None or _is_text(twin))
        and (days is None or _is_of(_is_of(_is_number))(days))
        and (versions is None or _is_of(_is_text)(versions))
        and (gpus is None or (isinstance(gpus, list) and _all(_is_number, gpus)))
    )


_ROW: Mapping[str, Callable[[JSON], bool]] = {
    "trial_id": _is_text,
    "config": _is_mapping,
    "state": lambda value: value in ("done", "failed"),
    "metrics": _is_of(_is_number),
    "artifacts": _is_mapping,
    "error": lambda value: value is None or _is_text(value),
    "parents": _is_of(_is_of(_is_text)),
    "files": _are_files,
    "timing": _is_timing,
    "provenance": _is_provenance,
}
"""What must hold of each of a row's fields."""


def is_field(name: str, value: JSON) -> bool:
    """Say whether a value, read as JSON, is one that a row may have in the field of that name."""
    return _ROW[name](value)


class Digests:
    """The digests of what rows found: of each finding once, however many trials took it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[TrialRow, str]] = {}

    def of(self, row: TrialRow, key: str) -> str:
        """Return `artifact_digest` of what a child can take from a row; "" when there is none."""
        known = self._known.get((row.trial_id, key))
        if known is None or known[0] is not row:  # not seen yet, or the row was read anew
            known = self._known[row.trial_id, key] = row, row.digest(key)
        return known[1]


def artifact_digest(value: JSON) -> str:
    """Return the sha256 by which a child remembers the artifact it consumed."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
