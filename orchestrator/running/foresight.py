"""When a run is expected to be done: foreseen at its start, and anew as trials end."""

import contextlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from orchestrator.forecast.forecast import Forecast, Range, foresee
from orchestrator.forecast.outlook import Outlook, next_turns
from orchestrator.forecast.slots import Slots
from orchestrator.running.session import Event
from orchestrator.running.time_left import Pace, left_text
from orchestrator.words import duration
from trainables.record.storage import Storage

FORECASTS = "forecasts"
"""The folder of a storage that holds what was foreseen of each run, and what came."""
Ended = Literal["done", "limit", "interrupted"]
WORTH_SAYING = 60.0
"""Seconds."""
SHARE = 0.02
"""Of the time, what forecasts may take."""
NEWS_SECONDS, QUIET_SECONDS = 10.0, 60.0
"""Between two forecasts at least, where a trial ended and where none did."""


class Foresight:
    """The forecast of a run, kept current.

    It hears the run's events; `turn` is called again and again by one thread, `left` by any.

    Args:
        outlook: of the trials that the run is to do, as they stand before it.
        chosen: returns those that have not started and still will; None where all will.
    """

    def __init__(
        self,
        outlook: Outlook,
        slots: Slots,
        *,
        chosen: Callable[[], Collection[str] | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = slots
        self._chosen = chosen
        self._clock = clock
        self._open = {trial.trial_id: trial for trial in outlook.open}
        self._outlook = outlook
        self._began: dict[str, float] = {}
        self._news = False
        self.first: Forecast | None = foresee(outlook, slots)
        """As it was at the start; None where nothing is to do."""
        self._latest = (None if self.first is None else self.first.finish, clock())
        """When all is done, in seconds from then."""
        self._again = clock()

    def on_event(self, event: Event) -> None:
        """Take note of what started and ended."""
        if event.trial is None:
            return
        trial_id = event.trial.trial_id
        if event.kind == "started":
            self._began[trial_id] = self._clock()
        elif event.kind in ("finished", "released"):
            began = self._began.pop(trial_id, None)
            worked = event.progress is not None and event.progress.state == "done" and not event.progress.adopted_from
            if worked and began is not None and trial_id not in self._outlook.share:
                self._outlook.durations.note(event.trial, self._clock() - began)
            if event.kind == "finished":
                self._open.pop(trial_id, None)
                if event.progress is not None and event.progress.state == "failed":
                    twins, share = next_turns(self._outlook.twins, self._outlook.share, trial_id)
                    self._outlook = replace(self._outlook, twins=twins, share=share)
            self._news = True

    def turn(self, told: Mapping[str, float | None]) -> None:
        """Forecast anew, if it is time. Args: told: trial -> seconds that it needs yet, of those that say so."""
        begun = self._clock()
        if begun < self._again + (0 if self._news else QUIET_SECONDS - NEWS_SECONDS):
            return
        self._news = False
        chosen, at_work = self._chosen(), frozenset(self._began)
        outlook = replace(
            self._outlook,
            open=[
                trial
                for trial_id, trial in [*self._open.items()]
                if chosen is None or trial_id in chosen or trial_id in at_work
            ],
            told={trial_id: seconds for trial_id, seconds in told.items() if seconds is not None},
            at_work=at_work,
        )
        forecast = foresee(outlook, self._slots)
        self._latest = (None if forecast is None else forecast.finish, begun)
        now = self._clock()
        self._again = now + max(NEWS_SECONDS, (now - begun) / SHARE)

    def left(self) -> Range | None:
        """Return the seconds until all is done; None where nobody can say."""
        finish, since = self._latest
        if finish is None:
            return None
        gone = self._clock() - since
        low, median, high = (max(0.0, each - gone) for each in (finish.low, finish.median, finish.high))
        return Range(low=low, median=median, high=high)


def remember(storage: Storage, driver: str, experiment: str, forecast: Forecast, *, took: float, ended: Ended) -> None:
    """Keep a run's forecast beside the truth in `forecasts/<driver>.json`, so that many can be held against it.

    Args:
        took: seconds.
        ended: whether what was to run is done; else its limit, or somebody, ended the run before.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    kept = {"experiment": experiment, "end": now, "forecast": forecast.to_json(), "took_seconds": took, "ended": ended}
    with contextlib.suppress(OSError):  # nothing hangs on it
        storage.write(f"{FORECASTS}/{driver}.json", json.dumps(kept).encode(), durable=False)


def truth_text(forecast: Forecast, took: float, ended: Ended) -> str:
    """Return the forecast made at the start beside what came: of less than a minute nothing."""
    finish = forecast.finish
    if finish is None or max(finish.median, took) < WORTH_SAYING:
        return ""
    truth = {"done": "it took {}", "limit": "ended by its limit after {}", "interrupted": "interrupted after {}"}[ended]
    return f"forecast at the start: {duration(finish.median)} ({between_text(finish)}); {truth.format(duration(took))}"


def rest_text(foresight: Foresight | None, pace: Pace, what: str = "left") -> str:
    """Return `3 min left (2 min to 5 min)`, as far as anybody can say; empty when it is not worth saying."""
    rest = None if foresight is None else foresight.left()
    if rest is None:
        return left_text(pace.left_in_all(), what)
    return f"{left_text(rest.median, what)} ({between_text(rest)})" if rest.median >= 1 else ""


def between_text(seconds: Range) -> str:
    """Return between what a time is: `1 h 30 min to 3 h 00 min`."""
    return f"{duration(seconds.low)} to {duration(seconds.high)}"
