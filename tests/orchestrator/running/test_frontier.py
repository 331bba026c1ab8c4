"""What may start next, as trials end, fail and are left to another run."""

import dataclasses

import pytest
from drive import planned

from orchestrator.planning.plan import PlannedTrial
from orchestrator.running import run as runs
from orchestrator.running.frontier import Frontier
from trainables.trial import TrialRow


class Rows:
    """A ledger of which nothing but rows is asked."""

    def __init__(self) -> None:
        self._rows: dict[str, TrialRow] = {}

    def row(self, trial_id: str) -> TrialRow | None:
        return self._rows.get(trial_id)

    def end(self, trial: PlannedTrial, state="done", seconds: float = 10.0) -> None:
        self._rows[trial.trial_id] = TrialRow(
            trial_id=trial.trial_id, spec=trial.spec, config={}, state=state, metrics={}, artifacts={},
            timing={"wall_seconds": seconds},
        )  # fmt: skip


def frontier_of(rows: Rows, *trials: PlannedTrial) -> Frontier:
    return Frontier(ledger=rows, waiting={trial.trial_id: trial for trial in trials})  # pyright: ignore


def of_stage(stage: str, seed: int, cost: float) -> PlannedTrial:
    return dataclasses.replace(planned(seed), stage=stage, expected_cost=cost)


def test_what_is_learned_of_a_stage_while_it_runs_changes_who_is_next():
    slow, slow_too = of_stage("slow", 0, 2.0), of_stage("slow", 1, 1.0)
    quick = [of_stage("quick", seed, 1.5) for seed in (2, 3)]
    rows = Rows()
    frontier = frontier_of(rows, slow, slow_too, *quick)
    assert [frontier.next(), frontier.next()] == [slow, min(quick, key=lambda trial: trial.trial_id)]

    rows.end(slow, seconds=1000.0)
    frontier.settle(slow.trial_id)
    rows.end(next(iter(frontier.running.values())), seconds=1.0)
    frontier.settle(next(iter(frontier.running)))

    assert frontier.next() == slow_too


def test_whatever_needs_what_needs_a_trial_that_failed_is_blocked_with_it():
    root, other = planned(0), planned(1)
    child = planned(2, (root.trial_id,))
    grandchild = planned(3, (child.trial_id,))
    rows = Rows()
    frontier = frontier_of(rows, root, other, child, grandchild)
    while (trial := frontier.next()) is not None:
        rows.end(trial, "failed" if trial is root else "done")

    assert frontier.settle(other.trial_id) == []
    assert frontier.settle(root.trial_id) == [child, grandchild]
    assert frontier.exhausted


def test_a_trial_that_is_left_to_another_run_is_not_handed_out_and_neither_is_what_needs_it():
    left, other = planned(0), planned(1)
    child = planned(2, (left.trial_id,))
    frontier = frontier_of(Rows(), left, other, child)

    assert frontier.leave({left.trial_id}) == [left, child]
    assert [frontier.next(), frontier.next()] == [other, None]


@pytest.mark.parametrize(("look", "pause"), [(0.0, 1.0), (0.01, 1.0), (0.5, 10.0)])
def test_whoever_waits_for_other_drivers_looks_a_twentieth_of_the_time_at_most(monkeypatch, look, pause):
    now, waited = [0.0], []

    class Looking(Rows):
        def states(self, specs):
            now[0] += look
            return {}

    class Stopping:
        trials, asked_by = frozenset(), ""

        def __call__(self):
            return len(waited) == 2

        def wait(self, seconds):
            waited.append(seconds)

    class Waiting:
        frontier = Frontier(ledger=Rows(), waiting={}, elsewhere={"other": planned(0)})  # pyright: ignore

    monkeypatch.setattr("orchestrator.running.run.time.monotonic", lambda: now[0])
    monkeypatch.setattr("orchestrator.running.run.open_frontier", lambda *asked: None)
    runs._go_on([], Looking(), {}, lambda _: Waiting, None, lambda event: None, Stopping())  # pyright: ignore

    assert waited == [1.0, pytest.approx(pause)]


def held(*trials, elsewhere=()):
    """Return a frontier of trials that are all alike, and its rows."""
    rows = Rows()
    others = {trial.trial_id: trial for trial in elsewhere}
    waiting = {trial.trial_id: trial for trial in trials}
    return rows, Frontier(ledger=rows, waiting=waiting, elsewhere=others, likeness=lambda trial: "same")  # pyright: ignore


def test_of_trials_that_are_alike_one_is_handed_out_and_the_others_once_it_is_done():
    rows, frontier = held(*(trials := [planned(seed) for seed in range(3)]))

    first = frontier.next()
    assert frontier.next() is None
    assert first is not None
    rows.end(first)
    frontier.settle(first.trial_id)

    others = [frontier.next(), frontier.next()]
    assert sorted(trial.trial_id for trial in (first, *others) if trial) == sorted(t.trial_id for t in trials)


@pytest.mark.parametrize("ends", ["fails", "is left to another run"])
def test_where_the_first_does_not_get_done_the_next_one_works(ends):
    rows, frontier = held(*(planned(seed) for seed in range(3)))
    first = frontier.next()
    assert first is not None
    if ends == "fails":
        rows.end(first, "failed")
        frontier.settle(first.trial_id)
    else:
        frontier.give_back(first.trial_id)
        frontier.leave({first.trial_id})

    assert frontier.next() not in (first, None)
    assert frontier.next() is None


def test_who_holds_the_rest_back_does_not_wait_for_what_others_have():
    one, two = planned(0), planned(1)
    frontier = Frontier(ledger=Rows(), waiting={two.trial_id: two}, elsewhere={one.trial_id: one})  # pyright: ignore
    assert not frontier.exhausted

    frontier.hold([two.trial_id])

    assert frontier.exhausted


def within_limits(frontier: Frontier, rest: PlannedTrial) -> None:
    """Let all start, and first all but one, which is part of no whole cell."""
    frontier.restrict(
        {*frontier.waiting}, {each: 0 for each in frontier.waiting if each != rest.trial_id}, rest_waits=True
    )


def test_what_is_part_of_no_whole_cell_starts_beside_the_last_that_a_whole_cell_needs():
    one, two, rest = (planned(seed) for seed in range(3))
    frontier = frontier_of(Rows(), rest, one, two)
    within_limits(frontier, rest)

    started = [frontier.next() for _ in range(3)]

    assert {each.trial_id for each in started[:2] if each} == {one.trial_id, two.trial_id}
    assert started[2] == rest


def test_what_is_part_of_no_whole_cell_does_not_wait_where_only_others_work():
    """The whole cell's parent is at work in another run."""
    rest = planned(2)
    frontier = frontier_of(Rows(), rest, planned(1, (planned(0).trial_id,)))
    within_limits(frontier, rest)

    assert frontier.next() == rest


def test_where_one_that_is_alike_is_held_back_the_next_one_starts():
    _, frontier = held(planned(0), planned(1))
    first = frontier.next()
    assert first is not None

    frontier.hold([first.trial_id])

    second = frontier.next()
    assert second is not None
    assert second.trial_id != first.trial_id


def test_a_trial_waits_for_one_that_is_alike_and_that_another_driver_has():
    one, two = planned(0), planned(1)
    rows, frontier = held(two, elsewhere=[one])
    assert not frontier.can_start

    rows.end(one)
    frontier.settle(one.trial_id)

    assert frontier.next() is two


def test_one_whose_process_died_starts_again_before_those_that_wait_for_it():
    _, frontier = held(planned(0), planned(1))
    first = frontier.next()
    assert first is not None
    frontier.put_back(first.trial_id)

    assert [frontier.next(), frontier.next()] == [first, None]
