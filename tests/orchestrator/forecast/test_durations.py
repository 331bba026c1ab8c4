"""What is learned of how long trials take, from which rows, and how long the chain is that waits for one."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from drive import planned
from hypothesis import given
from hypothesis import strategies as st
from quickstart_rows import quickstart

from orchestrator.forecast.durations import Durations, Group, group_of_row, path_weights
from orchestrator.forecast.rough import rough_seconds
from orchestrator.planning.plan import PlannedTrial, Resources
from trainables.catalog import CATALOG

PLAN, ROWS = quickstart()
TRAIN = next(trial for trial in PLAN.trials if trial.stage == "train")
ROW = ROWS[TRAIN.trial_id]


@pytest.mark.parametrize(
    ("provenance", "group"),
    [
        ({"gpus": [], "threads": 1}, Group("train", "train", 0.0, 1)),
        ({"gpus": [], "threads": 8}, Group("train", "train", 0.0, 8)),
        ({"gpus": [0.5, 1.0], "threads": 8}, Group("train", "train", 1.0, 0)),
        ({}, Group("train", "train", 0.0, 1)),
        ({"gpus": [], "threads": None}, Group("train", "train", 0.0, 1)),
    ],
)
def test_a_trial_counts_for_the_device_it_ran_on_whatever_it_would_ask_for_now(provenance, group):
    assert group_of_row(TRAIN, replace(ROW, provenance=provenance)) == group


@pytest.mark.parametrize("gpus", [0, 1])
def test_a_pace_is_what_it_took_by_what_is_written_for_that_device(gpus):
    trial = replace(TRAIN, resources=Resources(cpus=1, gpus=gpus))
    durations = Durations()
    durations.note(trial, 3 * rough_seconds(trial))
    [(group, paces)] = durations.groups.items()

    assert group.device == ("GPU" if gpus else "CPU")
    assert math.exp(paces.mean) == pytest.approx(3)


def test_even_the_cheapest_trial_takes_the_start_of_a_process():
    cheap, dear = (rough_seconds(replace(TRAIN, expected_cost=cost)) for cost in (0.0, 1e7))

    assert 1 < cheap < 10
    assert dear > 2 * cheap
    assert rough_seconds(replace(planned(0), expected_cost=0.0)) > 0  # of a kind that nobody knows


@pytest.mark.parametrize(
    "change", [{"timing": {}}, {"timing": {"wall_seconds": 0.0}}, {"timing": {"wall_seconds": "1"}}]
)
def test_a_row_that_does_not_say_how_long_it_took_teaches_nothing(change):
    durations = Durations()

    assert not durations.note_row(TRAIN, replace(ROW, **change))
    assert not durations.groups
    assert durations.expected(TRAIN) == TRAIN.expected_cost


def test_news_are_the_first_of_a_stage_and_every_doubling():
    durations, other = Durations(), replace(TRAIN, stage="other")

    assert [durations.note(TRAIN, 9.0) for _ in range(9)] == [at in (1, 2, 4, 8) for at in range(1, 10)]
    assert durations.note(other, 9.0)
    assert not durations.note(other, 9.0)


def test_spread_and_mean_are_those_of_the_logarithms():
    durations = Durations()
    for seconds in (10.0, 20.0, 40.0):
        durations.note(TRAIN, seconds)
    [paces] = durations.groups.values()

    assert math.exp(paces.mean) * rough_seconds(TRAIN) == pytest.approx(20.0)
    assert paces.deviations == pytest.approx(2 * math.log(2) ** 2)


@given(st.lists(st.tuples(st.sets(st.integers(0, 8), max_size=3), st.integers(1, 9)), min_size=1, max_size=9))
def test_a_trials_weight_is_the_longest_chain_that_begins_with_it(drawn):
    trials: list[PlannedTrial] = []
    for at, (parents, _) in enumerate(drawn):
        ids = tuple(trials[parent].trial_id for parent in sorted(parents) if parent < at)
        trials.append(planned(at, ids))
    seconds = {trial.trial_id: float(each) for trial, (_, each) in zip(trials, drawn, strict=True)}

    def longest(trial: PlannedTrial, among: Sequence[PlannedTrial]) -> float:
        children = [longest(each, among) for each in among if trial.trial_id in each.parents]
        return seconds[trial.trial_id] + max(children, default=0.0)

    assert path_weights(trials, seconds) == {trial.trial_id: longest(trial, trials) for trial in trials}


@pytest.mark.parametrize("gpus", [0, 1])
@pytest.mark.parametrize("name", CATALOG)
def test_every_kind_of_trial_of_the_package_has_a_pace_on_each_device(name, gpus):
    spec = replace(planned(0).spec, trainable=name)
    trial = replace(planned(0), spec=spec, expected_cost=0.0, resources=Resources(cpus=1, gpus=gpus))

    assert 1 < rough_seconds(trial) < 60
