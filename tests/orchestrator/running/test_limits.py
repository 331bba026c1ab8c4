"""What a run that may not take all it wants starts and leaves; time passes on a clock that is set by hand."""

from dataclasses import dataclass, replace
from datetime import datetime

import fakes
import pytest
from drive import planned
from fakes import CATALOG
from places import places

from orchestrator.forecast.durations import Durations
from orchestrator.forecast.slots import Slots
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Resources
from orchestrator.running.frontier import Frontier
from orchestrator.running.limits import Budget, Limits
from orchestrator.running.local_runner import LocalRunner
from orchestrator.running.run import run
from orchestrator.running.selection import Cell
from orchestrator.running.session import Event
from orchestrator.running.stop import Stop
from trainables.execution.job import Progress
from trainables.record.storage import open_storage

NOON = datetime(2026, 11, 29, 12, 0).timestamp()


@dataclass
class Clock:
    now: float = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by what the steps of trials say that they take."""
    clock = Clock()

    def work(seconds: float) -> None:
        clock.now += seconds

    monkeypatch.setattr(fakes, "work", work)
    return clock


@pytest.fixture
def go(tmp_path, clock):
    """Run trials within limits; return how many are in each state, by seed and stage, and which limit ended it."""

    def go(some, *, runner=None, slots=None, **limits):
        ledger = Ledger(open_storage(tmp_path / "runs"))
        stop = Stop(ledger.storage)
        limited = Limits(slots=slots or Slots.local(), clock=clock, **limits)
        states = run(some, ledger=ledger, catalog=CATALOG, runner=runner or LocalRunner(), stop=stop, limits=limited)
        return {trial_id: state.state for trial_id, state in states.items()}, stop.limit, limited

    return go


def twelve_seconds(count: int, **config):
    """Trials of three epochs of four steps of a second, as their cost says at the pace of the rough model or not."""
    return [replace(planned(seed, seconds=1.0, **config), expected_cost=0.4) for seed in range(count)]


def done(states) -> int:
    return sum(state == "done" for state in states.values())


def seconds_of(trials, count: float) -> Budget:
    return Budget(seconds=count, unit="cpu")


def test_a_budget_is_spent_on_what_fits_and_the_rest_stays_new(go):
    trials = twelve_seconds(5)

    states, limit, limits = go(trials, budget=seconds_of(trials, 40))

    assert sorted(states.values()) == ["done", "done", "done", "new", "new"]
    assert (limit, limits.spent) == ("", 36)


def test_a_wrong_estimate_is_corrected_by_what_trials_take_and_the_budget_holds(go):
    """The cost model says a hundredth of the truth at first, then a hundred times as much."""
    cheap = [replace(trial, expected_cost=0.004) for trial in twelve_seconds(5)]
    dear = [replace(trial, expected_cost=0.4) for trial in twelve_seconds(9, width=2)]

    assert done(go(cheap, budget=seconds_of(cheap, 30))[0]) == 2
    assert done(go(dear, budget=seconds_of(dear, 63))[0]) == 5


def test_a_trial_that_outgrows_the_budget_is_saved_where_it_is_and_goes_on_next_time(go):
    trials = twelve_seconds(1)
    trials = [replace(trials[0], expected_cost=0.1)]

    states, limit, limits = go(trials, budget=seconds_of(trials, 5))
    again, _, _ = go(trials, budget=seconds_of(trials, 12))

    assert (set(states.values()), limit) == ({"resumable"}, "the budget of 5 CPU seconds is spent")
    assert limits.spent < 12
    assert set(again.values()) == {"done"}


@pytest.fixture
def families():
    """Two roots of twelve seconds, two children each, which are cells; all but the last are thought to be shorter."""
    roots = [replace(trial, expected_cost=0.2) for trial in twelve_seconds(2)]
    link = {"parent": 0, "key": "genotype"}
    costs = [(root, width, cost) for root, cost in zip(roots, (0.2, 4.0), strict=True) for width in (1, 2)]
    children = [
        replace(planned(0, (root.trial_id,), link=link, width=width, seconds=1.0), expected_cost=cost)
        for root, width, cost in costs
    ]
    ids = [child.trial_id for child in children]
    cells = [Cell(name="cheap", trials=tuple(ids[:2])), Cell(name="dear", trials=tuple(ids[2:]))]
    return [*roots, *children], cells


@pytest.mark.parametrize("until", [None, NOON + 3600])
def test_what_is_no_part_of_a_whole_cell_comes_after_it_however_long_its_way(go, families, until):
    """There is time for three; it was thought that the root of the other cell would fit, too."""
    trials, (cheap, dear) = families

    states, _, _ = go(trials, budget=seconds_of(trials, 40), until=until, cells=[dear, cheap])

    assert [states[each] for each in cheap.trials] == ["done", "done"]
    assert done(states) == 3


@pytest.mark.parametrize(("budget", "handed_out"), [(True, 1), (False, 2)])
def test_what_is_no_part_of_a_whole_cell_does_not_spend_its_budget_on_a_place_that_is_free(
    tmp_path, clock, families, budget, handed_out
):
    """While the root of the whole cell runs, only the other root could start beside it."""
    trials, (cheap, dear) = families
    limits = Limits(
        budget=seconds_of(trials, 40) if budget else None,
        until=NOON + 1e9 if budget else NOON + 60,
        cells=[dear, cheap],
        slots=places([{"CPU": 2}]),
        clock=clock,
    )
    ledger = Ledger(open_storage(tmp_path))
    frontier = Frontier(ledger=ledger, waiting={trial.trial_id: trial for trial in trials})
    limits.apply(frontier)
    assert frontier.waiting.keys() == {trials[0].trial_id, trials[1].trial_id, *cheap.trials}

    started = [frontier.next(), frontier.next()]

    assert started == [trials[0], None if budget else trials[1]]
    assert len(frontier.running) == handed_out


@pytest.mark.parametrize(("lengths", "first"), [(3.2, "long"), (4.2, "short")])
def test_a_long_way_goes_first_only_where_cells_one_after_the_other_would_take_too_long(
    tmp_path, clock, lengths, first
):
    """On two places: four cells of one trial each, and a cell of two, of which one needs the other."""
    root, *short = (replace(trial, stage="short") for trial in twelve_seconds(5))
    child = replace(planned(0, (root.trial_id,), seconds=1.0), stage="short", expected_cost=0.4)
    trials = [root, *short, child]
    cells = [Cell(name=each.trial_id, trials=(each.trial_id,)) for each in [*short, child]]

    def within(until: float) -> Limits:
        budget = seconds_of(trials, 1e9)
        limits = Limits(budget=budget, until=until, cells=cells, slots=places([{"CPU": 2}]), clock=clock)
        assert limits.choice(trials) == {trial.trial_id for trial in trials}
        return limits

    length = within(NOON + 1e9).price([root])
    frontier = Frontier(ledger=Ledger(open_storage(tmp_path)), waiting={trial.trial_id: trial for trial in trials})
    within(NOON + lengths * length).apply(frontier)

    trial = frontier.next()
    assert trial is not None
    assert ("long" if trial is root else "short") == first


@pytest.fixture
def alike(go):
    """Two trials of twelve seconds that are alike: their parents are done and found the same."""
    roots = [replace(planned(0, epochs=1, steps=1, hold=f"/nowhere-{n}"), expected_cost=0.001) for n in (1, 2)]
    go(roots)
    link = {"parent": 0, "key": "genotype"}
    children = [planned(0, (root.trial_id,), link=link, seconds=1.0) for root in roots]
    return [*roots, *(replace(child, expected_cost=0.4) for child in children)]


@pytest.mark.parametrize(("seconds", "left"), [(15, "new"), (21, "done")])
def test_once_the_one_that_others_wait_for_failed_the_next_one_costs_what_it_costs(
    go, alike, monkeypatch, seconds, left
):
    """It fails after eight of twelve seconds, which are spent."""
    *_, first, second = alike
    failing, steps = [first.trial_id], fakes.ChainRun.steps

    def eight_steps(run):
        for step in steps(run):
            yield step
            if failing and (step.epoch, step.step) == (2, 4):
                failing.pop()
                raise MemoryError

    monkeypatch.setattr(fakes.ChainRun, "steps", eight_steps)

    twins = {second.trial_id: first.trial_id}
    states, limit, _ = go(alike, budget=seconds_of(alike, seconds), share=dict.fromkeys(twins, 0.0), twins=twins)

    assert (states[first.trial_id], states[second.trial_id], limit) == ("failed", left, "")


@pytest.mark.parametrize(("seconds", "finished"), [(5, 0), (13, 2)])
def test_a_trial_that_takes_over_a_row_costs_nothing_and_is_left_out_with_the_one_it_waits_for(
    go, alike, seconds, finished
):
    """Trials are those of two roots, which are done."""
    one, other = (trial.trial_id for trial in alike[2:])

    states, _, limits = go(alike, budget=seconds_of(alike, seconds), share={other: 0.0}, twins={other: one})

    assert done(states) == 2 + finished
    assert limits.spent == 6 * finished


def test_what_was_taken_over_teaches_nothing_of_how_long_trials_take(clock):
    """A trial that was not foreseen to take a row over is done in a moment; two of twelve seconds still do not fit."""
    quick, *others = twelve_seconds(3)
    limits = Limits(slots=Slots.local(), clock=clock, budget=seconds_of(others, 20))
    before = limits.choice(others)

    limits.on_event(Event(kind="started", trial=quick))
    clock.now += 0.01
    progress = Progress(trial_id=quick.trial_id, state="done", adopted_from="0123456789ab")
    limits.on_event(Event(kind="finished", trial=quick, progress=progress))

    assert limits.choice(others) == before
    assert len(before) == 1


def test_whole_cells_come_first(go):
    """There is time for two trials: for the second cell, or for a part of the first."""
    trials = twelve_seconds(5)
    ids = [trial.trial_id for trial in trials]
    cells = [Cell(name="three", trials=tuple(ids[:3])), Cell(name="two", trials=tuple(ids[3:]))]

    states, _, _ = go(trials, budget=seconds_of(trials, 28), cells=cells)

    assert [states[trial_id] for trial_id in ids] == ["new", "new", "new", "done", "done"]


def test_a_cell_of_which_a_trial_failed_comes_first_no_more(go):
    """It is the cheaper one at first; its first trial fails at once, and the time is spent on the other."""
    bad, *good = [replace(planned(0, nan_at=1), expected_cost=0.5), *twelve_seconds(5, width=3)]
    ids = [trial.trial_id for trial in good]
    cells = [Cell(name="lost", trials=(bad.trial_id, ids[0])), Cell(name="three", trials=tuple(ids[2:]))]

    states, _, _ = go([bad, *good], trials=[bad, *good], budget=seconds_of(good, 42), cells=cells)

    assert [states[trial_id] for trial_id in (bad.trial_id, *ids)] == ["failed", "new", "new", *["done"] * 3]


def test_what_could_start_a_while_ago_is_too_late_now_and_what_needs_it_is_held_back_with_it(tmp_path, clock):
    root = replace(planned(0), expected_cost=0.4)
    child = replace(planned(1, (root.trial_id,)), expected_cost=0.4)
    frontier = Frontier(
        ledger=Ledger(open_storage(tmp_path)), waiting={trial.trial_id: trial for trial in (root, child)}
    )
    limits = Limits(slots=Slots.local(), until=NOON + 30, clock=clock)
    limits.apply(frontier)
    first = frontier.next()
    assert first is not None
    assert not limits.too_late(first)

    clock.now += 20
    assert limits.too_late(first)
    frontier.hold([first.trial_id])

    assert frontier.exhausted
    assert frontier.unstarted == [root, child]


def test_nothing_starts_that_would_end_after_the_time_is_up(go, clock):
    trials = twelve_seconds(5)

    states, limit, _ = go(trials, until=NOON + 30)

    assert sorted(states.values()) == ["done", "done", "new", "new", "new"]
    assert (limit, clock.now) == ("", NOON + 24)


def test_what_is_at_work_when_the_time_is_up_is_saved(go, clock):
    """It was expected to be done long before."""
    trials = [replace(trial, expected_cost=0.01) for trial in twelve_seconds(1)]

    states, limit, _ = go(trials, until=NOON + 5)

    assert ([*states.values()], limit) == (["resumable"], "it is 12:00")
    assert clock.now < NOON + 12


def test_a_cell_whose_trial_can_never_start_comes_first_no_more():
    """Its one trial that is left would be the cheapest choice."""
    bad, left, *good = twelve_seconds(4)
    child = replace(planned(0, (bad.trial_id,), link={"parent": 0, "key": "genotype"}), expected_cost=0.4)
    two = {trial.trial_id for trial in good}
    cells = [Cell(name="lost", trials=(child.trial_id, left.trial_id)), Cell(name="two", trials=tuple(two))]
    trials = [bad, left, *good, child]
    limits = Limits(slots=Slots.local(), cells=cells, trials=trials, budget=seconds_of(good, 30), clock=Clock())
    for _ in range(8):
        limits.durations.note(left, 12.0)

    failed = Progress(trial_id=bad.trial_id, state="failed")
    limits.on_event(Event(kind="finished", trial=bad, progress=failed))

    assert limits.choice([left, *good]) == two


def test_nothing_is_learned_from_a_trial_that_died_and_began_anew(tmp_path, clock):
    """Its second start goes on from where it was."""
    (trial,) = twelve_seconds(1)
    limits = Limits(slots=Slots.local(), budget=seconds_of([trial], 1000), clock=clock)
    frontier = Frontier(ledger=Ledger(open_storage(tmp_path)), waiting={trial.trial_id: trial})

    limits.on_event(Event(kind="started", trial=trial))
    clock.now += 100
    limits.apply(frontier, anew=True)
    limits.on_event(Event(kind="started", trial=trial))
    clock.now += 1
    limits.on_event(Event(kind="finished", trial=trial, progress=Progress(trial_id=trial.trial_id, state="done")))

    assert limits.spent == 101
    assert not limits.durations.groups


def test_trials_whose_parents_fail_do_not_keep_a_limited_run_waiting(go):
    bad = replace(planned(0, nan_at=1, seconds=1.0), expected_cost=0.1)
    child = replace(planned(0, (bad.trial_id,), link={"parent": 0, "key": "genotype"}), expected_cost=0.1)

    states, limit, _ = go([bad, child], budget=Budget(seconds=1000, unit="cpu"))

    assert ([*states.values()], limit) == (["failed", "blocked"], "")


def test_a_gpu_budget_counts_shares_of_gpus_and_nothing_of_what_needs_none():
    quarter = replace(planned(0), resources=Resources(gpus=0.25, cpus=4))
    without = planned(1)

    assert Budget(seconds=1, unit="gpu").price(quarter, 8) == 2
    assert Budget(seconds=1, unit="gpu").price(without, 8) == 0
    assert Budget(seconds=1, unit="cpu").price(quarter, 8) == 32


def test_the_more_there_is_at_a_time_the_more_is_done_until_then():
    trials = twelve_seconds(6)
    rest = {trial.trial_id for trial in trials}

    def chosen(slots: Slots) -> int:
        durations = Durations()
        durations.note(trials[0], 12.0)
        limits = Limits(slots=slots, until=NOON + 30, durations=durations, clock=Clock())
        return len(limits.choice(trials) & rest)

    assert chosen(Slots.local()) == 2
    assert chosen(places([{"CPU": 2.0}])) == 4
    assert chosen(places([{"CPU": 2.0}, {"CPU": 1.0}])) == 6
