"""The stand-ins of a plan: other trials than the real ones, of the same number, in the time that is asked for."""

import pytest
from command_line import CHAINS
from fakes import CATALOG as FAKES

from orchestrator.document.experiment import load_experiment, parse_experiment
from orchestrator.planning.plan import expand
from orchestrator.running.rehearsal.stand_ins import rehearsed, twins
from trainables.catalog import CATALOG


@pytest.mark.parametrize("name", ["quickstart", "table4_toy", "random_control_toy"])
def test_no_trial_of_a_rehearsal_is_ever_one_of_the_real_run(name):
    real, stand_ins = (expand(load_experiment(name), catalog).trials for catalog in (CATALOG, twins(CATALOG)))

    assert [trial.label for trial in stand_ins] == [trial.label for trial in real]
    assert not {trial.trial_id for trial in stand_ins} & {trial.trial_id for trial in real}
    assert {trial.spec.version for trial in stand_ins} == {0}
    assert min(entry.version for entry in CATALOG.values()) > 0


def seconds(cast, trial):
    """Return how long a stand-in takes, from what its steps wait for."""
    entry = cast.catalog[trial.spec.trainable]
    return max(entry.arguments["least"], entry.arguments["pace"] * trial.expected_cost)


@pytest.mark.parametrize("slots", [1, 2])
def test_all_of_them_take_about_the_time_that_is_asked_for(slots):
    plan = expand(load_experiment("quickstart"), twins(CATALOG))
    cast = rehearsed(plan, CATALOG, seconds=60, slots=slots, faults=3, here=True)

    whole = sum(seconds(cast, trial) for trial in cast.trials) / slots
    assert 59 < whole < 75
    assert {trial.max_failures for trial in cast.trials} == {3}
    assert {trial.resources.cpus for trial in cast.trials} == {1}
    assert not cast.undisturbed["train"].arguments["pace"]


def test_on_a_cluster_they_ask_for_what_the_real_ones_ask_for():
    text = CHAINS.replace("grid: {seed: [0, 1]}", "grid: {seed: [0, 1]}\n    resources: {cpus: 3}")
    plan = expand(parse_experiment(text, file="chains.yaml"), twins(FAKES))

    there, here = (rehearsed(plan, FAKES, seconds=1, slots=1, faults=0, here=here) for here in (False, True))
    assert [trial.resources.cpus for trial in there.trials[:3]] == [3, 3, 1]
    assert [trial.resources.cpus for trial in here.trials[:3]] == [1, 1, 1]
