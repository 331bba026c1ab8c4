"""A trial's id is without what it does not read; trials that have begun under the earlier rule keep their ids."""

import pytest
from plans import mistakes, plan

from orchestrator.document.experiment import parse_experiment
from orchestrator.planning.plan import Plan, expand
from trainables.catalog import CATALOG

TEXT = """\
experiment: x
stages:
  search:
    trainable: search
    config: {dataset: cifar10-mini, SHARED}
    grid:
      chosen: [{label: searched, strategy: gradient}, {label: random, strategy: random}]
  train:
    trainable: train
    needs: search
    config: {genotype: "${search.genotype}", TRAIN}
"""


def text(shared: str = "epochs: 20", train: str = "p: 1") -> str:
    return TEXT.replace("SHARED", shared).replace("TRAIN", train)


def ids(made: Plan) -> dict[str, list[str]]:
    """Return the ids of a plan's trials by the label that they or their parents have."""
    found: dict[str, list[str]] = {}
    for trial in made.trials:
        found.setdefault(made.value(trial, "chosen"), []).append(trial.trial_id)
    return found


@pytest.mark.parametrize(
    "shared", ["epochs: 30", "p: 3", "channels: 8", "weighting: max_w", "order: 2", "batch_size: 32, cutout: 4"]
)
def test_a_random_architecture_and_its_training_stay_themselves_when_the_searches_change(shared):
    usual, other = ids(plan(text())), ids(plan(text(shared)))

    assert usual["random"] == other["random"]
    assert not set(usual["searched"]) & set(other["searched"])


def test_what_is_shown_of_a_trial_is_what_was_written_also_where_it_does_not_read_it():
    made = plan(text())

    assert {made.value(trial, "search.epochs") for trial in made.trials} == {20}


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ("auxiliary: false, auxiliary_weight: 0.2", True),
        ("auxiliary: true, auxiliary_weight: 0.2", False),
        ("mid_channels: 16", False),  # the genotype may have a choke_conv
    ],
)
def test_a_setting_of_a_part_that_is_not_there_makes_no_other_trial(given, same):
    usual = given.replace(", auxiliary_weight: 0.2", "").replace("mid_channels: 16", "p: 1")

    assert (ids(plan(text(train=given))) == ids(plan(text(train=usual)))) is same


def test_the_middle_of_chokes_makes_another_trial_only_where_there_are_any():
    def one(genotype: str, more: str = "p: 2") -> str:
        config = f"{{genotype: {genotype}, dataset: cifar10-mini, {more}}}"
        return plan(f"experiment: x\nstages:\n  t: {{trainable: train, config: {config}}}\n").trials[0].trial_id

    assert one("DARTS_V2", "mid_channels: 16") == one("DARTS_V2")
    assert one("SHARP_DARTS", "mid_channels: 16") != one("SHARP_DARTS")


def test_points_that_are_the_same_trial_are_refused_once_and_not_counted_twice():
    shared = (
        "config: {epochs: 20}\n    grid: {weighting: [scalar, max_w], strategy: [gradient, random], seed: [0, 1, 2]}\n"
    )
    train = "  t: {trainable: train, needs: s, config: {genotype: '${s.genotype}'}}\n"
    one = f"experiment: x\nstages:\n  s:\n    trainable: search\n    {shared}"
    points = (f"'weighting={weighting} strategy=random seed=0'" for weighting in ("scalar", "max_w"))

    sentence = f"the points {' and '.join(points)} are the same trial, as neither reads weighting; exclude one of them"
    assert mistakes(one + train) == [sentence]
    assert len(plan(f"{one}    exclude: [{{weighting: max_w, strategy: random}}]\n{train}").trials) == 2 * 9


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ("epochs: 30", "no trial that this is given reads it, so it would change nothing; leave it out"),
        ("weighting: max_w", "a random architecture has no alphas, so this would change nothing; leave it out here"),
    ],
)
def test_a_setting_that_is_given_to_trials_alone_that_do_not_read_it_is_refused(choice, sentence):
    changed = text("p: 1").replace("strategy: random", f"strategy: random, {choice}")
    changed = changed.replace("strategy: gradient", "strategy: gradient, " + choice.replace("30", "10"))

    assert mistakes(changed) == [sentence]


def test_trials_that_have_begun_under_the_earlier_rule_keep_their_ids_and_so_do_their_children():
    loaded = parse_experiment(text())
    now = expand(loaded, CATALOG)
    asked: list[str] = []
    expand(loaded, CATALOG, stored=lambda trial_id: bool(asked.append(trial_id)))
    earlier = asked[1]  # after the id of now
    kept = expand(loaded, CATALOG, stored=lambda trial_id: trial_id == earlier)

    by_now, by_kept = ids(now), ids(kept)
    assert by_kept["searched"] == by_now["searched"]
    assert by_kept["random"][0] == earlier != by_now["random"][0]
    assert by_kept["random"][1] != by_now["random"][1]
    assert kept.trials[-1].parents == (earlier,)
    assert kept.trials[1].spec.config["epochs"] == 20
    both = expand(loaded, CATALOG, stored=lambda trial_id: trial_id in (earlier, by_now["random"][0]))
    assert ids(both) == by_now
