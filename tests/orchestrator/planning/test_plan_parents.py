"""Stages that need others: whose children trials are, what they take over, the best of several, references."""

import pytest
from plans import chain, mistakes, plan

from trainables.errors import UnknownName


def test_stages_in_any_order_are_planned_after_what_they_need():
    text = """\
experiment: x
stages:
  late: {trainable: train, needs: early, config: {genotype: "${early.genotype}"}}
  early: {trainable: search}
"""
    made = plan(text)

    assert made.stages == ("early", "late")
    assert made.trials[1].parents == (made.trials[0].trial_id,)


def test_each_parent_has_its_own_grid_of_children():
    made = plan(chain())
    children = [trial for trial in made.trials if trial.stage == "train"]

    assert len(children) == 6 * 4
    assert {trial.parents for trial in children} == {(trial.trial_id,) for trial in made.of_stage("search")}
    assert all(trial.spec.config["genotype"] == {"parent": 0, "key": "genotype"} for trial in children)


def test_a_childs_label_and_coordinates_tell_its_ancestors_apart():
    trial = next(plan(chain()).of_stage("train"))

    assert trial.label == "weighting=scalar search.seed=0 p=1 seed=0"
    assert trial.coordinates == {"train.p": 1, "train.seed": 0, "search.weighting": "scalar", "search.seed": 0}
    assert trial.ancestors == {"search": trial.parents}


@pytest.mark.parametrize(("space", "operations"), [("darts", "original"), ("darts_ssc", "ssc")])
def test_operations_and_dataset_of_a_child_are_its_parents(space, operations):
    made = plan(chain(space=space))
    child = next(made.of_stage("train"))

    assert made.value(child, "operations") == operations
    assert made.value(child, "dataset") == "cifar10-mini"
    assert child.spec.config.get("operations", "ssc") == operations
    assert child.spec.config["dataset"] == "cifar10-mini"


def test_saying_what_the_parent_says_changes_nothing():
    said = chain().replace("channels: 8", "channels: 8, operations: ssc, dataset: cifar10-mini")

    assert [trial.trial_id for trial in plan(said).trials] == [trial.trial_id for trial in plan(chain()).trials]


def test_the_best_of_several_has_all_candidates_as_parents_and_its_criterion_in_the_config():
    made = plan(chain("{stage: search, over: seed, best: search_val_error_best}"))
    scalar = sorted(t.trial_id for t in made.of_stage("search") if t.coordinates["search.weighting"] == "scalar")
    children = [trial for trial in made.of_stage("train") if made.value(trial, "weighting") == "scalar"]

    assert len(children) == 4
    assert all(list(trial.parents) == scalar for trial in children)
    assert children[0].spec.config["genotype"] == {"parent": {"best": "search_val_error_best"}, "key": "genotype"}
    assert children[0].ancestors == {"search": tuple(scalar)}
    assert children[0].coordinates == {"train.p": 1, "train.seed": 0, "search.weighting": "scalar"}
    assert made.value(children[0], "search.seed") is None
    with pytest.raises(UnknownName):
        made.value(children[0], "search.sed")


def test_a_further_candidate_makes_new_children_of_the_best():
    needs = "{stage: search, over: seed, best: search_val_error_best}"
    before, after = plan(chain(needs)), plan(chain(needs).replace("seed: [0, 1, 2]", "seed: [0, 1, 2, 3]"))

    assert {t.trial_id for t in before.of_stage("search")} < {t.trial_id for t in after.of_stage("search")}
    assert {t.trial_id for t in before.of_stage("train")}.isdisjoint(t.trial_id for t in after.of_stage("train"))


def test_another_criterion_makes_other_children():
    one, other = (
        plan(chain(f"{{stage: search, over: seed, best: {metric}}}"))
        for metric in ("search_val_error", "search_val_error_best")
    )

    assert {t.trial_id for t in one.of_stage("train")}.isdisjoint(t.trial_id for t in other.of_stage("train"))


def test_candidates_that_differ_in_what_is_taken_over_are_refused():
    text = chain("{stage: search, over: space, best: search_val_error}").replace("space: darts_ssc", "p: 1")

    found = mistakes(text.replace("weighting: [scalar, max_w]", "space: [darts, darts_ssc]"))
    assert found == ["the candidates differ in operations, so it cannot be taken over from them"]


def test_taking_the_best_for_nothing_is_refused():
    text = chain("{stage: search, over: seed, best: search_val_error}").replace('"${search.genotype}"', "DARTS_V2")

    assert mistakes(text) == ["the best is taken, but nothing of it is used: no setting refers to it"]


THREE = """\
experiment: x
stages:
  search: {trainable: search, grid: {seed: [0, 1]}}
  first: {trainable: train, needs: search, config: {genotype: "${search.genotype}"}, grid: {seed: [0, 1]}}
  second: {trainable: train, needs: %s, config: {genotype: "${search.genotype}", epochs: 7}}
"""


def test_a_reference_reaches_over_a_stage_to_an_ancestor():
    made = plan(THREE % "first")
    trial = next(made.of_stage("second"))

    assert trial.parents == (*trial.ancestors["first"], *trial.ancestors["search"])
    assert trial.spec.config["genotype"] == {"parent": 1, "key": "genotype"}
    assert len(list(made.of_stage("second"))) == 4


def test_a_reference_beyond_a_choice_of_the_best_is_refused():
    found = mistakes(THREE % "{stage: first, over: seed, best: test_error}")

    assert found == ["which trial of 'search' is meant is not known, as 'second' takes the best of several"]


def test_a_reference_beyond_a_parent_that_took_the_best_is_refused():
    text = chain("{stage: search, over: seed, best: search_val_error}")
    last = 'third: {trainable: train, needs: train, config: {genotype: "${search.genotype}"}}'
    found = mistakes(f"{text}  {last}\n")

    assert found == ["which trial of 'search' is meant is not known, as 'train' takes the best of several"]


def test_a_metric_of_the_parent_can_be_a_setting():
    text = chain().replace("channels: 8", 'channels: "${search.best_epoch}"')
    trial = next(plan(text).of_stage("train"))

    assert trial.spec.config["channels"] == {"parent": 0, "key": "best_epoch"}
    assert plan(text).value(trial, "channels") == "${search.best_epoch}"
