"""What stands behind each number of a table: which trial, which row, and whether it may be trusted.

A *slot* is one place a number can come from: a trial of the table's own stage, or one of its ancestors. A search that
three trainings share is one slot, so it counts once.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from orchestrator.planning.grids.planned_trial import PlannedTrial
from orchestrator.tables.doubles import doubles_of
from trainables.trainable import Trainable
from trainables.trial import JSON, Digests, TrialRow, canonical_json

RUN = ""
"""The metric that every finished run has, with the value 1: counting it counts runs."""

EvidenceState = Literal["done", "failed", "missing", "untrusted", "unmeasured", "alike"]
"""`alike`: another trial, whose number is in the same cell, is alike and has the same result, and counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """Where one number comes from."""

    candidates: tuple[PlannedTrial, ...]
    """The trial; or, for the best of several parents, all of them."""
    chosen: PlannedTrial | None
    """The trial; None while the best of several is not known, or where none can be."""
    failed: str = ""
    """Why there will be no best of them as things are; "" where there is one, or may be yet."""

    @property
    def key(self) -> str:
        return " ".join(sorted(trial.trial_id for trial in self.candidates))


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One slot's answer to one column."""

    trial_id: str
    label: str
    state: EvidenceState
    value: float | None = None
    reason: str = ""
    commit: str = ""
    code: str = ""
    """The digest of the code that computed it, where the row has one."""
    versions: Mapping[str, JSON] | None = None
    hardware: str = ""
    gpus: tuple[float, ...] | None = None
    """The GPUs it held: whole ones or a fraction of one, several where it went on with another share; () on a CPU. None
    where its row does not say."""
    resumed: bool = False
    """It was interrupted and went on under other code, versions, threads or hardware."""
    adopted_from: str = ""
    """The trial that computed it, where that was another one, which is alike."""
    unverified: bool = False
    """A parent's row is not there any more, so what was taken from it cannot be checked."""
    undecided: bool = False
    """It would be that of the best of several trials, and there will be no best of them as things are."""

    @property
    def share(self) -> str:
        """The GPUs it held, for a line: `0.25 GPU`, `2 GPUs`, `0.25, 1 GPU`; "" where none are known of."""
        if not self.gpus:
            return ""
        return f"{', '.join(f'{gpus:g}' for gpus in self.gpus)} GPU{'s' if self.gpus[-1] > 1 else ''}"

    @property
    def source(self) -> str:
        """What it was computed by, shortened for a line: `3c087886eb43`, `3c087886eb43-dirty`, `sharptune 0.1.0`."""
        commit, dirty, rest = self.commit.partition("-dirty")
        return commit[:12] + dirty + rest if re.fullmatch("[0-9a-f]{40}", commit) else self.commit


class Origin(NamedTuple):
    """What a row was made by, as far as runs of one cell should have it in common."""

    commit: str
    code: str
    versions: str
    """As JSON."""
    hardware: str
    gpus: tuple[float, ...] | None
    resumed: bool


_MADE_BY = itemgetter("commit", "code", "versions", "hardware", "gpus", "mixed")
"""Returns what of a row's provenance its origin is made of."""
_UNSAID = dict.fromkeys(("commit", "code", "versions", "gpus", "mixed"))


class Record:
    """The rows, and which of them may be tabulated."""

    def __init__(self, rows: Mapping[str, TrialRow], entries: Mapping[str, Trainable]) -> None:
        """Take rows by trial id, and of each stage the kind of its trials, which tells those that are one draw."""
        self._rows = rows
        self._entries = entries
        self._distrust: dict[str, str] = {}
        self._unverified: dict[str, bool] = {}
        self._digests = Digests()
        self._origins: dict[tuple[Any, ...], Origin] = {}

    def row(self, trial_id: str) -> TrialRow | None:
        return self._rows.get(trial_id)

    def rows_of(self, trials: Iterable[PlannedTrial]) -> list[TrialRow]:
        """Return the rows that there are of these trials."""
        row_of = self._rows.get
        return [row for trial in trials if (row := row_of(trial.trial_id)) is not None]

    def doubles(self, trials: Iterable[PlannedTrial], rows: Sequence[TrialRow]) -> dict[str, str]:
        """Return which of some trials' done rows are no draw of their own -> the one that counts; see `doubles_of`."""
        return doubles_of(self._entries, trials, rows)

    def distrust(self, trial_id: str) -> str:
        """Return why a row must not be tabulated; "" for one that may.

        A child remembers the sha256 of everything it took from its parents. When a parent's row now says something
        else, the child's result belongs to another experiment than the one in the plan.
        """
        if trial_id not in self._distrust:
            self._distrust[trial_id] = self._find_distrust(trial_id)
        return self._distrust[trial_id]

    def unverified(self, trial_id: str) -> bool:
        """Say whether some ancestor's row is missing, so that what was taken from it cannot be checked."""
        if trial_id not in self._unverified:
            parents = [self._done(parent) for parent in self._rows[trial_id].parents]
            self._unverified[trial_id] = any(parent is None or self.unverified(parent.trial_id) for parent in parents)
        return self._unverified[trial_id]

    def origin(self, row: TrialRow) -> Origin:
        """Return what a row was made by."""
        return self._origin(_made_by(row))

    def origins(self, rows: Iterable[TrialRow]) -> set[Origin]:
        """Return what rows were made by; where neighbours say the same, as most do, it is looked at once."""
        return {self._origin(said) for said, _ in groupby(map(_made_by, rows))}

    def _origin(self, said: tuple[JSON, ...]) -> Origin:
        commit, code, versions, hardware, gpus, mixed = said
        shares = None if gpus is None else tuple(gpus)
        items = tuple(versions.items()) if isinstance(versions, dict) else None
        key = (commit, code, items, hardware, shares, mixed)
        with suppress(KeyError, TypeError):  # not seen yet, or versions that are no plain texts
            return self._origins[key]
        origin = Origin(
            commit=_text(commit),
            code=_text(code),
            versions=canonical_json(versions),
            hardware=_text(hardware),
            gpus=shares,
            resumed=bool(mixed),
        )
        with suppress(TypeError):
            self._origins[key] = origin
        return origin

    def _find_distrust(self, trial_id: str) -> str:
        row = self._done(trial_id)
        for parent_id in row.parents if row else ():
            parent = self._done(parent_id)
            if row is None or parent is None:
                continue
            if stale := row.contradiction(parent, self._digests):
                return stale
            if self.distrust(parent_id):
                return f"its parent {parent_id} cannot be trusted: {self.distrust(parent_id)}"
        return ""

    def _done(self, trial_id: str) -> TrialRow | None:
        row = self._rows.get(trial_id)
        return row if row is not None and row.state == "done" else None


def _made_by(row: TrialRow) -> tuple[JSON, ...]:
    """Return what a row says of what it was made by; None for what it does not say."""
    try:
        return _MADE_BY(row.provenance)
    except KeyError:
        return _MADE_BY({**_UNSAID, "hardware": row.provenance.get("device"), **row.provenance})


def _text(said: JSON) -> str:
    return "" if said is None else str(said)


def measured(row: TrialRow, metric: str) -> float | None:
    """Return a row's metric or timing; None when it measured no such thing, or nothing finite."""
    if metric == RUN:
        return 1.0
    value = row.metrics.get(metric, row.timing.get(metric))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= sys.float_info.max else None


def evidence_for(record: Record, slot: Slot, metric: str) -> Evidence:
    """Return what one slot says about one metric."""
    if slot.chosen is None:
        waiting = f"the best of {len(slot.candidates)} trials is not known yet"
        reason, state = slot.failed or waiting, "failed" if slot.failed else "missing"
        return Evidence(trial_id=slot.key, label=reason, state=state, reason=reason, undecided=bool(slot.failed))
    trial_id, label = slot.chosen.trial_id, slot.chosen.label
    row = record.row(trial_id)
    if row is None:
        return Evidence(trial_id=trial_id, label=label, state="missing", reason="it has no row yet")
    if row.state == "failed":
        return Evidence(trial_id=trial_id, label=label, state="failed", reason=row.error or "it failed")
    if reason := record.distrust(trial_id):
        return Evidence(trial_id=trial_id, label=label, state="untrusted", reason=reason)
    value = measured(row, metric)
    if value is None:
        return Evidence(trial_id=trial_id, label=label, state="unmeasured", reason=f"it did not measure {metric}")
    origin = record.origin(row)
    return Evidence(
        trial_id=trial_id,
        label=label,
        state="done",
        value=value,
        commit=origin.commit,
        code=origin.code,
        versions=row.provenance.get("versions"),
        hardware=origin.hardware,
        gpus=origin.gpus,
        resumed=origin.resumed,
        adopted_from=row.adopted_from,
        unverified=record.unverified(trial_id),
    )


class Ancestry:
    """Who descends from whom in a plan."""

    def __init__(self, trials: Iterable[PlannedTrial], record: Record) -> None:
        self._trials = trials
        self._record = record
        self._single: dict[tuple[str, str], Slot] = {}

    @cached_property
    def _at(self) -> dict[tuple[str, str], PlannedTrial]:
        return {(trial.stage, trial.trial_id): trial for trial in self._trials}

    def slot(self, trial: PlannedTrial, stage: str) -> Slot:
        """Return the slot of a trial's ancestor in a stage, or of the trial itself. Raises: KeyError."""
        if stage == trial.stage:
            return Slot(candidates=(trial,), chosen=trial)
        if all(len(trial.ancestors[each]) == 1 for each in trial.lineage[1:]):
            place = (stage, trial.ancestors[stage][0])
            if place not in self._single:
                one = self._at[place]
                self._single[place] = Slot(candidates=(one,), chosen=one)
            return self._single[place]
        candidates = tuple(self._at[stage, each] for each in trial.ancestors[stage])
        nearest: PlannedTrial = trial
        for nearer in trial.lineage[1 : trial.lineage.index(stage) + 1]:
            chosen = self._chosen(nearest, nearer)
            if chosen is None:
                return Slot(candidates=candidates, chosen=None, failed=self._why_none(nearest))
            nearest = chosen
        return Slot(candidates=candidates, chosen=nearest)

    def _chosen(self, child: PlannedTrial, stage: str) -> PlannedTrial | None:
        """Return the parent whose finding the child took, if that can be known."""
        candidates = child.ancestors[stage]
        if len(candidates) == 1:
            return self._at[stage, candidates[0]]
        row = self._record.row(child.trial_id)
        winner = row.artifacts.get("chosen", {}).get("trial") if row else None
        return next((self._at[stage, each] for each in candidates if each == winner), None)

    def _why_none(self, child: PlannedTrial) -> str:
        """Return why a trial will not take the best of its parents as things are; "" where it may yet."""
        row = self._record.row(child.trial_id)
        if row is not None and row.state == "failed":
            return f"Trial {child.trial_id}, which takes the best of {len(child.parents)}, failed"
        behind = [each for trials in child.ancestors.values() for each in trials]
        failed = [each for each in behind if self._has_failed(each)]
        among = f"There is no best of {len(child.parents)} trials for {child.trial_id}, as"
        return f"{among} {failed[0]} failed" if failed else ""

    def _has_failed(self, trial_id: str) -> bool:
        row = self._record.row(trial_id)
        return row is not None and row.state == "failed"
