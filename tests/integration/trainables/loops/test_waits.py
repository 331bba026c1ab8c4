"""Once a batch lies on the device, a whole step gives the device all its work without waiting for it."""

from functools import partial

import pytest
import torch
from small_searches import SETTINGS
from small_trainings import CONFIG, PATH
from waits import META, Waits

from trainables.config import SearchConfig
from trainables.loops.search import SearchRun
from trainables.loops.training import FinalRun

MULTICHANNEL = {"kind": "multichannel", "scales": [2, 3], "blocks": 1, "layers": 2, "head_channels": 4}
SEARCHES = [
    {"weighting": "max_w", "activation_checkpointing": True},
    {"order": 2, "space": MULTICHANNEL},
]
TRAININGS = [
    {"image_size": None},
    {"accumulate": 2, "auxiliary": False},
    {"network": "multichannel", "genotype": PATH, "auxiliary": False, "drop_path": 0.0},
]


def search_step(mini, device, changes, *, whole=False):
    """The next step of a search, as `next_step` says."""
    config = SearchConfig.model_validate({**SETTINGS, "train_images": 60, **changes})
    return next_step(SearchRun(config, seed=0, dataset=mini, device=device), whole=whole)


def training_step(mini, device, changes, *, whole=False):
    """The next step of a final training, as `next_step` says."""
    return next_step(FinalRun(CONFIG.model_copy(update=changes), seed=0, dataset=mini, device=device), whole=whole)


def next_step(run, *, whole):
    """Return a function of nothing that takes a step: the whole of it, or from when its images lie on the device.

    Of the first two of the epoch's steps, which do not look at the losses.
    """
    if not whole:
        batches = [batch for _, batch in zip(range(2), run._batches(), strict=False)]
        run._batches = lambda: batches
    return partial(next, run._train())


def waits_of(step):
    step()  # the first one makes the optimizers' states
    with Waits() as waits:
        step()
    return waits.counts


@pytest.mark.parametrize("changes", SEARCHES, ids=str)
def test_a_step_of_a_search_waits_for_nothing(mini, one_thread, changes):
    assert waits_of(search_step(mini, META, changes)) == {}


@pytest.mark.parametrize("changes", TRAININGS, ids=lambda changes: "-".join(changes))
def test_a_step_of_a_final_training_waits_for_nothing(mini, one_thread, changes):
    assert waits_of(training_step(mini, META, changes)) == {}


def test_what_waits_is_counted():
    x_BC = torch.zeros(2, 3, device=META, requires_grad=True)

    def step():
        (x_BC[:, [0, 2]].sum() + x_BC.sum() * torch.ones(3).to(META)[0]).backward()

    assert {*waits_of(step)} == {"lift_fresh", "_to_copy"}


@pytest.mark.gpu
@pytest.mark.parametrize("changes", SEARCHES, ids=str)
def test_cuda_itself_sees_no_wait_in_a_step_of_a_search(mini, changes, assert_no_waits):
    assert_no_waits(search_step(mini, torch.device("cuda"), changes, whole=True))


@pytest.mark.gpu
@pytest.mark.parametrize("changes", TRAININGS, ids=lambda changes: "-".join(changes))
def test_cuda_itself_sees_no_wait_in_a_step_of_a_final_training(mini, changes, assert_no_waits):
    assert_no_waits(training_step(mini, torch.device("cuda"), changes, whole=True))


@pytest.fixture
def assert_no_waits():
    """Take a step twice, the second time with every wait an error."""
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")

    def take(step):
        step()
        torch.cuda.set_sync_debug_mode("error")
        try:
            step()
        finally:
            torch.cuda.set_sync_debug_mode("default")

    return take
