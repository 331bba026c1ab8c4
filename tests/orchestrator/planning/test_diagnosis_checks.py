"""Diagnoses in a plan: what they take from their search, and what is refused before anything runs."""

import pytest
from plans import mistakes, plan

EXPERIMENT = """\
experiment: x
stages:
  search:
    trainable: search
    config: {dataset: cifar10-mini, train_images: 40, batch_size: 10, space: SPACE, SEARCH}
    grid: {weighting: [scalar, max_w]}
  diagnose:
    trainable: diagnose
    needs: search
    config: {CONFIG}
tables:
  - {name: t, stage: diagnose, rows: [weighting], columns: [COLUMN]}
"""


def text(
    *,
    space="darts",
    search="channels: 4",
    config="weights: '${search.weights}'",
    column="hessian_eigenvalue",
):
    filled = EXPERIMENT.replace("SPACE", space).replace("SEARCH", search)
    return filled.replace("CONFIG", config).replace("COLUMN", column)


def test_a_diagnosis_takes_over_what_its_search_says_of_the_supernet_and_the_images():
    made = plan(text())
    searches, diagnoses = (list(made.of_stage(stage)) for stage in ("search", "diagnose"))

    assert [trial.parents for trial in diagnoses] == [(trial.trial_id,) for trial in searches]
    scalar, max_w = (dict(trial.spec.config) for trial in diagnoses)
    assert scalar == {
        "weights": {"parent": 0, "key": "weights-last.safetensors"},
        "dataset": "cifar10-mini",
        "train_images": 40,
        "space": "darts",
        "channels": 4,
    }
    assert max_w == {**scalar, "weighting": "max_w"}


@pytest.mark.parametrize("space", ["nas_bench_201", "multichannel"])
def test_other_spaces_are_diagnosed_too(space):
    made = plan(text(space=space, search="epochs: 9"))

    assert {trial.spec.config["space"] for trial in made.of_stage("diagnose")} == {space}


MUST_BE = 'must be those that a search left: "${search.weights}", where needs: names a stage of searches'


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"config": "weights: '${search.genotype}'"}, MUST_BE),
        ({"config": "weights: {file: w}"}, MUST_BE),
        ({"config": "weights: last.safetensors"}, MUST_BE),
        ({"config": "weights: null"}, MUST_BE),
        ({"search": "strategy: random"}, "a random choice measures no 'weights'"),
        ({"column": "kendall_tau"}, "a diagnosis measures 'kendall_tau' only of NAS-Bench-201"),
        ({"config": "weights: '${search.weights}', cells: 9"}, "only cells of NAS-Bench-201 are in a table"),
        ({"config": "weights: '${search.weights}', channels: 8"}, "conflicts with '4', which its parent"),
        (
            {"config": "weights: '${search.weight}'"},
            "'weight'; did you mean 'weights'?",
        ),
        ({"config": "hessian_images: 9"}, "weights"),
    ],
)
def test_what_cannot_be_diagnosed_is_refused_with_a_sentence(changes, sentence):
    found = mistakes(text(**changes))

    assert any(sentence in message for message in found), found


def test_a_training_cannot_be_diagnosed():
    lines = text().splitlines(keepends=True)
    train = ['  train:\n    trainable: train\n    needs: search\n    config: {genotype: "${search.genotype}"}\n']
    place = lines.index("  diagnose:\n")
    between = "".join([*lines[:place], *train, *lines[place:]]).replace(
        "diagnose\n    needs: search", "diagnose\n    needs: train"
    )

    assert any("a stage of searches, not of 'train' trials" in message for message in mistakes(between))
