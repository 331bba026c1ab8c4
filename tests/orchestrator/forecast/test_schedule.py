"""A simulated schedule is what trials on nodes can do: held against one that looks at all trials and all room anew."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pytest
from drive import planned
from hypothesis import given
from hypothesis import strategies as st
from places import places

from orchestrator.forecast.schedule import Schedule, path_weights, simulate
from orchestrator.forecast.slots import Slots
from orchestrator.planning.plan import PlannedTrial, Resources

SHAPES = (Resources(cpus=1), Resources(cpus=2), Resources(cpus=1, gpus=1), Resources(cpus=4, gpus=0.5))
NODE = {"CPU": 4.0, "GPU": 1.0}


def made(shapes: Sequence[Resources], parents: Sequence[Collection[int]]) -> list[PlannedTrial]:
    """Return as many trials; each waits for the earlier ones that are named."""
    trials: list[PlannedTrial] = []
    for seed, (shape, waits) in enumerate(zip(shapes, parents, strict=True)):
        ids = tuple(trials[parent].trial_id for parent in sorted(waits))
        trials.append(replace(planned(seed, ids), resources=shape))
    return trials


@st.composite
def grids(draw: st.DrawFn, shapes: Sequence[Resources] = SHAPES) -> tuple[list[PlannedTrial], dict[str, float]]:
    """Trials with parents, and whole seconds for each, so that many end together."""
    count = draw(st.integers(1, 9))
    chosen = draw(st.lists(st.sampled_from(shapes), min_size=count, max_size=count))
    parents = [draw(st.sets(st.integers(0, at - 1), max_size=2)) if at else set[int]() for at in range(count)]
    trials = made(chosen, parents)
    seconds = draw(st.lists(st.integers(1, 6), min_size=count, max_size=count))
    return trials, {trial.trial_id: float(each) for trial, each in zip(trials, seconds, strict=True)}


def asked(trial: PlannedTrial) -> dict[str, float]:
    return {"CPU": trial.resources.cpus, "GPU": trial.resources.gpus}


def plainly(trials: Sequence[PlannedTrial], seconds: Mapping[str, float], node: Mapping[str, float]) -> Schedule:
    """Return the schedule on one node: at each moment, the ready ones by their way to go, each if there is room.

    Room is kept for the first of a shape that finds none.
    """
    weights = path_weights(trials, seconds)
    order = sorted(trials, key=lambda trial: (-weights[trial.trial_id], trial.trial_id))
    start: dict[str, float] = {}
    end: dict[str, float] = {}
    now = 0.0
    while len(start) < len(trials):
        at_work = [trial for trial in trials if trial.trial_id in start and end[trial.trial_id] > now]
        free = {name: node[name] - sum(asked(trial)[name] for trial in at_work) for name in node}
        waiting: set[Resources] = set()
        for trial in order:
            if trial.trial_id in start or any(end.get(parent, math.inf) > now for parent in trial.parents):
                continue
            if trial.resources in waiting:
                continue
            if all(free[name] >= amount for name, amount in asked(trial).items() if amount):
                start[trial.trial_id], end[trial.trial_id] = now, now + seconds[trial.trial_id]
            else:
                waiting.add(trial.resources)
            free = {name: free[name] - amount for name, amount in asked(trial).items()}
        now = min((each for each in end.values() if each > now), default=now)
    return Schedule(start=start, end=end)


@given(grids())
def test_on_one_node_it_is_the_schedule_that_a_look_at_all_trials_at_each_moment_gives(grid):
    trials, seconds = grid

    assert simulate(trials, seconds, places([NODE])) == plainly(trials, seconds, NODE)


@given(grids(SHAPES[:1]), st.integers(1, 4))
def test_trials_of_one_shape_take_as_many_places_as_there_are_on_all_nodes(grid, count):
    trials, seconds = grid
    spread = simulate(trials, seconds, places([{"CPU": 1.9}] * count))

    assert spread == plainly(trials, seconds, {"CPU": float(count), "GPU": 0.0})


@given(grids(), st.integers(1, 3))
def test_nothing_starts_before_its_parents_end_nor_where_all_is_taken_nor_waits_while_all_is_free(grid, count):
    trials, seconds = grid
    found = simulate(trials, seconds, places([NODE] * count))

    chain = max(path_weights(trials, seconds).values())
    assert chain <= found.makespan <= sum(seconds.values())
    for trial in trials:
        began = found.start[trial.trial_id]
        assert found.end[trial.trial_id] == began + seconds[trial.trial_id]
        assert all(found.end[parent] <= began for parent in trial.parents)
        beside = [each for each in trials if found.start[each.trial_id] <= began < found.end[each.trial_id]]
        for name, amount in NODE.items():
            assert sum(asked(each)[name] for each in beside) <= count * amount
    assert all(any(found.start[each] <= now < found.end[each] for each in seconds) for now in range(int(chain)))


@given(grids(SHAPES[:1]))
def test_one_by_one_takes_the_sum_and_endless_room_the_longest_chain(grid):
    trials, seconds = grid

    assert simulate(trials, seconds, Slots.local()).makespan == sum(seconds.values())
    endless = Slots(nodes=({},), name="", others=math.inf)
    assert simulate(trials, seconds, endless).makespan == max(path_weights(trials, seconds).values())


def test_a_trial_that_needs_much_is_not_starved_by_many_that_need_little():
    small = made([SHAPES[0]] * 12, [()] * 12)
    large = replace(planned(99), resources=Resources(cpus=4))
    seconds = {trial.trial_id: 1.0 + at % 3 for at, trial in enumerate(small)} | {large.trial_id: 9.0}
    weights = dict.fromkeys(seconds, 1.0) | {small[0].trial_id: 3.0, large.trial_id: 2.0}

    found = simulate([*small, large], seconds, places([NODE]), weights=weights)

    assert found.start[large.trial_id] == 1.0


def test_what_is_at_work_already_keeps_its_place():
    first, second = made(SHAPES[:1] * 2, [(), ()])
    seconds = {first.trial_id: 9.0, second.trial_id: 1.0}

    found = simulate([first, second], seconds, Slots.local(), first=[second.trial_id])

    assert found.start == {second.trial_id: 0.0, first.trial_id: 1.0}


@pytest.mark.parametrize("gpus", [0.0, 1.0])
def test_what_fits_nowhere_never_ends_nor_what_needs_it_and_all_else_does(gpus):
    shapes = [Resources(cpus=1, gpus=2), SHAPES[0], SHAPES[0]]
    trials = made(shapes, [(), [0], ()])

    found = simulate(trials, {trial.trial_id: 1.0 for trial in trials}, places([{"CPU": 2.0, "GPU": gpus}]))

    assert [found.end[trial.trial_id] for trial in trials] == [math.inf, math.inf, 1.0]
    assert found.makespan == math.inf
