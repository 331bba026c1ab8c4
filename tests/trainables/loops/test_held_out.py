"""The test on images that played no part in any choice."""

import contextlib
from functools import partial

import numpy as np
import pytest
import torch
from new_images import as_official
from small_trainings import small_training
from torch import nn

from trainables.catalog import CATALOG
from trainables.data.augmentation.transforms import EvalTransform
from trainables.data.cache import Dataset
from trainables.data.catalog import EVALUATION_SETS, HELD_OUT
from trainables.data.cifar10_1 import import_pair
from trainables.loops.held_out import held_out_errors
from trainables.trial import Step

HERE = Step(epoch=2, step=3, steps=3)


class Threshold(nn.Module):
    """Says class 1 of images brighter than its one parameter, else class 0."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level))
        self.norm = nn.BatchNorm2d(3)  # has buffers, and would move them while training

    def forward(self, x_BCHW):
        bright_B = (self.norm(x_BCHW).mean(dim=(1, 2, 3)) > self.level).float()
        rest_B8 = torch.full((len(bright_B), 8), -1.0)
        return torch.cat([torch.stack([1 - bright_B, bright_B], dim=1), rest_B8], dim=1), None


@pytest.fixture
def held_out(tmp_path, monkeypatch, mini: Dataset):
    """Twenty black and white images as CIFAR-10.1, the white ones of class 1, in a cache of their own."""
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "cache"))
    info = EVALUATION_SETS["cifar10_1"]
    labels = np.arange(20) % 2
    pixels = np.broadcast_to((255 * labels).astype(np.uint8)[:, None, None, None], (20, 32, 32, 3))
    for name, array in zip(info.files, (pixels, labels), strict=True):
        np.save(tmp_path / name, array)

    return lambda: import_pair(as_official(tmp_path), tmp_path)


def run(network, kept, *, dataset="cifar10", compute=contextlib.nullcontext):
    """Return the pauses and the errors."""
    pauses = []
    work = held_out_errors(
        network.eval(),
        kept,
        dataset=dataset,
        transform=EvalTransform((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        here=HERE,
        device=torch.device("cpu"),
        compute=compute,
    )
    while True:
        try:
            pauses.append(next(work))
        except StopIteration as end:
            return pauses, end.value


def test_the_last_weights_and_those_that_were_kept_are_each_tested_once(held_out, small_evaluations):
    held_out()
    last, best = Threshold(5.0), Threshold(0.0)  # the last says that nothing is white

    pauses, errors = run(last, {"best": best.state_dict(), "selected": last.state_dict()})

    assert errors == {"cifar10_1_error": 50.0, "cifar10_1_error_best": 0.0, "cifar10_1_error_selected": 50.0}
    assert pauses == [HERE] * 3 * 3


def test_the_network_is_left_as_it_was_at_every_pause(held_out, small_evaluations):
    held_out()
    last = Threshold(5.0)
    before = {name: tensor.clone() for name, tensor in last.state_dict().items()}

    work = held_out_errors(
        last.eval(),
        {"best": Threshold(0.0).state_dict()},
        dataset="cifar10",
        transform=EvalTransform((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        here=HERE,
        device=torch.device("cpu"),
    )

    as_before = [all(torch.equal(before[name], tensor) for name, tensor in last.state_dict().items()) for _ in work]
    assert as_before == [True] * 2 * 3


def test_each_call_of_the_network_is_in_the_context_it_was_given(held_out, small_evaluations):
    held_out()
    entered = []

    @contextlib.contextmanager
    def compute():
        entered.append(torch.is_grad_enabled())
        yield

    run(Threshold(0.0), {"best": Threshold(0.0).state_dict()}, compute=compute)

    assert entered == [False] * 6


def test_without_the_images_there_are_no_such_errors(held_out):
    network = Threshold(0.0)

    assert run(network, {"best": network.state_dict()}) == ([], {})


def test_only_networks_trained_on_all_of_cifar10_are_tested_on_it(held_out):
    held_out()
    network = Threshold(0.0)

    assert run(network, {"best": network.state_dict()}, dataset="cifar10-mini") == ([], {})
    assert HELD_OUT == {"cifar10": "cifar10_1"}


def test_the_catalog_names_the_errors_so_that_tables_may_show_them(held_out):
    held_out()
    network = Threshold(0.0)

    kept = {"best": network.state_dict(), "selected": network.state_dict()}
    assert set(run(network, kept)[1]) == {name for name in CATALOG["train"].metrics if name.startswith("cifar10_1")}


@pytest.fixture
def build(held_out, mini, one_thread, small_network, small_evaluations, monkeypatch):
    """Builds a final training of two epochs, whose dataset has held-out images."""
    monkeypatch.setitem(HELD_OUT, "cifar10-mini", "cifar10_1")
    return partial(small_training, mini, batch_size=10, learning_rate=0.2)


def test_a_training_measures_them_at_its_end_and_the_row_lacks_them_otherwise(build, held_out, resumes):
    without, *_ = resumes(build).uninterrupted()[1]
    held_out()
    pauses, (metrics, *_) = resumes(build).uninterrupted()

    assert set(metrics) - set(without) == {"cifar10_1_error", "cifar10_1_error_best"}
    assert {name: metrics[name] for name in without} == without
    assert all(0 <= metrics[name] <= 100 for name in set(metrics) - set(without))
    assert [pause.metrics is not None for pause in pauses[-7:]] == [True] + [False] * 6
    assert {(pause.epoch, pause.step) for pause in pauses[-6:]} == {(2, 2)}


def test_a_training_stopped_while_it_measures_them_ends_in_the_same_row(build, held_out, resumes):
    held_out()
    runs = resumes(build)
    pauses, uninterrupted = runs.uninterrupted()

    for position in range(7):
        assert runs.stopped_at(len(pauses) - 7 + position) == uninterrupted
