"""How fast a run goes, and so how long the rest of it takes."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.running.session import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What is known of a run before it begins."""

    stages: Mapping[str, Sequence[str]]
    """Trial ids by stage."""
    done: Sequence[str]
    """Those that have a row already."""
    epochs: Mapping[str, int]
    """Epochs of each trial, where it has such a thing."""
    costs: Mapping[str, float]
    """Expected costs, in any unit."""
    headline: Mapping[str, str]
    """The metric to show for each trainable."""


@dataclass(kw_only=True)
class Pace:
    """Estimates how long the rest takes, from the expected cost of what was finished and what it took.

    A stage of which something was finished goes by itself. Costs of unlike stages compare badly, so for the others only
    the square root of the ratio is believed.
    """

    outline: Outline
    clock: Callable[[], float] = time.monotonic
    _began: dict[str, float] = field(default_factory=dict, init=False)
    _first: dict[str, tuple[float, float]] = field(default_factory=dict, init=False)
    """Where a trial was when it was first heard of in this run, in epochs, and when that was."""
    _here: dict[str, float] = field(default_factory=dict, init=False)
    """Where it was last, in epochs."""
    _finished: dict[str, list[tuple[float, float]]] = field(default_factory=dict, init=False)
    """Stage -> (seconds, expected cost) of what this run finished."""

    def on_event(self, event: Event) -> None:
        if event.trial is None:
            return
        trial_id, now = event.trial.trial_id, self.clock()
        if event.kind == "started":
            self._forget(trial_id)  # it may have died, and start again from its checkpoint
            self._began[trial_id] = now
        elif event.kind == "progress" and event.progress is not None:
            progress = event.progress
            under_way = bool(progress.steps) and not progress.metrics
            self._here[trial_id] = progress.epoch - 1 + progress.step / progress.steps if under_way else progress.epoch
            self._first.setdefault(trial_id, (self._here[trial_id], now))
        elif event.kind in ("finished", "released"):
            begun = self._began.get(trial_id)
            done = event.progress is not None and event.progress.state == "done"
            if begun is not None and done:
                cost = self.outline.costs.get(trial_id, 0.0)
                self._finished.setdefault(event.trial.stage, []).append((now - begun, cost))
            self._forget(trial_id)

    def left(self, trial_id: str) -> float | None:
        """Return the seconds a running trial still needs; None until it has told twice where it is."""
        epochs, here = self.outline.epochs.get(trial_id), self._here.get(trial_id)
        if epochs is None or here is None:
            return None
        first, since = self._first[trial_id]
        if here <= first:
            return None
        return max(0.0, (epochs - here) * (self.clock() - since) / (here - first))

    def left_in_all(self, open_ids: Sequence[str], at_once: int) -> float | None:
        """Return the seconds all open trials still need, `at_once` at a time; None until one has finished."""
        if not self._finished:
            return None
        stage_of = {trial_id: stage for stage, ids in self.outline.stages.items() for trial_id in ids}
        seconds = {trial_id: self._expected_seconds(trial_id, stage_of.get(trial_id, "")) for trial_id in open_ids}
        now = self.clock()
        behind = sum(min(now - begun, seconds.get(trial_id, 0.0)) for trial_id, begun in self._began.items())
        return max(0.0, sum(seconds.values()) - behind) / max(1, at_once)

    def _expected_seconds(self, trial_id: str, stage: str) -> float:
        alike = self._finished.get(stage)
        known = alike or [pair for pairs in self._finished.values() for pair in pairs]
        spent, bought = (sum(column) for column in zip(*known, strict=True))
        if bought <= 0:
            return spent / len(known)
        ratio = self.outline.costs.get(trial_id, 0.0) * len(known) / bought
        return spent / len(known) * (ratio if alike else math.sqrt(ratio))

    def _forget(self, trial_id: str) -> None:
        for known in (self._began, self._first, self._here):
            known.pop(trial_id, None)


def duration(seconds: float) -> str:
    """Return seconds as people say them: `45 s`, `3 min`, `2 h 05 min`, `3 d 4 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def left_text(seconds: float | None, what: str = "left") -> str:
    """Return `3 min left`; empty while nobody knows, and when it is not worth saying."""
    return "" if seconds is None or seconds < 1 else f"{duration(seconds)} {what}"
