"""A plan knows what its trials will not find: what asks for that all the same is refused before anything runs."""

import pytest
from plans import mistakes, plan

from orchestrator.errors import SpecError

BEGIN = """\
experiment: x
stages:
  search:
    trainable: search
    config: {dataset: cifar10-mini, SEARCH}
    grid:
      chosen: [{label: searched, weighting: max_w}, {label: random, strategy: random}]
      seed: [0, 1]
  train:
    trainable: train
    needs: NEEDS
    config: {genotype: "${search.genotype}", TRAIN}
"""
CHOSEN = "[{label: searched, weighting: max_w}, {label: random, strategy: random}]"
RANDOM_FIRST = "[{label: random, strategy: random}, {label: searched, weighting: max_w}]"
TABLE = "tables:\n  - {name: t, stage: train, rows: [chosen], columns: [test_error, COLUMN]}\n"
LINES = """\
tables:
  - name: t
    lines: [{label: a, stage: train, filter: {chosen: random}}, {label: b, stage: train, filter: {chosen: searched}}]
    columns: [test_error, COLUMN]
"""
FIGURE = "figures:\n  - {name: f, stage: search, lines: [chosen], panels: [COLUMN]FILTER}\n"
BEST = """\
  last:
    trainable: train
    needs: {stage: train, over: search.seed, best: METRIC}
    config: {genotype: "${train.genotype}", epochs: 7}
"""


def text(end: str = "", *, needs: str = "search", train: str = "p: 2", **places: str) -> str:
    """Return an experiment of searched and random architectures, which are trained, with something at its end."""
    whole = (BEGIN + end).replace("SEARCH", "p: 2").replace("NEEDS", needs).replace("TRAIN", train)
    for place, words in places.items():
        whole = whole.replace(place, words)
    return whole


RANDOM = "a random choice measures no 'search_val_error_best', only params, addmult, macs, pools and skips"
HELD_OUT = "a training measures {!r} only where images are held out; say how many with validation_images"


def test_the_best_of_candidates_by_what_some_of_them_will_not_measure_is_refused():
    needs = "{stage: search, over: [chosen, seed], best: search_val_error_best}"

    assert mistakes(text(needs=needs)) == [f"not every candidate will have it: {RANDOM}"]


def test_the_best_by_what_is_best_where_it_is_highest_is_refused():
    needs = "{stage: search, over: [chosen, seed], best: benchmark_cifar10}"
    train = "network: nas_bench_201, layers: 15, auxiliary: false, drop_path: 0"
    wrong = text(needs=needs, train=train).replace("cifar10-mini, p: 2", "cifar10-mini, space: nas_bench_201")

    assert mistakes(wrong) == ["the lowest is taken, and of benchmark_cifar10 the highest is the best"]
    assert plan(wrong.replace("best: benchmark_cifar10", "best: benchmark_regret_cifar10")).trials


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        ("test_error_selected", HELD_OUT.format("test_error_selected")),
        ("validation_error_best", HELD_OUT.format("validation_error_best")),
        ("corrupt_images", "kept as one array, of which no image is unreadable"),
        ("cifar10_1_error", "goes with networks trained on cifar10, not on"),
    ],
)
def test_the_best_training_by_what_none_measures_is_refused(metric, sentence):
    (found,) = mistakes(text(BEST, METRIC=metric))

    assert found.startswith("not every candidate will have it: ")
    assert sentence in found


def test_the_best_by_what_all_candidates_measure_is_planned():
    assert plan(text(BEST, METRIC="test_error_top5_best")).trials
    assert plan(text(BEST, METRIC="test_error_selected", train="validation_images: 100")).trials
    assert plan(text(needs="{stage: search, over: [chosen, seed], best: params}")).trials


@pytest.mark.parametrize("table", [TABLE, LINES])
def test_a_column_that_no_trial_can_fill_is_refused_and_one_that_some_can_is_not(table):
    found = mistakes(text(table, COLUMN="validation_error"))

    assert found == ["no trial of the table can fill this: " + HELD_OUT.format("validation_error")]
    some = text(table, COLUMN="search.search_val_error")
    assert plan(some).tables
    assert plan(some.replace(CHOSEN, RANDOM_FIRST)).tables
    assert plan(text(table, COLUMN="search.gpu_days")).tables


def test_a_column_that_only_the_paper_can_fill_is_planned():
    assert plan(
        text(TABLE.replace("stage: train", "stage: train, paper: table2"), COLUMN="cifar10_1_error_best")
    ).tables


def test_a_panel_that_a_trial_of_the_figure_cannot_fill_is_refused_by_the_trial():
    (found,) = mistakes(text(FIGURE, COLUMN="search_val_error", FILTER=""))

    assert found.startswith("not every trial of the figure has this: a random choice measures no 'search_val_error'")
    assert found.endswith("(at random seed=0)")
    assert plan(text(FIGURE, COLUMN="search_val_error", FILTER=", filter: {chosen: searched}")).figures


@pytest.mark.parametrize(
    ("stage", "line", "sentence"),
    [
        ("trainable: search", 5, "a search runs on one GPU, and each would hold 4; say gpus: 1, or less"),
        (
            "trainable: train\n    config: {genotype: DARTS}",
            6,
            "a training of one rank runs on one GPU, and each would",
        ),
    ],
)
def test_gpus_that_nothing_would_run_on_are_refused(stage, line, sentence):
    with pytest.raises(SpecError) as caught:
        plan(f"experiment: x\nstages:\n  s:\n    {stage}\n    resources: {{gpus: 4}}\n")
    (problem,) = caught.value.problems

    assert (problem.line, problem.path, problem.read) == (line, "stages.s.resources.gpus", "4")
    assert problem.message.startswith(sentence)


def test_a_network_whose_channels_cannot_be_halved_is_refused():
    config = "{genotype: DARTS, dataset: imagenet, network: imagenet, channels: 1}"
    found = mistakes(f"experiment: x\nstages:\n  s:\n    trainable: train\n    config: {config}\n")

    assert found == ["network: imagenet halves its first cell's channels, so there must be 2 at least"]


def test_each_group_of_parents_is_asked_whether_it_will_find_what_its_children_refer_to():
    """Two groups that leave their children the same settings: of which one finds it, and the other does not."""
    found = mistakes(text().replace("${search.genotype}", "${search.genotype_with_none}"))

    assert len(found) == 1
    assert "genotype_with_none" in found[0]
    assert "random" in found[0]
