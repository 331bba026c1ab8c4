"""`${search.genotype_within_600M_addmult}`: a training's genotype, derived within a budget from its parent's alphas."""

import pytest
from plans import mistakes, plan

EXPERIMENT = """\
experiment: budgets
stages:
  search:
    trainable: search
    config: {{dataset: cifar10-mini, space: {space}, strategy: {strategy}}}
    grid: {{seed: [0]}}
  train:
    trainable: train
    needs: search
    config: {{genotype: "{genotype}", channels: 2, layers: 3, auxiliary: false, {more}}}
    grid: {{seed: [0]}}
"""
CELLS = "[none, skip_connect, sep_conv_3x3]"


def experiment(budget="2k_params", *, space=CELLS, strategy="gradient", stage="search", more=""):
    genotype = f"${{{stage}.genotype_within_{budget}}}"
    return EXPERIMENT.format(genotype=genotype, space=space, strategy=strategy, more=more)


def training(text):
    (trial,) = [trial for trial in plan(text).trials if trial.stage == "train"]
    return trial


def test_the_reference_and_its_budget_are_what_the_trial_is():
    spec = training(experiment()).spec
    assert spec.config["genotype"] == {"parent": 0, "key": "genotype_within_2000_params"}
    assert training(experiment("2.0k-params")).trial_id == spec.trial_id
    assert training(experiment("2000_params")).trial_id == spec.trial_id
    assert training(experiment("3k_params")).trial_id != spec.trial_id
    whole = EXPERIMENT.format(genotype="${search.genotype}", space=CELLS, strategy="gradient", more="")
    assert training(whole).trial_id != spec.trial_id
    assert training(whole).parents == training(experiment()).parents


def test_a_budget_that_no_network_of_the_stage_keeps_is_refused_with_the_least_size():
    (sentence,) = mistakes(experiment("800_params"))
    assert sentence == "no architecture of this space has 800 params or less; the smallest has 1,144"
    training(experiment("1144_params"))
    (sentence,) = mistakes(experiment("1144_params").replace("channels: 2", "channels: 3"))
    assert sentence.startswith("no architecture of this space has 1,144 params or less")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (experiment("600"), "a budget is a number, k, M or B if any, and one of addmult, macs, params"),
        (experiment("600M_parms"), "unknown size to limit: 'parms'; did you mean 'params'?"),
        (experiment(strategy="random"), "a random choice has no alphas, from which an architecture within a budget"),
        (experiment(space="multichannel"), "the genotype is a path, which takes network: multichannel"),
        (
            experiment(space="multichannel", more="network: multichannel, drop_path: 0").replace("2k", "1k"),
            "no architecture of this space has 1,000 params or less; the smallest has",
        ),
    ],
)
def test_what_can_stand_for_nothing_is_said_before_anything_runs(text, sentence):
    assert sentence in mistakes(text)[0]


def test_a_training_has_no_alphas_to_derive_from():
    again = """\
  again:
    trainable: train
    needs: train
    config: {genotype: "${train.genotype_within_2k_params}", channels: 2, layers: 3}
    grid: {seed: [0]}
"""
    (sentence,) = mistakes(experiment() + again)
    assert sentence == "stage 'train' records no alphas to derive from; only searches do"
