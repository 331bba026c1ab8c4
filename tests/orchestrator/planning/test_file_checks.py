"""What a plan says about datasets that are kept as files."""

import pytest

from orchestrator.document.experiment import parse_experiment
from orchestrator.errors import SpecError
from orchestrator.planning.plan import expand
from trainables.catalog import CATALOG

TRAIN = "trainable: train\n    config: {genotype: SHARPSEPCONV_DARTS, "


def plan(stage: str):
    return expand(parse_experiment(f"experiment: x\nstages:\n  s:\n    {stage}}}\n"), CATALOG)


def sentences(stage: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        plan(stage)
    return [problem.message for problem in caught.value.problems]


def test_imagenet_can_be_planned_for_where_it_is_not():
    (trial,) = plan(
        TRAIN + "dataset: imagenet, network: imagenet, image_size: 128, corrupt_limit: 5, batch_size: 96"
    ).trials

    assert trial.spec.config["dataset"] == "imagenet"
    assert trial.spec.config["image_size"] == 128


def test_a_search_on_files_is_refused_in_one_sentence():
    (sentence,) = sentences("trainable: search\n    config: {dataset: imagenet")

    assert "ImageNet (ILSVRC 2012) is kept as files, and a search needs small images of one size" in sentence


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("image_size: 24", "CIFAR-10 is one array, whose images are taken as they are; leave this out"),
        ("corrupt_limit: 3", "only images that are kept as files can turn out to be unreadable; leave this out"),
    ],
)
def test_settings_of_files_are_refused_for_arrays(setting, why):
    (sentence,) = sentences(TRAIN + setting)

    assert why in sentence


def test_a_number_of_images_that_some_class_does_not_have_is_refused():
    (sentence,) = sentences(TRAIN + "dataset: imagenet, network: imagenet, train_images: 733000")

    assert "takes 733 images of each class, but imagenet has 732 of" in sentence


def test_fetching_imagenet_takes_a_folder_and_checks_it(sharptune, tmp_path):
    for split in ("train", "val"):
        (tmp_path / "images" / split / "n01440764").mkdir(parents=True)
    wrong = sharptune("data", "fetch", "imagenet", "--folder", str(tmp_path / "images"))
    none = sharptune("data", "fetch", "imagenet")

    assert wrong.code == none.code == 2
    assert "does not hold ImageNet (ILSVRC 2012): it has 1 classes, 0 training and 0 validation images" in wrong.err
    assert "run: sharptune data fetch imagenet --folder FOLDER" in none.err
