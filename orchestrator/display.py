"""What a run shows while it works: live bars on a terminal, plain lines anywhere else."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from orchestrator.plan import PlannedTrial
from orchestrator.running import Event

QUIET_SECONDS = 30.0
"""In plain lines, a running trial says where it is this often at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What is known of a run before it begins."""

    stages: Mapping[str, Sequence[str]]
    """Trial ids by stage."""
    done: Sequence[str]
    epochs: Mapping[str, int]
    """Epochs of each trial, where it has such a thing."""
    costs: Mapping[str, float]
    """Expected costs, in any unit."""
    headline: Mapping[str, str]
    """The metric to show for each trainable."""


class Display(Protocol):
    def __call__(self, event: Event) -> None: ...

    def __enter__(self) -> "Display": ...

    def __exit__(self, *exception: object) -> None: ...


@dataclass(kw_only=True)
class Pace:
    """Estimates how long the rest takes, from the expected cost of what was finished and what it took."""

    outline: Outline
    clock: Callable[[], float] = time.monotonic
    began: dict[str, float] = field(default_factory=dict)
    at: dict[str, tuple[int, float]] = field(default_factory=dict)
    """The first epoch heard of in this run, and when."""
    epoch: dict[str, float] = field(default_factory=dict)
    spent: float = 0.0
    bought: float = 0.0

    def hear(self, event: Event) -> None:
        if event.trial is None:
            return
        trial_id, now = event.trial.trial_id, self.clock()
        if event.kind == "started":
            self.began[trial_id] = now
        elif event.kind == "progress" and event.progress is not None:
            progress = event.progress
            part = progress.step / progress.steps if progress.steps and not progress.metrics else 0.0
            self.epoch[trial_id] = progress.epoch - (1 - part if part else 0.0)
            self.at.setdefault(trial_id, (progress.epoch, now))
        elif event.kind in ("finished", "released"):
            begun = self.began.pop(trial_id, None)
            if begun is not None and event.kind == "finished":
                self.spent += now - begun
                self.bought += self.outline.costs.get(trial_id, 0.0)
            self.epoch.pop(trial_id, None)
            self.at.pop(trial_id, None)

    def left(self, trial_id: str) -> float | None:
        """Return the seconds a running trial still needs, once it has told of two epochs."""
        epochs, here = self.outline.epochs.get(trial_id), self.epoch.get(trial_id)
        if epochs is None or here is None or trial_id not in self.at:
            return None
        first, since = self.at[trial_id]
        if here <= first:
            return None
        return max(0.0, (epochs - here) * (self.clock() - since) / (here - first))

    def left_in_all(self, open_ids: Sequence[str], at_once: int) -> float | None:
        """Return the seconds all open trials still need, once one has finished."""
        if self.bought <= 0:
            return None
        rate = self.spent / self.bought
        rest = sum(self.outline.costs.get(trial_id, 0.0) for trial_id in open_ids) * rate
        now = self.clock()
        rest -= sum(min(now - begun, self.outline.costs.get(t, 0.0) * rate) for t, begun in self.began.items())
        return max(0.0, rest) / max(1, at_once)


def duration(seconds: float | None) -> str:
    """Return seconds as people say them: `45 s`, `3 min`, `2 h 05 min`, `3 d 4 h`."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


class PlainDisplay:
    """One line per event, for logs and pipes."""

    def __init__(self, outline: Outline, out: TextIO) -> None:
        self._outline = outline
        self._out = out
        self._pace = Pace(outline=outline)
        self._total = sum(len(ids) for ids in outline.stages.values())
        self._done = set(outline.done)
        self._said: dict[str, float] = {}

    def __enter__(self) -> "PlainDisplay":
        return self

    def __exit__(self, *exception: object) -> None:
        self._out.flush()

    def __call__(self, event: Event) -> None:
        self._pace.hear(event)
        if event.trial is not None and event.kind == "finished":
            self._done.add(event.trial.trial_id)
        if event.kind == "progress" and event.trial is not None:
            if not self._worth_saying(event):
                return
            self._said[event.trial.trial_id] = time.monotonic()
        text = self._text(event)
        if text:
            stamp = datetime.now().strftime("%H:%M:%S")
            print(f"{stamp}  {text}", file=self._out, flush=True)

    def _worth_saying(self, event: Event) -> bool:
        assert event.trial is not None
        if event.progress is not None and event.progress.note:
            return True
        return time.monotonic() - self._said.get(event.trial.trial_id, float("-inf")) >= QUIET_SECONDS

    def _text(self, event: Event) -> str:
        if event.kind == "progress" and event.trial is not None and event.progress is not None:
            if event.progress.note:
                return f"{name(event.trial)}  {event.progress.note}"
            left = duration(self._pace.left(event.trial.trial_id))
            return f"{name(event.trial)}  {where(event, self._outline)}  {left} left"
        if event.kind == "finished":
            return f"{describe(event, self._outline)}  ({len(self._done)}/{self._total})"
        return describe(event, self._outline)


class LiveDisplay:
    """Bars per stage and a line per running trial, redrawn in place; what is finished scrolls by above."""

    def __init__(self, outline: Outline, out: TextIO) -> None:
        self._outline = outline
        self._console = Console(file=out)
        self._pace = Pace(outline=outline)
        self._running: dict[str, PlannedTrial] = {}
        self._last: dict[str, Event] = {}
        self._outcomes: Counter[str] = Counter()
        self._done = set(outline.done)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[note]}"),
            console=self._console,
        )
        self._tasks = {
            stage: self._bars.add_task(
                stage, total=len(set(ids)), completed=len(set(ids) & self._done), note="", start=True
            )
            for stage, ids in outline.stages.items()
        }
        self._live = Live(console=self._console, refresh_per_second=4, get_renderable=self._render, transient=True)

    def __enter__(self) -> "LiveDisplay":
        self._live.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.__exit__(None, None, None)

    def __call__(self, event: Event) -> None:
        self._pace.hear(event)
        trial = event.trial
        if trial is None:
            self._console.print(Text(event.text, style="yellow"))
            return
        if event.kind == "started":
            self._running[trial.trial_id] = trial
            return
        if event.kind == "progress":
            self._last[trial.trial_id] = event
            if event.progress is not None and event.progress.note:
                self._console.print(Text(f"{name(trial)}  {event.progress.note}", style="cyan"))
            return
        if event.kind == "finished":
            self._done.add(trial.trial_id)
            self._running.pop(trial.trial_id, None)
            self._bars.advance(self._tasks[trial.stage])
        if event.kind == "released":
            self._running.pop(trial.trial_id, None)
        failed = event.progress is not None and event.progress.state == "failed"
        text = describe(event, self._outline)
        if text:
            self._console.print(Text(text, style="red" if failed else ""))

    def _render(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for trial_id, trial in list(self._running.items()):
            event = self._last.get(trial_id)
            at = where(event, self._outline) if event is not None else "starting"
            table.add_row("  " + name(trial), at, f"{duration(self._pace.left(trial_id))} left")
        everything = {trial_id for ids in self._outline.stages.values() for trial_id in ids}
        rest = self._pace.left_in_all(sorted(everything - self._done), len(self._running))
        closing = Text(f"about {duration(rest)} left in all; Ctrl-C stops and keeps everything", style="dim")
        return Group(self._bars, table, closing)


def open_display(outline: Outline, out: TextIO) -> Display:
    """Return the live display on a terminal, plain lines elsewhere."""
    return LiveDisplay(outline, out) if out.isatty() else PlainDisplay(outline, out)


def name(trial: PlannedTrial) -> str:
    return f"{trial.stage} {trial.label} [{trial.trial_id[:6]}]"


def where(event: Event, outline: Outline) -> str:
    """Return how far a trial is: `epoch 3/60, test_error 45.2`."""
    assert event.trial is not None
    progress = event.progress
    if progress is None:
        return ""
    epochs = outline.epochs.get(event.trial.trial_id)
    text = f"epoch {progress.epoch}/{epochs}" if epochs else f"epoch {progress.epoch}"
    if progress.steps and not progress.metrics:
        text += f", step {progress.step}/{progress.steps}"
    return ", ".join(filter(None, [text, headline(event, outline)]))


def headline(event: Event, outline: Outline) -> str:
    """Return the one metric worth showing, as text; empty when there is none."""
    assert event.trial is not None
    metric = outline.headline.get(event.trial.spec.trainable, "")
    if event.progress is None or metric not in event.progress.metrics:
        return ""
    return f"{metric} {event.progress.metrics[metric]:.4g}"


def describe(event: Event, outline: Outline) -> str:
    """Return an event in words; empty when it is not worth a line."""
    if event.trial is None:
        return event.text
    who, progress = name(event.trial), event.progress
    if event.kind == "started":
        return f"{who}  starts"
    if event.kind == "note":
        return f"{who}  {event.text}"
    if progress is None:
        return ""
    if progress.state == "done":
        return f"{who}  done  {headline(event, outline)}".rstrip()
    words = {
        "failed": f"failed: {progress.note}",
        "busy": f"is at work elsewhere ({progress.note})",
        "stopped": "stopped; it goes on from here next time",
        "lost": f"given up: {progress.note}",
        "halted": progress.note,
    }
    return f"{who}  {words.get(progress.state, progress.state)}"
