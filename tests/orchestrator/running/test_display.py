"""What a run shows: lines in a log, a picture on a terminal."""

import io
import re
import threading
from dataclasses import replace

import pytest
from drive import planned

from orchestrator.running.display import LiveDisplay, PlainDisplay, open_display
from orchestrator.running.session import Event
from orchestrator.running.time_left import Outline, Pace, duration
from trainables.execution.job import Progress

FIRST, SECOND = planned(0), planned(1)
CHILD = planned(0, (FIRST.trial_id,))
OUTLINE = Outline(
    stages={"root": [FIRST.trial_id, SECOND.trial_id], "child": [CHILD.trial_id]},
    done=[],
    epochs={trial.trial_id: 10 for trial in (FIRST, SECOND, CHILD)},
    costs={FIRST.trial_id: 10.0, SECOND.trial_id: 10.0, CHILD.trial_id: 30.0},
    headline={"chain": "error"},
)


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def event(kind, trial=FIRST, state="running", **facts) -> Event:
    if kind in ("started", "waiting", "note"):
        return Event(kind=kind, trial=trial, **facts)
    return Event(kind=kind, trial=trial, progress=Progress(trial_id=trial.trial_id, state=state, **facts))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(outline=OUTLINE, clock=clock)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (7500, "2 h 05 min"), (273_600, "3 d 4 h")],
)
def test_durations_read_as_people_say_them(seconds, words):
    assert duration(seconds) == words


def test_nobody_knows_how_long_a_trial_takes_before_it_has_told_twice_where_it_is(pace, clock):
    pace.on_event(event("started"))
    assert pace.left(FIRST.trial_id) is None
    pace.on_event(event("progress", epoch=1, step=1, steps=4))
    clock.now += 5
    assert pace.left(FIRST.trial_id) is None


def test_time_left_is_measured_within_an_epoch_too(pace, clock):
    pace.on_event(event("progress", epoch=1, step=1, steps=4))
    clock.now += 5
    pace.on_event(event("progress", epoch=1, step=2, steps=4))

    assert pace.left(FIRST.trial_id) == pytest.approx(9.5 * 20)


def test_a_resumed_trial_is_timed_from_where_it_went_on(pace, clock):
    pace.on_event(event("progress", epoch=6, note="resumes after epoch 6, step 0"))
    clock.now += 3
    pace.on_event(event("progress", epoch=7, metrics={"error": 1.0}))

    assert pace.left(FIRST.trial_id) == pytest.approx(9)


def test_the_rest_is_reckoned_from_what_the_finished_cost(pace, clock):
    assert pace.left_in_all() is None
    pace.on_event(event("started"))
    clock.now += 20
    pace.on_event(event("finished", state="done"))

    unlike = 20 * 3**0.5  # another stage, three times as dear: its root is believed
    assert pace.left_in_all() == pytest.approx(20 + unlike)
    pace.on_event(event("started", SECOND))
    pace.on_event(event("started", CHILD))
    clock.now += 4
    assert pace.left_in_all() == pytest.approx((20 + unlike - 2 * 4) / 2)  # two at a time, for four seconds
    pace.on_event(event("finished", SECOND, state="failed", note="loss is nan"))
    assert pace.left_in_all() == pytest.approx(unlike - 4)


def test_a_failure_says_nothing_about_the_pace(pace, clock):
    pace.on_event(event("started"))
    clock.now += 1
    pace.on_event(event("finished", state="failed", note="loss is nan"))

    assert pace.left_in_all() is None


def test_plain_lines_tell_who_where_and_how_many():
    out = io.StringIO()
    with PlainDisplay(OUTLINE, out) as display:
        display(event("started"))
        display(event("progress", epoch=3, steps=4, step=4, metrics={"error": 45.21}))
        display(event("progress", epoch=4, steps=4, step=4, metrics={"error": 44.0}))
        display(event("finished", state="done", metrics={"error": 12.3}))
        display(event("finished", SECOND, state="failed", note="loss is nan in epoch 3, step 17"))
        display(event("note", SECOND, text="1 trial(s) that need it are blocked"))
        display(event("waiting", None, text="2 trial(s) are at work in another process"))
    lines = out.getvalue().splitlines()

    assert all(re.match(r"\d\d:\d\d:\d\d  ", line) for line in lines)
    assert [line[10:].replace(FIRST.trial_id[:6], "a").replace(SECOND.trial_id[:6], "b") for line in lines] == [
        "root seed=0 [a]  starts",
        "root seed=0 [a]  epoch 3/10, error 45.21",
        "root seed=0 [a]  done  error 12.3  (1/3)",
        "root seed=1 [b]  failed: loss is nan in epoch 3, step 17  (2/3)",
        "root seed=1 [b]  1 trial(s) that need it are blocked",
        "2 trial(s) are at work in another process",
    ]


def test_what_went_wrong_with_a_checkpoint_is_always_said():
    out = io.StringIO()
    with PlainDisplay(OUTLINE, out) as display:
        display(event("progress", epoch=1))
        display(event("progress", epoch=1, note="resumes; the checkpoint 000002-0 is damaged"))

    assert out.getvalue().splitlines()[1].endswith("the checkpoint 000002-0 is damaged")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("out", "term", "kind"),
    [
        (io.StringIO(), "xterm", PlainDisplay),
        (Terminal(), "xterm", LiveDisplay),
        (Terminal(), "dumb", PlainDisplay),
    ],
)
def test_only_a_terminal_that_can_redraw_gets_a_picture(monkeypatch, out, term, kind):
    monkeypatch.setenv("TERM", term)

    assert type(open_display(OUTLINE, out)) is kind


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 80 columns and 12 lines that only remembers what was written."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "12")
    return Terminal()


def test_the_picture_has_stages_running_trials_and_the_time_left(terminal):
    with LiveDisplay(OUTLINE, terminal) as display:
        display(event("started"))
        display(event("progress", epoch=3, steps=4, step=4, metrics={"error": 45.21}))
        display(event("started", SECOND))
        display(event("finished", SECOND, state="failed", note="loss is nan"))
        display._live.refresh()
    drawn = terminal.getvalue()

    assert re.search(r"root\S* .*1/2\S* .*1 failed", drawn)
    assert "epoch 3/10, error 45.21" in drawn
    assert "failed: loss is nan" in drawn
    assert "Ctrl-C stops and keeps everything" in drawn


def test_brackets_of_a_running_trial_are_shown_as_they_are(terminal):
    trial = replace(FIRST, label="primitives=[red] seed=0")
    with LiveDisplay(OUTLINE, terminal) as display:
        display(event("started", trial))
        display._live.refresh()

    assert f"root primitives=[red] seed=0 [{trial.trial_id[:6]}]" in terminal.getvalue()


def test_more_trials_than_the_terminal_has_lines_are_counted(terminal):
    many = [planned(seed) for seed in range(40)]
    outline = Outline(stages={"root": [t.trial_id for t in many]}, done=[], epochs={}, costs={}, headline={})
    with LiveDisplay(outline, terminal) as display:
        for trial in many:
            display(event("started", trial))
        display._live.refresh()

    assert "and 32 more" in terminal.getvalue()


def test_the_picture_says_that_it_is_stopping(terminal):
    with LiveDisplay(OUTLINE, terminal, stopping=lambda: True) as display:
        display._live.refresh()

    assert "Stopping: running trials save where they are." in terminal.getvalue()


class Costs(dict):
    """Costs that count how often they are asked for, and do something each time."""

    asked = 0
    then = staticmethod(lambda: None)

    def get(self, key, default=None):
        self.asked += 1
        self.then()
        return super().get(key, default)


def of_many(count: int, costs: Costs) -> tuple[list, Outline]:
    many = [planned(seed) for seed in range(count)]
    costs.update({trial.trial_id: 1.0 for trial in many})
    return many, Outline(stages={"root": [t.trial_id for t in many]}, done=[], epochs={}, costs=costs, headline={})


def test_a_large_grid_makes_no_estimate_dear(clock):
    many, outline = of_many(200, costs := Costs())
    pace = Pace(outline=outline, clock=clock)
    for trial in many[:100]:
        pace.on_event(event("started", trial))
        clock.now += 2
        pace.on_event(event("finished", trial, state="done"))
    pace.on_event(event("started", many[100]))
    costs.asked = 0

    assert pace.left_in_all() == pytest.approx(100 * 2)
    assert costs.asked == 1  # of the one that runs


def test_while_very_many_run_the_rest_is_reckoned_once_a_second_and_counts_down_in_between(clock):
    trials, outline = of_many(1000, Costs())
    pace = Pace(outline=outline, clock=clock)
    for trial in trials[:400]:
        pace.on_event(event("started", trial))
    clock.now += 10
    pace.on_event(event("finished", trials[0], state="done"))
    assert pace.left_in_all() == pytest.approx(600 * 10 / 399)
    clock.now += 0.5
    pace.on_event(event("finished", trials[1], state="done"))
    assert pace.left_in_all() == pytest.approx(600 * 10 / 399 - 0.5)
    clock.now += 0.5
    assert pace.left_in_all() == pytest.approx(600 * 10.25 / 398)


def test_each_running_trial_has_its_own_time_left_on_its_line(terminal, clock):
    with LiveDisplay(OUTLINE, terminal) as display:
        display._pace.clock = clock
        for trial, epoch_seconds in ((FIRST, 5), (SECOND, 60)):
            display(event("started", trial))
            display(event("progress", trial, epoch=1, metrics={"error": 45.21}))
            clock.now += epoch_seconds
            display(event("progress", trial, epoch=2, metrics={"error": 45.21}))
        display._live.refresh()
    drawn = terminal.getvalue()

    for trial, left in ((FIRST, "9 min left"), (SECOND, "8 min left")):
        assert re.search(rf"{trial.trial_id[:6]}\].*epoch 2/10, error 45.21 +{left}", drawn)


def test_an_event_that_comes_while_the_picture_is_drawn_waits_for_it(terminal):
    """Another thread's events changed what was being looked through, and the display died of it."""
    many, outline = of_many(64, costs := Costs())
    display = LiveDisplay(outline, terminal)
    for trial in many[:8]:
        display(event("started", trial))
    display(event("finished", many[0], state="done"))
    late = []

    def start_another() -> None:
        costs.then = lambda: None
        late.append(threading.Thread(target=display, args=(event("started", many[40]),)))
        late[0].start()
        late[0].join(0.2)

    costs.then = start_another
    display._render()
    late[0].join()

    assert many[40].trial_id in display._running


@pytest.mark.parametrize("kind", [PlainDisplay, LiveDisplay])
def test_what_a_trial_says_cannot_repaint_the_terminal(kind):
    out = io.StringIO()
    display = kind(OUTLINE, out)

    display(event("progress", note="it \x1b[2J\r\x9b says\nmore \u202e"))

    assert r"it \x1b[2J\r\x9b says\nmore \u202e" in out.getvalue().replace("\\n\n", "\\n")
    assert not set("\x1b\r\x9b\u202e") & set(out.getvalue())
