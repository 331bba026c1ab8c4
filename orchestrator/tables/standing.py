"""What stands behind the cells of a line at once: the rows that count, and what they have in common.

A cell needs its numbers, counts and marks; the evidence of each number is made when somebody asks for it. Both follow
the same rules, those of `evidence_for`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import overload

from orchestrator.planning.grids.planned_trial import PlannedTrial
from orchestrator.tables.evidence import RUN, Ancestry, Evidence, EvidenceState, Record, Slot, evidence_for, measured
from orchestrator.tables.grouping import drawn_stage, seeds_of
from trainables.trial import TrialRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """The slots of a line in one stage, and where each stands whatever it measured."""

    expected: int
    """How many slots there are, each ancestor that trials share once."""
    done: Sequence[TrialRow]
    """The rows that may be tabulated."""
    metrics: Sequence[Mapping[str, float]]
    """What each of these measured."""
    states: Mapping[EvidenceState, int]
    """How many of the slots are in each state."""
    unverified: frozenset[str]
    """The trials among the done ones of which a parent's row is missing."""
    doubles: Mapping[str, str]
    """The trials that are no draw of their own, as others among them are alike -> the one that counts."""
    undecided: bool
    """One would be the best of several trials, and there will be no best of them as things are."""
    draws: Mapping[str, str] | None
    """The independent draw that each trial goes back to; None where each is one of its own."""
    slots: Callable[[], Sequence[Slot]]
    """Returns the slots."""


def standing_of(
    record: Record, ancestry: Ancestry, trials: Sequence[PlannedTrial], stage: str, *, pools: bool
) -> Standing:
    """Return where a line's trials stand in a stage, each ancestor that they share once.

    Args:
        pools: the line pools over more than seeds.
    """
    if not trials or trials[0].stage == stage:
        return _standing(record, trials, (), lambda: [ancestry.slot(trial, stage) for trial in trials], pools=pools)
    slots = _slots(ancestry, trials, stage)
    known = [slot.chosen for slot in slots if slot.chosen is not None]
    return _standing(record, known, [slot for slot in slots if slot.chosen is None], lambda: slots, pools=pools)


def _standing(
    record: Record,
    trials: Sequence[PlannedTrial],
    unknown: Sequence[Slot],
    slots: Callable[[], Sequence[Slot]],
    *,
    pools: bool,
) -> Standing:
    """Return where trials stand, and slots of which the trial is not known."""
    rows = record.rows_of(trials)
    kept = [row for row in rows if row.state != "failed"]
    children = [row for row in kept if row.parents]
    untrusted = {row.trial_id for row in children if record.distrust(row.trial_id)}
    done = [row for row in kept if row.trial_id not in untrusted] if untrusted else kept
    doubles = record.doubles(trials, done)
    done = [row for row in done if row.trial_id not in doubles] if doubles else done
    undecided = sum(bool(slot.failed) for slot in unknown)
    return Standing(
        expected=len(trials) + len(unknown),
        done=done,
        metrics=[row.metrics for row in done],
        states={
            "done": len(done),
            "failed": len(rows) - len(kept) + undecided,
            "missing": len(trials) - len(rows) + len(unknown) - undecided,
            "untrusted": len(untrusted),
            "alike": len(doubles),
        },
        unverified=frozenset(row.trial_id for row in children if record.unverified(row.trial_id)) - untrusted,
        doubles=doubles,
        undecided=bool(undecided),
        draws=_draws(trials, pools=pools),
        slots=slots,
    )


def _slots(ancestry: Ancestry, trials: Sequence[PlannedTrial], stage: str) -> list[Slot]:
    """Return the slots of ancestors, each once: as the one whose row says which of several it took, if there is one."""
    found: dict[str, Slot] = {}
    for slot in (ancestry.slot(trial, stage) for trial in trials):
        there = found.get(slot.key)
        if there is None or _rank(slot) < _rank(there):
            found[slot.key] = slot
    return [*found.values()]


def _rank(slot: Slot) -> tuple[bool, str]:
    """Return what orders the slots of one ancestor: known ones first, then by their labels."""
    return (True, slot.failed) if slot.chosen is None else (False, slot.chosen.label)


def measurements(standing: Standing, metric: str) -> tuple[Sequence[TrialRow], list[float]]:
    """Return the rows that measured a metric, and what they measured."""
    if metric == RUN:
        return standing.done, [1.0] * len(standing.done)
    with suppress(KeyError):  # some row has no such metric
        plain = [*map(itemgetter(metric), standing.metrics)]
        if set(map(type, plain)) == {float} and all(map(math.isfinite, plain)):
            return standing.done, plain
    found = [(row, value) for row in standing.done if (value := measured(row, metric)) is not None]
    return [row for row, _ in found], [value for _, value in found]


def independent(standing: Standing, rows: Sequence[TrialRow]) -> int:
    """Return how many of some rows were drawn independently: a search's trainings share its draw, settings a seed."""
    draws = standing.draws
    return len(rows) if draws is None else len({draws[row.trial_id] for row in rows})


def _draws(trials: Sequence[PlannedTrial], *, pools: bool) -> Mapping[str, str] | None:
    """Return `Standing.draws`.

    Args:
        pools: the line pools over more than seeds.
    """
    if not trials:
        return None
    stage = drawn_stage(trials)
    if stage == trials[0].stage and not pools:
        return None
    return dict(zip((trial.trial_id for trial in trials), seeds_of(trials, stage), strict=True))


class Evidences(Sequence[Evidence]):
    """The evidence of one cell, made when it is asked for: by its labels, what is not known yet last."""

    def __init__(self, record: Record, standing: Standing, metric: str) -> None:
        self._of = record, standing, metric
        self._made: tuple[Evidence, ...] | None = None

    @property
    def made(self) -> tuple[Evidence, ...]:
        if self._made is None:
            _, standing, _ = self._of
            found = [(slot.chosen is None, slot.key, self._evidence(slot)) for slot in standing.slots()]
            ordered = sorted(found, key=lambda each: (each[0], each[2].label, each[1]))
            self._made = tuple(one for _, _, one in ordered)
        return self._made

    def _evidence(self, slot: Slot) -> Evidence:
        record, standing, metric = self._of
        one = evidence_for(record, slot, metric)
        if (counts := standing.doubles.get(one.trial_id)) is None:
            return one
        return replace(
            one, state="alike", value=None, reason=f"it shares its result with {counts}, which is alike and counts"
        )

    @overload
    def __getitem__(self, index: int) -> Evidence: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Evidence, ...]: ...
    def __getitem__(self, index: int | slice) -> Evidence | tuple[Evidence, ...]:
        return self.made[index]

    def __len__(self) -> int:
        return self._of[1].expected

    def __iter__(self) -> Iterator[Evidence]:
        return iter(self.made)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.made == tuple(other)

    def __hash__(self) -> int:
        return hash(len(self))
