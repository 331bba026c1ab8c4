"""AutoAugment as a setting of whole runs: it changes them, and they still resume to the same bits."""

import pytest
import torch

from trainables.architecture.published import PUBLISHED
from trainables.config import SearchConfig, TrainConfig
from trainables.loops.search import SearchRun
from trainables.loops.training import FinalRun

SMALL = {"dataset": "cifar10-mini", "train_images": 20, "epochs": 1, "batch_size": 8, "layers": 3, "warmup_epochs": 0}


@pytest.fixture
def build_search(mini, one_thread, small_supernet):
    def build(**changes):
        config = SearchConfig(channels=2, **SMALL, **changes)
        return SearchRun(config, seed=0, dataset=mini, device=torch.device("cpu"))

    return build


@pytest.fixture
def build_training(mini, one_thread, small_network):
    def build(**changes):
        genotype = PUBLISHED["SHARPSEPCONV_DARTS"].to_json()
        config = TrainConfig(genotype=genotype, test_images=20, channels=4, **SMALL, **changes)
        return FinalRun(config, seed=0, dataset=mini, device=torch.device("cpu"))

    return build


@pytest.fixture(params=["build_search", "build_training"])
def build(request):
    return request.getfixturevalue(request.param)


def test_a_run_with_autoaugment_resumes_to_the_same_bits(build, resumes):
    runs = resumes(lambda: build(autoaugment=True))
    pauses, uninterrupted = runs.uninterrupted()

    for position in (0, len(pauses) // 2):
        assert runs.stopped_at(position) == uninterrupted, pauses[position]


def test_a_run_with_autoaugment_is_another_run(build, resumes):
    _, plain = resumes(build).uninterrupted()
    _, off = resumes(lambda: build(autoaugment=False)).uninterrupted()
    _, on = resumes(lambda: build(autoaugment=True)).uninterrupted()

    assert off == plain
    assert on != plain
