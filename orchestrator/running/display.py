"""What a run shows while it works: live bars on a terminal, plain lines anywhere else."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.foresight import Foresight, rest_text
from orchestrator.running.session import Event
from orchestrator.running.time_left import Outline, Pace, left_text
from orchestrator.words import shown_line, shown_lines, with_minus

__all__ = ["Display", "LiveDisplay", "Outline", "PlainDisplay", "open_display"]

QUIET_SECONDS = 30.0
"""In plain lines, a running trial says where it is this often at most."""


class Display(Protocol):
    """Hears events while its context is open."""

    live: bool
    """It redraws the terminal, so nothing else should write there."""

    def __call__(self, event: Event) -> None: ...

    def __enter__(self) -> "Display": ...

    def __exit__(self, *exception: object) -> None: ...


class PlainDisplay:
    """One line per event, for logs and pipes."""

    live = False

    def __init__(self, outline: Outline, out: TextIO, *, foresight: Foresight | None = None) -> None:
        self._outline = outline
        self._out = out
        self._foresight = foresight
        self._pace = Pace(outline=outline)
        self._everything = _everything(outline)
        self._open = self._everything - set(outline.done)
        self._running: set[str] = set()
        self._said: dict[str, float] = {}

    def __enter__(self) -> "PlainDisplay":
        return self

    def __exit__(self, *exception: object) -> None:
        self._out.flush()

    def __call__(self, event: Event) -> None:
        self._pace.on_event(event)
        self._note_state(event)
        if event.kind == "progress" and event.trial is not None:
            if not self._worth_saying(event):
                return
            self._said[event.trial.trial_id] = time.monotonic()
        if text := self._text(event):
            print(f"{datetime.now():%H:%M:%S}  {shown_line(text)}", file=self._out, flush=True)

    def _note_state(self, event: Event) -> None:
        if event.trial is None:
            return
        if event.kind == "started":
            self._running.add(event.trial.trial_id)
        elif event.kind in ("finished", "released"):
            self._running.discard(event.trial.trial_id)
            if event.kind == "finished":
                self._open.discard(event.trial.trial_id)

    def _worth_saying(self, event: Event) -> bool:
        assert event.trial is not None
        if event.progress is not None and event.progress.note:
            return True
        return time.monotonic() - self._said.get(event.trial.trial_id, float("-inf")) >= QUIET_SECONDS

    def _text(self, event: Event) -> str:
        if event.kind == "progress" and event.trial is not None and event.progress is not None:
            if event.progress.note:
                return f"{name(event.trial)}  {event.progress.note}"
            left = left_text(self._pace.left(event.trial.trial_id))
            return "  ".join(filter(None, [name(event.trial), where(event, self._outline), left]))
        if event.kind == "finished":
            rest = rest_text(self._foresight, self._pace) if self._open else ""
            so_far = f"{len(self._everything) - len(self._open)}/{len(self._everything)}"
            return f"{describe(event, self._outline)}  ({', '.join(filter(None, [so_far, rest]))})"
        return describe(event, self._outline)


class LiveDisplay:
    """Bars per stage and a line per running trial, redrawn in place; what is finished scrolls by above.

    `stopping` says whether someone asked to stop; then the last line says what happens, and how to stop at once.

    Events come from the run, pictures are drawn by a thread of rich's: one lock is held while either looks at what is
    known, and never while anything is written, since rich draws under a lock of its own.
    """

    live = True

    def __init__(
        self,
        outline: Outline,
        out: TextIO,
        *,
        stopping: Callable[[], bool] = lambda: False,
        foresight: Foresight | None = None,
    ) -> None:
        self._outline = outline
        self._stopping = stopping
        self._foresight = foresight
        self._lock = threading.Lock()
        self._console = Console(file=out, highlight=False)
        self._pace = Pace(outline=outline)
        self._running: dict[str, PlannedTrial] = {}
        self._last: dict[str, Event] = {}
        self._failed: Counter[str] = Counter()
        self._open = _everything(outline) - set(outline.done)
        self._begun = False
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("[red]{task.fields[note]}"),
            console=self._console,
        )
        self._tasks = {
            stage: self._bars.add_task(stage, total=len(set(ids)), completed=len(set(ids) & set(outline.done)), note="")
            for stage, ids in outline.stages.items()
        }
        self._live = Live(console=self._console, refresh_per_second=4, get_renderable=self._render, transient=True)

    def __enter__(self) -> "LiveDisplay":
        self._live.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.__exit__(None, None, None)

    def __call__(self, event: Event) -> None:
        with self._lock:
            words, style = self._take(event)
        if words:
            self._console.print(Text(shown_line(words), style=style))

    def _take(self, event: Event) -> tuple[str, str]:
        """Note an event; return what is said of it, and in which style."""
        self._begun = True
        self._pace.on_event(event)
        trial, progress = event.trial, event.progress
        if trial is None:
            return event.text, "yellow"
        if event.kind == "started":
            self._running[trial.trial_id] = trial
            return "", ""
        if event.kind == "progress":
            self._last[trial.trial_id] = event
            return (f"{name(trial)}  {progress.note}", "cyan") if progress is not None and progress.note else ("", "")
        failed = progress is not None and progress.state == "failed"
        if event.kind in ("finished", "released"):
            self._running.pop(trial.trial_id, None)
            self._last.pop(trial.trial_id, None)
        if event.kind == "finished":
            self._count(trial, failed=failed)
        return describe(event, self._outline), "red" if failed else ""

    def _count(self, trial: PlannedTrial, *, failed: bool) -> None:
        task = self._tasks[trial.stage]
        if trial.trial_id in self._open:
            self._open.discard(trial.trial_id)
            self._bars.advance(task)
        if failed:
            self._failed[trial.stage] += 1
            self._bars.update(task, note=f"{self._failed[trial.stage]} failed")

    def _render(self) -> Group:
        with self._lock:
            parts: list[RenderableType] = [self._bars]
            parts += [self._trials()] if self._running else []
            return Group(*parts, self._closing())

    def _trials(self) -> Text:
        """Return the lines of the trials that run, as many as there is room for; a table of rich's takes far longer."""
        running = list(self._running.items())
        room = max(1, self._console.size.height - len(self._tasks) - 3)
        cells: list[str] = []
        for trial_id, trial in running[:room]:
            event = self._last.get(trial_id)
            at = where(event, self._outline) if event is not None else "starting"
            cells += ["  " + name(trial), at, left_text(self._pace.left(trial_id))]
        cells = shown_lines(cells)
        widths = [max(map(cell_len, cells[column::3]), default=0) for column in range(2)]
        lines = [
            f"{set_cell_size(who, widths[0])}  {set_cell_size(at, widths[1])}  {left}"
            for who, at, left in zip(cells[::3], cells[1::3], cells[2::3], strict=True)
        ]
        if len(running) > room:
            lines.append(f"  and {len(running) - room} more")
        return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")  # as text: its brackets are no markup

    def _closing(self) -> Text:
        if self._stopping():
            return Text("Stopping: running trials save where they are. Ctrl-C again stops at once.", style="yellow")
        left = rest_text(self._foresight, self._pace, "left in all")
        begin = "" if self._begun else "Starting; "
        words = f"{begin}{f'about {left}; ' if left else ''}Ctrl-C stops and keeps everything"
        return Text(words, style="dim", no_wrap=True)


def open_display(
    outline: Outline,
    out: TextIO,
    *,
    stopping: Callable[[], bool] = lambda: False,
    foresight: Foresight | None = None,
) -> Display:
    """Return the live display on a terminal that can redraw, plain lines elsewhere."""
    if out.isatty() and os.environ.get("TERM") not in ("dumb", "unknown"):
        return LiveDisplay(outline, out, stopping=stopping, foresight=foresight)
    return PlainDisplay(outline, out, foresight=foresight)


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
    return f"{metric} {with_minus(f'{event.progress.metrics[metric]:.4g}')}"


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
        done = f"takes over the row of {progress.adopted_from}, which is alike" if progress.adopted_from else "done"
        return f"{who}  {done}  {headline(event, outline)}".rstrip()
    words = {
        "failed": f"failed: {progress.note}",
        "busy": f"is at work elsewhere ({progress.note})",
        "stopped": "stopped; it goes on from here next time" if progress.epoch else "stopped before it began",
        "lost": f"given up: {progress.note}",
        "halted": progress.note,
    }
    return f"{who}  {words.get(progress.state, progress.state)}"


def _everything(outline: Outline) -> set[str]:
    return {trial_id for ids in outline.stages.values() for trial_id in ids}
