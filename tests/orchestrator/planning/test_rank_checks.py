"""What a plan refuses of trials in several processes."""

import pytest

from orchestrator.document.experiment import parse_experiment
from orchestrator.errors import SpecError
from orchestrator.planning.plan import expand
from trainables.catalog import CATALOG


def plan(settings: str, gpus: float):
    return expand(
        parse_experiment(
            "experiment: x\nstages:\n  t:\n    trainable: train\n"
            f"    config: {{genotype: SHARPSEPCONV_DARTS, dataset: cifar10-mini, {settings}}}\n"
            f"    resources: {{gpus: {gpus}}}\n"
        ),
        CATALOG,
    )


@pytest.mark.parametrize(
    ("settings", "gpus"),
    [
        ("ranks: 4", 4),
        ("ranks: 4", 0),
        ("ranks: 1", 0.5),
        ("ranks: 4, train_images: 80", 4),
        ("ranks: 1, accumulate: 8", 1),
    ],
)
def test_each_rank_has_a_gpu_or_all_share_the_cpu(settings, gpus):
    (trial,) = plan(settings, gpus).trials

    assert trial.spec.config.get("ranks", 1) == int(settings[7])


@pytest.mark.parametrize(
    ("settings", "gpus", "sentence"),
    [
        ("ranks: 4", 2, "4 ranks take a GPU each, and the stage's resources ask for 2; say gpus: 4 there"),
        ("ranks: 2", 0.5, "2 ranks take a GPU each, and the stage's resources ask for 0.5; say gpus: 2 there"),
        ("ranks: 2, train_images: 130", 2, "the last batch of 130 images has 2, and each of 2 ranks needs two of them"),
        ("ranks: 2, train_images: 140, validation_images: 10", 2, "the last batch of 130 images has 2, and each of 2"),
        ("ranks: 2, validation_images: 590", 2, "the last batch of 1410 images has 2, and each of 2 ranks needs two"),
        ("ranks: 4, batch_size: 6, warmup_epochs: 0", 4, "a batch has 6, and each of 4 ranks needs two of them"),
        ("accumulate: 9", 1, "the last batch of 2000 images has 16, which can be computed in no more than 8 parts"),
        ("accumulate: 33, train_images: 640", 1, "a batch has 64, which can be computed in no more than 32 parts"),
        (
            "accumulate: 2, train_images: 130",
            1,
            "the last batch of 130 images has 2, which can be computed in one part only",
        ),
        ("accumulate: 2, ranks: 2, train_images: 70", 2, "needs two of them in each of its 2 parts"),
        ("ranks: 17", 0, "must be at most 16"),
        ("ranks: two", 0, "must be a whole number"),
        ("ranks: 0", 0, "must be at least 1"),
    ],
)
def test_ranks_and_parts_that_cannot_be_are_refused_in_one_sentence(settings, gpus, sentence):
    with pytest.raises(SpecError) as caught:
        plan(settings, gpus)

    (problem,) = caught.value.problems
    assert sentence in problem.message
    assert problem.line == 5


def test_the_number_of_ranks_has_a_part_in_the_trials_id():
    ids = {plan(f"ranks: {ranks}", 0).trials[0].trial_id for ranks in (1, 2, 4)}

    assert len(ids) == 3
    assert plan("ranks: 1", 0).trials[0].trial_id == plan("p: 2", 0).trials[0].trial_id
