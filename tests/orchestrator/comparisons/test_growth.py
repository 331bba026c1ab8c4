"""The seeds that would settle what is open, and what they cost beyond the trials there are."""

import pytest
from plans import chain, plan

from orchestrator.comparisons.arms import Arm
from orchestrator.comparisons.comparison import Comparison, Comparisons
from orchestrator.comparisons.growth import growth_of, growths_of, price_of
from trainables.trial import TrialRow

PLAN = plan(chain())
"""Six searches by weighting and three seeds, and four trainings of each."""


def arm(runs, *, runs_per_seed=1):
    values = {str(place): (5.0,) for place in range(runs)}
    return Arm(
        label="an arm",
        stage="search",
        kind="search",
        kinds=("search", "train"),
        nouns=("search", "training"),
        measured="train",
        values=values,
        trials=dict.fromkeys(values, ()),
        runs_per_seed=runs_per_seed,
    )


def open_comparisons(*needed, runs=(3, 3), runs_per_seed=1):
    arms = [arm(each, runs_per_seed=runs_per_seed) for each in runs]
    return Comparisons(
        table="t",
        title="t",
        metric="test_error",
        arms=tuple(arms),
        comparisons=tuple(Comparison(first=arms[0], second=arms[1], seeds=(), needed=each) for each in needed),
    )


def test_the_grid_has_its_seeds_and_as_many_new_ones_as_are_lacking():
    growth = growth_of(PLAN, open_comparisons(7))

    assert growth.seeds == {"search": [0, 1, 2, 3, 4, 5, 6]}
    assert growth.overrides == ("stages.search.grid.seed=[0, 1, 2, 3, 4, 5, 6]",)


def test_an_arm_from_which_seeds_were_left_out_gets_as_many_more_as_it_lacks():
    """One has two of the three seeds only: it lacks five, and not four."""
    assert len(growth_of(PLAN, open_comparisons(7, runs=(2, 3))).seeds["search"]) == 3 + 5


def test_an_arm_that_pools_gets_several_runs_of_each_seed():
    assert len(growth_of(PLAN, open_comparisons(12, runs=(6, 6), runs_per_seed=2)).seeds["search"]) == 6


def test_the_cheapest_comparison_is_settled_apart_from_a_difference_that_takes_very_many():
    steps = growths_of(PLAN, open_comparisons(7, 149, 9))

    assert [(settled, len(growth.seeds["search"])) for settled, growth in steps] == [(1, 7), (3, 149)]
    assert [settled for settled, _ in growths_of(PLAN, open_comparisons(7))] == [1]
    assert growths_of(PLAN, open_comparisons(None)) == []


def row_of(trial, days):
    return TrialRow(
        trial_id=trial.trial_id,
        spec=trial.spec,
        config={},
        state="done",
        metrics={},
        artifacts={},
        timing={"gpu_days": days},
    )


def test_new_trials_cost_what_those_of_their_stage_did_and_of_others_it_is_said_how_many_more_they_are():
    grown = plan(chain().replace("seed: [0, 1, 2]", "seed: [0, 1, 2, 3, 4, 5]"))
    (search, *_) = PLAN.of_stage("search")
    price = price_of(PLAN, grown, {search.trial_id: row_of(search, 0.5)})

    assert price.trials == 6 + 6 * 4
    assert price.days == {"gpu_days": pytest.approx(3.0)}
    assert price.unknown == {"train": pytest.approx(1.0)}


def test_before_anything_has_run_a_cost_is_named_as_a_part_of_what_there_is():
    grown = plan(chain().replace("seed: [0, 1, 2]", "seed: [0, 1, 2, 3]"))

    price = price_of(PLAN, grown, {})

    assert (price.days, price.unknown) == ({}, {"search": pytest.approx(1 / 3), "train": pytest.approx(1 / 3)})
