"""Plans: which trials a grid makes, what they are called, what they cost, and what is no part of them."""

import json
from pathlib import Path

import pytest
from plans import chain, plan, stage

from orchestrator.document.experiment import load_experiment
from orchestrator.planning.plan import expand
from trainables.catalog import CATALOG
from trainables.errors import UnknownName
from trainables.trial import canonical_json

GOLDEN = json.loads((Path(__file__).parent / "plan_golden.json").read_text())


def test_canonical_json_ids_and_defaults_are_those_pinned():
    """A change here renames trials: raise the trainable's version, and say why."""
    trials = {
        f"{trial.stage} {trial.label}": {"id": trial.trial_id, "canonical": canonical_json(trial.spec.to_json())}
        for trial in plan(GOLDEN["experiment"]).trials
    }

    assert trials == GOLDEN["trials"]


@pytest.mark.parametrize("name", ["search", "train"])
def test_defaults_are_those_pinned(name):
    fields = CATALOG[name].config_class().model_fields
    defaults = {key: info.get_default() for key, info in fields.items() if not info.is_required()}

    assert json.loads(json.dumps(defaults)) == GOLDEN["defaults"][name]


def test_the_product_of_the_axes_comes_in_the_files_order():
    labels = [trial.label for trial in plan(stage("    grid: {p: [2, 1], seed: [1, 0]}")).trials]

    assert labels == ["p=2 seed=1", "p=2 seed=0", "p=1 seed=1", "p=1 seed=0"]


def test_a_stage_without_a_grid_is_one_trial_with_seed_zero():
    (trial,) = plan(stage("")).trials

    assert (trial.label, trial.spec.seed, trial.spec.config, trial.coordinates) == ("s", 0, {}, {})


def test_a_value_equal_to_the_default_leaves_no_trace():
    plain, written = plan(stage("")), plan(stage("    config: {p: 2, weighting: scalar, dataset: cifar10, seed: 0}"))

    assert [trial.trial_id for trial in plain.trials] == [trial.trial_id for trial in written.trials]


def test_the_seed_stands_once_and_apart_from_the_config():
    (trial,) = plan(stage("    config: {seed: 7}")).trials

    assert trial.spec.seed == 7
    assert "seed" not in trial.spec.config


def test_one_rule_for_keys():
    made = plan(chain())
    child = list(made.of_stage("train"))[-1]

    assert made.value(child, "p") == 2
    assert made.value(child, "search.p") == 2
    assert made.value(child, "weighting") == "max_w"
    assert made.value(child, "seed") == 1
    assert made.value(child, "search.seed") == 2
    assert made.value(child, "momentum") == 0.9
    with pytest.raises(UnknownName, match="did you mean 'weighting'"):
        made.value(child, "wieghting")
    with pytest.raises(UnknownName, match=r"unknown key of stage 'search': 'nothing'"):
        made.value(child, "search.nothing")
    with pytest.raises(UnknownName, match="unknown stage 'serach'"):
        made.value(child, "serach.p")


def test_resources_and_patience_come_from_the_stage():
    trial = plan(stage("    resources: {gpus: 0.5, cpus: 4}\n    max_failures: 0")).trials[0]

    assert (trial.resources.gpus, trial.resources.cpus, trial.max_failures) == (0.5, 4, 0)


def test_resources_names_and_labels_are_no_part_of_a_trials_identity():
    one = "    grid:\n      a: [{label: x, p: 1}]\n"
    other = (
        "    grid:\n      b: [{label: y, p: 1.0}]\n    max_failures: 0\n    time_limit: 12h\n    hang_minutes: 30\n"
        "    resources: {cpus: 4, gpus: 1, memory: 16GB, accelerator: A100, custom: {a: 1}, labels: {zone: a}}\n"
    )

    assert plan(stage(one)).trials[0].trial_id == plan(stage(other)).trials[0].trial_id


def test_longer_trials_are_expected_to_cost_more():
    made = plan(stage("    grid: {epochs: [10, 20], channels: [16, 32]}"))
    cost = {trial.label: trial.expected_cost for trial in made.trials}

    assert cost["epochs=10 channels=16"] < cost["epochs=20 channels=16"] < cost["epochs=20 channels=32"]


def test_two_stages_may_share_a_trial():
    text = "experiment: x\nstages:\n  a: {trainable: search}\n  b: {trainable: search, grid: {p: [1, 2]}}\n"
    made = plan(text)

    assert len(made.trials) == 3
    assert made.trials[0].trial_id == made.trials[2].trial_id


@pytest.mark.parametrize("name", ["quickstart", "cifar10_short"])
def test_packaged_experiments_are_two_searches_and_twelve_trainings(name):
    made = expand(load_experiment(name), CATALOG)

    assert [len(list(made.of_stage(stage))) for stage in made.stages] == [2, 12]
    assert [table.rows for table in made.tables] == [["weighting", "p"]]
