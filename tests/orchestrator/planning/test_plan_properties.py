"""What no spelling of a grid may change: ids, counts, and that growing renames nothing."""

import copy
import json

import pytest
from few import few
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.document.experiment import parse_experiment
from orchestrator.planning.plan import Plan, expand
from trainables.catalog import CATALOG

SEARCH_AXES = {
    "weighting": st.sampled_from(["scalar", "max_w"]),
    "p": st.sampled_from([1, 1.5, 2, 3]),
    "seed": st.integers(0, 5),
    "channels": st.integers(4, 8),
}
TRAIN_AXES = {
    "p": st.sampled_from([1, 2, 4]),
    "cutout": st.sampled_from([0, 16]),
    "seed": st.integers(0, 5),
}


@st.composite
def grids(draw, axes):
    """Some of the axes, each with some distinct values."""
    names = draw(st.lists(st.sampled_from(sorted(axes)), unique=True, min_size=1, max_size=3))
    return {name: draw(st.lists(axes[name], unique=True, min_size=1, max_size=2)) for name in names}


@st.composite
def experiments(draw):
    """A search and a training stage as the YAML's values."""
    return {
        "experiment": "x",
        "stages": {
            "search": {"trainable": "search", "config": {"epochs": 10}, "grid": draw(grids(SEARCH_AXES))},
            "train": {
                "trainable": "train",
                "needs": "search",
                "config": {"genotype": "${search.genotype}", "layers": 5},
                "grid": draw(grids(TRAIN_AXES)),
            },
        },
    }


def plan(experiment) -> Plan:
    return expand(parse_experiment(json.dumps(experiment)), CATALOG, max_trials=10_000)


def ids(experiment) -> list[str]:
    return [trial.trial_id for trial in plan(experiment).trials]


def size(grid) -> int:
    count = 1
    for values in grid.values():
        count *= len(values)
    return count


def shuffled(draw, mapping):
    return dict(draw(st.permutations(list(mapping.items()))))


@given(experiments())
@few(12)
def test_the_number_of_trials_is_the_product_of_the_axes(experiment):
    search, train = (experiment["stages"][name]["grid"] for name in ("search", "train"))

    assert len(set(ids(experiment))) == len(ids(experiment)) == size(search) * (1 + size(train))


@given(experiments())
@few(12)
def test_planning_is_deterministic_and_changes_nothing(experiment):
    before = copy.deepcopy(experiment)
    parsed = parse_experiment(json.dumps(experiment))
    document = copy.deepcopy(parsed.document.value)

    assert expand(parsed, CATALOG, max_trials=10_000) == expand(parsed, CATALOG, max_trials=10_000)
    assert parsed.document.value == document
    assert experiment == before


@given(experiments(), st.data())
@few(12)
def test_ids_do_not_depend_on_the_order_of_anything(experiment, data):
    other = shuffled(data.draw, experiment)
    other["stages"] = {
        name: {
            **shuffled(data.draw, stage),
            "config": shuffled(data.draw, stage["config"]),
            "grid": {
                axis: data.draw(st.permutations(values)) for axis, values in shuffled(data.draw, stage["grid"]).items()
            },
        }
        for name, stage in shuffled(data.draw, experiment["stages"]).items()
    }

    assert set(ids(other)) == set(ids(experiment))


@given(experiments())
@few(12)
def test_ids_do_not_depend_on_names_labels_or_resources(experiment):
    search, train = experiment["stages"]["search"], experiment["stages"]["train"]
    labelled = {
        f"axis-{axis}": [{"label": f"choice {index}", axis: value} for index, value in enumerate(values)]
        for axis, values in train["grid"].items()
    }
    other = {
        "experiment": "another",
        "stages": {
            "looking": {**search, "resources": {"gpus": 1, "cpus": 4}},
            "learning": {
                **train,
                "needs": "looking",
                "config": {"genotype": "${looking.genotype}", "layers": 5},
                "grid": labelled,
            },
        },
    }

    assert set(ids(other)) == set(ids(experiment))


@given(experiments())
@few(12)
def test_whole_numbers_may_be_written_as_fractions(experiment):
    other = copy.deepcopy(experiment)
    for stage in other["stages"].values():
        for axis, values in stage["grid"].items():
            stage["grid"][axis] = [value if isinstance(value, str) else float(value) for value in values]

    assert ids(other) == ids(experiment)


@pytest.mark.parametrize(
    ("stage", "axis", "added"),
    [
        ("search", "seed", 99),
        ("search", "p", 5),
        ("search", "weighting", None),
        ("train", "seed", 99),
        ("train", "p", 5),
    ],
)
@given(data=st.data())
@few(8)
def test_growing_an_axis_renames_no_trial(stage, axis, added, data):
    experiment = data.draw(experiments())
    grid = experiment["stages"][stage]["grid"]
    grid.setdefault(axis, ["scalar"] if axis == "weighting" else [1])
    added = added or ({"scalar", "max_w"} - {grid[axis][0]}).pop()
    assume(added not in grid[axis])
    before = ids(experiment)
    position = data.draw(st.integers(0, len(grid[axis])))
    grid[axis].insert(position, added)

    assert set(before) < set(ids(experiment))


@given(experiments(), st.data())
@few(12)
def test_exclude_drops_exactly_the_points_it_names(experiment, data):
    grid = experiment["stages"]["train"]["grid"]
    whole = plan(experiment)
    axes = data.draw(st.lists(st.sampled_from(sorted(grid)), unique=True, min_size=1))
    point = {axis: data.draw(st.sampled_from(grid[axis])) for axis in axes}
    matching = {t.trial_id for t in whole.of_stage("train") if all(whole.value(t, k) == v for k, v in point.items())}
    assume(len(matching) < len(list(whole.of_stage("train"))))
    experiment["stages"]["train"]["exclude"] = [point]

    assert set(ids(experiment)) == {trial.trial_id for trial in whole.trials} - matching


@given(experiments())
@few(12)
def test_parents_come_before_children_and_are_in_the_plan(experiment):
    trials = plan(experiment).trials
    place = {trial.trial_id: index for index, trial in enumerate(trials)}
    parent_groups = [(trial, parent) for trial in trials for parent in trial.parents]

    assert [trial.spec.trial_id for trial in trials] == list(place)
    assert len(parent_groups) == len([trial for trial in trials if trial.stage == "train"]) > 0
    assert all(place[parent] < place[trial.trial_id] for trial, parent in parent_groups)


@given(experiments())
@few(12)
def test_labels_tell_the_trials_of_a_stage_apart(experiment):
    trials = plan(experiment).trials

    assert len({(trial.stage, trial.label) for trial in trials}) == len(trials)
